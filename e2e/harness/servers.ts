import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished, type TestContext } from 'vitest';
import type { IamCall } from '../../mocks/iam/endpoint.ts';
import { createFaultPlan } from '../../mocks/iam/fault-plan.ts';
import { startIamServer, type IamServer, type IamServerOptions } from '../../mocks/iam/server.ts';
import {
  startMetristStandIn,
  type MetristStandIn,
  type MetristStandInOptions,
} from '../../metrist/testing/stand-in.ts';
import { secrets } from './run.ts';

/** The hook of the test's context, which a concurrent test must give. */
type Cleanup = Partial<Pick<TestContext, 'onTestFinished'>>;

/** A mock of IAM for the running test; `faults` as in AWSIAM_MOCK_FAULTS. */
export async function startIam(
  faults = '',
  { onTestFinished: cleanUp = onTestFinished, ...options }: IamServerOptions & Cleanup = {},
): Promise<IamServer> {
  const server = await startIamServer({ faults: createFaultPlan(faults), ...options });
  cleanUp(() => server.close());
  return server;
}

/** Resolves at the next request of this operation. */
export async function arrival(iam: IamServer, operation: string): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  iam.events.on('call', (call: IamCall) => {
    if (call.operation === operation) resolve();
  });
  await promise;
}

/** A stand-in of Metrist for the running test. */
export async function startMetrist({
  onTestFinished: cleanUp = onTestFinished,
  ...options
}: Partial<MetristStandInOptions> & Cleanup = {}): Promise<MetristStandIn> {
  const metrist = await startMetristStandIn({ token: secrets.apiToken, ...options });
  cleanUp(() => metrist.close());
  return metrist;
}

/** The settings that send a live run's results to the stand-in. */
export function metristEnv({ url }: Pick<MetristStandIn, 'url'>): Record<string, string> {
  return { METRIST_API_HOST: url, METRIST_API_TOKEN: secrets.apiToken, METRIST_INSTANCE_ID: 'e2e-1' };
}

/** A server that takes requests and never answers, for the running test. */
export async function startSilentServer({ onTestFinished: cleanUp = onTestFinished }: Cleanup = {}): Promise<{
  readonly silent: http.Server;
  readonly url: string;
}> {
  const silent = http.createServer(() => {}).listen(0, '127.0.0.1');
  cleanUp(() => {
    silent.closeAllConnections();
    silent.close();
  });
  await once(silent, 'listening');
  return { silent, url: `http://127.0.0.1:${(silent.address() as AddressInfo).port}` };
}
