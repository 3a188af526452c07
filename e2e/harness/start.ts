import { onTestFinished } from 'vitest';
import { createFaultPlan } from '../../mocks/iam/faults.ts';
import { startIamServer, type IamServer, type IamServerOptions } from '../../mocks/iam/server.ts';
import {
  startMetristStandIn,
  type MetristStandIn,
  type MetristStandInOptions,
} from '../../metrist/testing/stand-in.ts';
import { secrets } from './run-vitest.ts';

/** A server with IAM's protocol for the running test; `faults` as in AWSIAM_MOCK_FAULTS. */
export async function startIam(faults = '', options: IamServerOptions = {}): Promise<IamServer> {
  const server = await startIamServer({ faults: createFaultPlan(faults), ...options });
  onTestFinished(() => server.close());
  return server;
}

/** A stand-in of Metrist for the running test. */
export async function startMetrist(options: Partial<MetristStandInOptions> = {}): Promise<MetristStandIn> {
  const metrist = await startMetristStandIn({ token: secrets.apiToken, ...options });
  onTestFinished(() => metrist.close());
  return metrist;
}

/** The settings that send a live run's results to the stand-in. */
export function metristEnv({ url }: MetristStandIn): Record<string, string> {
  return { METRIST_API_HOST: url, METRIST_API_TOKEN: secrets.apiToken, METRIST_INSTANCE_ID: 'e2e-1' };
}
