import { onTestFinished, vi } from 'vitest';
import { createFaultPlan } from '../../../mocks/iam/fault-plan.ts';
import { seedKeyHolder } from '../../../mocks/iam/seeding.ts';
import { startIamServer } from '../../../mocks/iam/server.ts';
import { createIamState, type IamState, type IamStateOptions } from '../../../mocks/iam/state.ts';
import type { Values } from '../../../runner/monitor.ts';
import { runProgram } from '../../program.ts';
import { testContext } from '../../testing/context.ts';
import type { Finding, GroupName } from '../finding.ts';
import type { examinationJson } from '../render.ts';

/** The settings of a monitor that works, except its endpoint. */
export const goodSettings = {
  METRIST_AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE',
  METRIST_AWS_SECRET_ACCESS_KEY: 'wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY',
  METRIST_AWS_REGION: 'us-east-1',
  METRIST_NAMESPACE: 'dev',
};

export interface Examined {
  readonly code: number;
  /** What each group found that was checked. */
  readonly found: Readonly<Partial<Record<GroupName, readonly Finding[]>>>;
  /** In one line each, such as `✗ the test policy does not exist: …`. */
  readonly lines: readonly string[];
}

const marks = { ok: '✓', warning: '!', failure: '✗', skipped: '-' } as const satisfies Record<Finding['state'], string>;

/** Runs `awsiam doctor --json` in this process. @param environment of the process, if `.env` added something to it */
export async function examine(values: Values, args: readonly string[] = [], environment = values): Promise<Examined> {
  const context = testContext(values, { environment });
  const code = await runProgram(['doctor', '--json', ...args], context);
  const { output, errorOutput } = context.written;
  if (!output.startsWith('{')) throw new Error(`there is no document: ${output}${errorOutput}`);
  const { groups } = JSON.parse(output) as ReturnType<typeof examinationJson>;
  return {
    code,
    found: Object.fromEntries(groups.map(({ name, findings }) => [name, findings])),
    lines: groups.flatMap(({ findings }) => findings.map(({ state, what }) => `${marks[state]} ${what}`)),
  };
}

/** A mocked account on loopback until the test is over, and the settings that lead to it. */
export async function startAccount({
  faults = '',
  ...options
}: IamStateOptions & { readonly faults?: string } = {}): Promise<{
  readonly state: IamState;
  readonly values: Values;
  /** The operations of IAM that were asked for, in order. */
  readonly operations: () => readonly string[];
}> {
  const state = createIamState(options);
  const server = await startIamServer({ state, faults: createFaultPlan(faults) });
  // The SDK's client of STS finds its endpoint there.
  vi.stubEnv('AWS_ENDPOINT_URL', server.url);
  onTestFinished(async () => {
    vi.unstubAllEnvs();
    await server.close();
  });
  const { AccessKeyId: id, SecretAccessKey: secret } = state.isStrict ? seedKeyHolder(state, 'awsiam-monitor') : {};
  const keys = id && secret && { METRIST_AWS_ACCESS_KEY_ID: id, METRIST_AWS_SECRET_ACCESS_KEY: secret };
  return {
    state,
    values: { ...goodSettings, ...(keys || undefined), AWS_ENDPOINT_URL: server.url },
    operations: () =>
      server.calls.map(({ operation }) => operation).filter((name) => name !== 'none' && name !== 'GetCallerIdentity'),
  };
}
