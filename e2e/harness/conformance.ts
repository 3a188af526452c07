import { expect, test as base } from 'vitest';
import { createFaultPlan } from '../../mocks/iam/fault-plan.ts';
import { listEntities } from '../../mocks/iam/seeding.ts';
import { type IamServer, type IamServerOptions, startIamServer } from '../../mocks/iam/server.ts';
import { Orchestrator, type OrchestratorOptions } from './orchestrator.ts';
import { secrets } from './run.ts';

export const stepNames = [
  'CreateUser',
  'CreateGroup',
  'AddUserToGroup',
  'RemoveUserFromGroup',
  'DeleteGroup',
  'AttachPolicy',
  'DetachPolicy',
  'DeleteUser',
] as const;

/** The IAM operation of a step. */
export function operationOf(step: string): string {
  return step.replace(/^(At|De)tachPolicy$/, '$1tachUserPolicy');
}

/** A valid Config, which the Orchestrator takes from the registration's extra_config. */
export const goodConfig = {
  AWSAccessKeyId: secrets.accessKeyId,
  AWSSecretAccessKey: secrets.secretAccessKey,
  AWSRegion: 'us-east-1',
  Namespace: 'e2e',
} as const;

export interface Scenario {
  /** An empty account; `faults` as in AWSIAM_MOCK_FAULTS. It must be empty again at the end. */
  account(faults?: string, options?: IamServerOptions): Promise<IamServer>;
  /** An account that need not be empty at the end. */
  usedAccount(faults?: string, options?: IamServerOptions): Promise<IamServer>;
  /** Starts a monitor for an account. It must end by itself, and write only frames and no secret. */
  start(iam: IamServer | undefined, options?: OrchestratorOptions): Promise<Orchestrator>;
}

/** A test with one or more monitors. After the test it checks what must be true of each of them. */
export const test = base.extend<{ scenario: Scenario }>({
  scenario: async ({ task }, use) => {
    const accounts: { readonly iam: IamServer; readonly isChecked: boolean }[] = [];
    const monitors: Orchestrator[] = [];
    const open = async (isChecked: boolean, faults = '', options: IamServerOptions = {}): Promise<IamServer> => {
      const iam = await startIamServer({ faults: createFaultPlan(faults), ...options });
      accounts.push({ iam, isChecked });
      return iam;
    };
    await use({
      account: (faults, options) => open(true, faults, options),
      usedAccount: (faults, options) => open(false, faults, options),
      start: async (iam, { env, ...options } = {}) => {
        const monitor = new Orchestrator({
          env: { ...(iam && { AWS_ENDPOINT_URL_IAM: iam.url }), ...env },
          ...options,
        });
        monitors.push(monitor);
        return monitor;
      },
    });
    const unended = monitors.filter(({ isOver }) => !isOver);
    for (const monitor of unended) await monitor.kill();
    for (const { iam } of accounts) await iam.close();

    expect(unended.map(describe), `${task.name}: the test must wait for the end of each monitor`).toEqual([]);
    for (const monitor of monitors) {
      const { killed } = await monitor.ended;
      expect(killed, `had to be killed: ${describe(monitor)}`).toBe(false);
      expect(monitor.stray, 'bytes on stdout that belong to no frame').toBe('');
      expect(leaksOf(`${monitor.stdout}\n${monitor.stderr}`)).toEqual([]);
    }
    for (const { iam } of accounts.filter(({ isChecked }) => isChecked)) {
      expect(listEntities(iam.state), monitors.map(describe).join('\n')).toEqual({ users: [], groups: [] });
    }
  },
});

function describe({ messages, stderr }: Orchestrator): string {
  return `${JSON.stringify(messages, undefined, 2)}\n${stderr}`;
}

/** The secrets and parts of secrets that a text contains: plain, in base16 or in base64. */
export function leaksOf(text: string): string[] {
  const { accessKeyId, ...hidden } = secrets;
  const pieces = Object.values(hidden).flatMap((secret) =>
    Array.from({ length: secret.length - 11 }, (_, start) => secret.slice(start, start + 12)),
  );
  const lower = text.toLowerCase();
  return [accessKeyId, ...pieces].filter(
    (piece) =>
      text.includes(piece) ||
      lower.includes(Buffer.from(piece).toString('hex')) ||
      [0, 1, 2].some((offset) => text.includes(base64At(piece, offset))),
  );
}

/** The part of a base64 text that depends on the piece alone, if `offset` bytes come before it. */
function base64At(piece: string, offset: number): string {
  const bytes = Buffer.concat([Buffer.alloc(offset), Buffer.from(piece)]);
  const whole = bytes.length - (bytes.length % 3);
  return bytes.toString('base64', offset === 0 ? 0 : 3, whole);
}

/** Sends and awaits everything up to `Configured`. */
export async function completeHandshake(
  monitor: Orchestrator,
  config: Readonly<Record<string, unknown>> = goodConfig,
): Promise<void> {
  await monitor.next(/^Started /);
  monitor.send('Version 1.1');
  await monitor.next(/^Ready$/);
  monitor.send(`Config ${JSON.stringify(config)}`);
  await monitor.next(/^Configured$/);
}

/** Sends `Run Step` for each step in turn, and waits for its answer. */
export async function runSteps(monitor: Orchestrator, names: readonly string[]): Promise<StepAnswer[]> {
  const answers: StepAnswer[] = [];
  for (const name of names) {
    monitor.send(`Run Step ${name}`);
    answers.push(parseStep(await monitor.next(/^Step /)));
  }
  return answers;
}

/** An answer to `Run Step` as the Orchestrator parses it. */
export interface StepAnswer {
  readonly kind: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** The time, or the text of the error. */
  readonly rest: string;
}

/** Parses `Step Time`, `Step OK` and `Step Error`. All metadata must be base16. */
export function parseStep(message: string): StepAnswer {
  const [, kind = message, word = '', rest = ''] = /^Step (\w+) (\S+=\S+ )?([^]*)$/.exec(message) ?? [];
  const pairs = word.trim() === '' ? [] : word.trim().split(',');
  return {
    kind,
    metadata: Object.fromEntries(
      pairs.map((pair) => {
        const [, key = pair, hex] = /^([^=]+)=((?:[\da-f]{2})+)$/.exec(pair) ?? [];
        return [key, hex === undefined ? 'not base16' : Buffer.from(hex, 'hex').toString()];
      }),
    ),
    rest,
  };
}
