import { expect, test as base } from 'vitest';
import { createFaultPlan } from '../../mocks/iam/faults.ts';
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

/** The call of IAM that a step makes. */
export function operationOf(step: string): string {
  return step.replace(/^(At|De)tachPolicy$/, '$1tachUserPolicy');
}

/** What the Orchestrator has from the registration's extra_config. */
export const goodConfig = {
  AWSAccessKeyId: secrets.accessKeyId,
  AWSSecretAccessKey: secrets.secretAccessKey,
  AWSRegion: 'us-east-1',
  Namespace: 'e2e',
} as const;

export interface Scenario {
  /** An empty account; `faults` as in AWSIAM_MOCK_FAULTS. It has to be empty at the end again. */
  account(faults?: string, options?: IamServerOptions): Promise<IamServer>;
  /** An account in which something may be left at the end. */
  usedAccount(faults?: string, options?: IamServerOptions): Promise<IamServer>;
  /** Starts a monitor for an account. It has to end by itself, and to have written nothing but frames and no secret. */
  start(iam: IamServer | undefined, options?: OrchestratorOptions): Promise<Orchestrator>;
}

/** A test of one conversation, or of several. What must be true of each of them is checked at the end of each test. */
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

    expect(unended.map(describe), `${task.name}: has to wait for the end of what it starts`).toEqual([]);
    for (const monitor of monitors) {
      const { killed } = await monitor.ended;
      expect(killed, `ended by itself: ${describe(monitor)}`).toBe(false);
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

/** What of the secrets stands in a text, whole or in part, as it is, base16 or base64. */
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

/** The part of a base64 text that tells the piece alone, where so many bytes stand before it. */
function base64At(piece: string, offset: number): string {
  const bytes = Buffer.concat([Buffer.alloc(offset), Buffer.from(piece)]);
  const whole = bytes.length - (bytes.length % 3);
  return bytes.toString('base64', offset === 0 ? 0 : 3, whole);
}

/** Everything up to `Configured`. */
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

/** Sends `Run Step` for each in turn, and waits for the answers. */
export async function runSteps(monitor: Orchestrator, names: readonly string[]): Promise<StepAnswer[]> {
  const answers: StepAnswer[] = [];
  for (const name of names) {
    monitor.send(`Run Step ${name}`);
    answers.push(parseStep(await monitor.next(/^Step /)));
  }
  return answers;
}

/** What the Orchestrator makes of the answer to `Run Step`. */
export interface StepAnswer {
  readonly kind: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** The time, or the error's text. */
  readonly rest: string;
}

/** Takes `Step Time`, `Step OK` and `Step Error` apart. All metadata has to be base16. */
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
