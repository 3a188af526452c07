import { once } from 'node:events';
import { type TestContext, test } from 'vitest';
import { toMetristResults } from '../../metrist/delivery/results.ts';
import type { IamCall } from '../../mocks/iam/endpoint.ts';
import { createFaultPlan } from '../../mocks/iam/fault-plan.ts';
import { listEntities } from '../../mocks/iam/seeding.ts';
import { type IamServer, startIamServer } from '../../mocks/iam/server.ts';
import { Interruption } from '../../runner/interruption.ts';
import type { TeardownReport } from '../../runner/monitor-run.ts';
import { MonitorRunner } from '../../runner/run-monitor.ts';
import type { Evidence, StepResult, Verdict } from '../../runner/step-result.ts';
import { monitorRun } from '../../runner/testing/builders.ts';
import { awsiam } from '../../suites/awsiam/monitor.ts';
import { steps, type StepName } from '../../suites/awsiam/steps.ts';
import { operationOf } from '../harness/conformance.ts';
import { liveEnv } from '../harness/run.ts';

/**
 * Tests every step with every fault, with the real client over HTTP: the result and its verdict, the blocked steps, what the
 * server carried out, and that nothing is left behind. A lasting fault affects the three attempts of the step. Teardown then
 * finds a working IAM.
 */

/** What the step does to the account. The effect of some faults depends on it. */
const kinds = {
  CreateUser: 'creates',
  CreateGroup: 'creates',
  AddUserToGroup: 'links',
  RemoveUserFromGroup: 'unlinks',
  DeleteGroup: 'deletes',
  AttachPolicy: 'links',
  DetachPolicy: 'unlinks',
  DeleteUser: 'deletes',
} as const satisfies Record<StepName, string>;
type Kind = (typeof kinds)[StepName];

/** The expected result of the step. */
type Outcome =
  | { readonly state: 'passed'; readonly attempts: number; readonly evidence?: keyof Evidence }
  | { readonly state: 'failed'; readonly verdict: Verdict; readonly attempts: number }
  | { readonly state: 'interrupted' };

const passed = (attempts: number, evidence?: keyof Evidence): Outcome => ({
  state: 'passed',
  attempts,
  ...(evidence && { evidence }),
});
const failed = (verdict: Verdict, attempts: number): Outcome => ({ state: 'failed', verdict, attempts });
const interrupted: Outcome = { state: 'interrupted' };

interface Fault {
  readonly title: string;
  /** As in AWSIAM_MOCK_FAULTS. */
  readonly fault: string;
  readonly outcome: Outcome | ((kind: Kind) => Outcome);
  /** Whether the request may be carried out later. If it creates an entity, the run names the entity. @default false */
  readonly mayAppear?: true;
}

const faults: readonly Fault[] = [
  { title: '500 once', fault: 'ServiceFailure:1', outcome: passed(2) },
  { title: '500 always', fault: 'ServiceFailure:3', outcome: failed('service', 3) },
  { title: '503 once', fault: 'ServiceUnavailable:1', outcome: passed(2) },
  { title: 'throttled once', fault: 'Throttling:1', outcome: passed(2) },
  { title: 'throttled always', fault: 'Throttling:3', outcome: failed('throttled', 3) },
  { title: 'access denied', fault: 'AccessDenied:1', outcome: failed('permission', 1) },
  { title: 'expired token', fault: 'ExpiredToken:1', outcome: failed('credentials', 1) },
  { title: 'limit exceeded', fault: 'LimitExceeded:1', outcome: failed('quota', 1) },
  { title: 'connection reset before IAM carried it out', fault: 'reset-before:1', outcome: passed(2), mayAppear: true },
  {
    title: 'connection reset after IAM carried it out',
    fault: 'reset-after:1',
    // Adding and attaching can be repeated without an error, so there is nothing to resolve.
    outcome: (kind) => (kind === 'links' ? passed(2) : passed(2, 'resolution')),
  },
  { title: 'truncated answer', fault: 'truncated:1', outcome: failed('service', 1) },
  { title: "a proxy's page", fault: 'html:1', outcome: failed('service', 1) },
  { title: 'a page that is well-formed XML', fault: 'xhtml:1', outcome: failed('service', 1) },
  { title: 'empty answer', fault: 'empty:1', outcome: failed('service', 1) },
  { title: 'no answer', fault: 'hang:3', outcome: failed('timeout', 3), mayAppear: true },
  {
    title: 'no answer, but IAM carried it out',
    fault: 'hang-after:1',
    outcome: (kind) => (kind === 'links' ? passed(2) : passed(2, 'resolution')),
  },
  {
    title: 'NoSuchEntity twice, then fine',
    fault: 'NoSuchEntity:2',
    // A creation refers to nothing that could be missing.
    outcome: (kind) => (kind === 'creates' ? failed('service', 1) : passed(3, 'propagationMs')),
  },
  {
    title: 'DeleteConflict twice, then fine',
    fault: 'DeleteConflict:2',
    outcome: (kind) => (kind === 'deletes' ? passed(3, 'propagationMs') : failed('service', 1)),
  },
  { title: 'interrupted before IAM carried it out', fault: 'hang:1', outcome: interrupted, mayAppear: true },
  { title: 'interrupted after IAM carried it out', fault: 'hang-after:1', outcome: interrupted },
];

const stepNames = steps.map(({ name }) => name);
const cells = faults.flatMap((fault) => stepNames.map((step) => ({ step, ...fault })));

/** A whole run, including its teardown. */
interface Run extends TeardownReport {
  readonly iam: IamServer;
  readonly results: readonly StepResult[];
  /** The requests that the steps made. */
  readonly calls: readonly IamCall[];
}

interface RunOptions {
  readonly faults: string;
  readonly requestTimeoutSecs: number;
  readonly watchMs?: number;
  /** Interrupts the run at the first request of this operation. */
  readonly interruptAt?: string;
}

async function runAll(
  { onTestFinished }: Pick<TestContext, 'onTestFinished'>,
  { faults: text, requestTimeoutSecs, interruptAt, ...options }: RunOptions,
): Promise<Run> {
  const iam = await startIamServer({ faults: createFaultPlan(text) });
  onTestFinished(() => iam.close());
  const cancel = new AbortController();
  iam.events.on('call', ({ operation }) => {
    if (operation === interruptAt) cancel.abort(new Interruption('SIGTERM'));
  });
  const values = {
    ...liveEnv,
    AWS_ENDPOINT_URL_IAM: iam.url,
    METRIST_REQUEST_TIMEOUT_SECS: String(requestTimeoutSecs),
  };
  const runner = new MonitorRunner(awsiam, { settings: awsiam.parseConfig(values), values, mode: 'live', ...options });
  await runner.open(cancel.signal);
  const results: StepResult[] = [];
  for (const name of stepNames) results.push(await runner.step(name, cancel.signal));
  const calls = [...iam.calls];
  const report = await runner.teardown();
  runner.close();
  return { iam, results, calls, ...report };
}

/** The leftover that the run must report for the entity that this operation may still create. */
function nameOf(operation: 'CreateUser' | 'CreateGroup', { calls }: Run): { entity: string; command: string } {
  const { UserName = '', GroupName = '' } = calls.find((call) => call.operation === operation)?.params ?? {};
  return operation === 'CreateUser'
    ? { entity: `user ${UserName} (may still appear)`, command: `aws iam delete-user --user-name ${UserName}` }
    : { entity: `group ${GroupName} (may still appear)`, command: `aws iam delete-group --group-name ${GroupName}` };
}

test.concurrent.for(cells)('$step, $title', async ({ step, fault, outcome, mayAppear = false }, context) => {
  const { expect } = context;
  const expected = typeof outcome === 'function' ? outcome(kinds[step]) : outcome;
  const operation = operationOf(step);
  const run = await runAll(context, {
    faults: `${operation}=${fault}`,
    // Short if the request has to time out, otherwise too long for a busy machine to reach.
    requestTimeoutSecs: fault.startsWith('hang') && expected.state !== 'interrupted' ? 2 : 30,
    ...(mayAppear && { watchMs: 500 }),
    ...(expected.state === 'interrupted' && { interruptAt: operation }),
  });
  const { iam, results, calls: callsOfSteps, leftovers, warnings } = run;

  // Nothing is left behind. The run names only entities that may still appear.
  expect(listEntities(iam.state)).toEqual({ users: [], groups: [] });
  const appearing = (step === 'CreateUser' || step === 'CreateGroup') && mayAppear ? [nameOf(step, run)] : [];
  expect(leftovers.map(({ entity, command }) => ({ entity, command }))).toEqual(appearing);
  expect(warnings).toEqual([]);

  // The steps before the fault passed, and the later ones have the expected state.
  const position = stepNames.indexOf(step);
  const after = expected.state === 'passed' ? 'passed' : 'blocked';
  expect(results.map(({ state }) => state)).toEqual(
    stepNames.map((_, index) => (index < position ? 'passed' : index === position ? expected.state : after)),
  );
  const result = results[position];
  switch (expected.state) {
    case 'passed':
      expect(result).toMatchObject({ state: 'passed', evidence: { attempts: expected.attempts } });
      if (expected.evidence) expect(result).toHaveProperty(['evidence', expected.evidence]);
      break;
    case 'failed':
      expect(result).toMatchObject({
        error: { verdict: expected.verdict },
        evidence: { attempts: expected.attempts },
      });
      break;
    case 'interrupted':
      expect(result).toMatchObject({ reason: 'the run was interrupted by SIGTERM' });
      break;
    default:
      expected satisfies never;
  }

  // The server carried out every step that passed.
  for (const [index, name] of stepNames.entries()) {
    if (results[index]?.state !== 'passed') continue;
    expect(callsOfSteps.some((each) => each.operation === operationOf(name) && each.carriedOut)).toBe(true);
  }

  // Metrist gets every success and the one failure. It gets nothing about an interruption.
  const posted = toMetristResults(monitorRun({ steps: results }), 'e2e');
  expect(posted.map(({ kind, body }) => [kind, body.check_logical_name])).toEqual([
    ...results.filter(({ state }) => state === 'passed').map(({ name }) => ['telemetry', name]),
    ...(expected.state === 'failed' ? [['error', step]] : []),
  ]);
});

/** Which attempts IAM carries out late. `$` stands for the delay in milliseconds. */
const lateAttempts = [
  ['its first attempt', 'late:$:1'],
  ['its second attempt', 'Throttling:1,late:$:1'],
  ['every attempt', 'late:$:3'],
] as const;
const lateSteps = ['CreateUser', 'CreateGroup', 'AddUserToGroup', 'AttachPolicy'] as const;
const lateCells = lateSteps.flatMap((step) =>
  lateAttempts.flatMap(([which, text]) =>
    (['before', 'after'] as const).map((when) => ({ step, which, text, when, fails: which === 'every attempt' })),
  ),
);

function lateFaults(step: StepName, text: string, lateMs: number): string {
  return text
    .split(',')
    .map((fault) => `${operationOf(step)}=${fault.replace('$', String(lateMs))}`)
    .join(',');
}

test.concurrent.for(lateCells)(
  '$step, IAM carries out $which late, $when the run stops watching',
  async ({ step, text, when, fails }, context) => {
    const { expect } = context;
    const lateMs = when === 'before' ? 2500 : 600_000;
    const run = await runAll(context, {
      faults: lateFaults(step, text, lateMs),
      requestTimeoutSecs: 2,
      watchMs: when === 'before' ? 5000 : 500,
    });
    const { iam, results, leftovers, warnings } = run;
    const position = stepNames.indexOf(step);
    expect(results.map(({ state }) => state)).toEqual(
      stepNames.map((_, index) => (!fails || index < position ? 'passed' : index === position ? 'failed' : 'blocked')),
    );
    expect(listEntities(iam.state)).toEqual({ users: [], groups: [] });
    expect(warnings).toEqual([]);
    const named = leftovers.map(({ entity, command }) => ({ entity, command }));
    if (step !== 'CreateUser' && step !== 'CreateGroup') expect(named).toEqual([]);
    else if (when === 'after') expect(named).toEqual([nameOf(step, run)]);
    // If everything that could appear did so during the watch, the run names nothing.
    else expect([[], [nameOf(step, run)]]).toContainEqual(named);
  },
);

test.concurrent.for(['CreateUser', 'CreateGroup'] as const)(
  '%s, the run has already named what appears after it stops watching',
  async (step, context) => {
    const { expect } = context;
    const run = await runAll(context, {
      faults: lateFaults(step, 'late:$:1', 6000),
      requestTimeoutSecs: 2,
      watchMs: 500,
    });
    const { iam, leftovers } = run;
    if (!run.calls.every(({ fault, carriedOut }) => fault !== 'late' || carriedOut)) await once(iam.events, 'late');
    const { users, groups } = listEntities(iam.state);
    const commands = [
      ...users.map((name) => `aws iam delete-user --user-name ${name}`),
      ...groups.map((name) => `aws iam delete-group --group-name ${name}`),
    ];
    // If the machine stalls for seconds, the entity may appear early enough to be removed.
    expect(leftovers.map(({ command }) => command)).toEqual(expect.arrayContaining(commands));
  },
);

test.concurrent.for([
  ['AddUserToGroup', 'DeleteGroup', 'membership'],
  ['AttachPolicy', 'DeleteUser', 'attachment'],
] as const)(
  '%s that IAM carries out late, just before %s, does not fail the run',
  async ([step, deletion], context) => {
    const { expect } = context;
    // IAM carries out the late request before the delayed deletion.
    const { iam, results, leftovers, warnings } = await runAll(context, {
      faults: `${lateFaults(step, 'late:$:1', 2600)},${operationOf(deletion)}=late:1500:1`,
      requestTimeoutSecs: 2,
      watchMs: 500,
    });
    expect(results.map(({ state }) => state)).toEqual(stepNames.map(() => 'passed'));
    expect({ leftovers, warnings }).toEqual({ leftovers: [], warnings: [] });
    expect(listEntities(iam.state)).toEqual({ users: [], groups: [] });
  },
);
