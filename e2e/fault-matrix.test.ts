import { test } from 'vitest';
import { toMetristResults } from '../metrist/delivery/results.ts';
import type { IamCall } from '../mocks/iam/endpoint.ts';
import { createFaultPlan } from '../mocks/iam/faults.ts';
import { listEntities } from '../mocks/iam/seeding.ts';
import { startIamServer } from '../mocks/iam/server.ts';
import { Interruption } from '../runner/interruption.ts';
import { MonitorRunner } from '../runner/run-monitor.ts';
import type { Evidence, StepResult } from '../runner/step-result.ts';
import { monitorRun } from '../runner/testing/builders.ts';
import type { Verdict } from '../runner/verdict.ts';
import { awsiam } from '../suites/awsiam/monitor.ts';
import { steps, type StepName } from '../suites/awsiam/steps.ts';
import { liveEnv } from './harness/run-vitest.ts';

/**
 * Every step × every fault, with the real client over the wire: what is reported, with which verdict, what is blocked,
 * what the server carried out, and that nothing is left. A fault that lasts does so for the three attempts of the step:
 * teardown afterwards finds an IAM that works again.
 */

/** What the step does to the account decides what some faults come to. */
const kinds = {
  CreateUser: 'creates',
  CreateGroup: 'creates',
  AddUserToGroup: 'relates',
  RemoveUserFromGroup: 'parts',
  DeleteGroup: 'deletes',
  AttachPolicy: 'relates',
  DetachPolicy: 'parts',
  DeleteUser: 'deletes',
} as const satisfies Record<StepName, string>;
type Kind = (typeof kinds)[StepName];

/** What is to come of the step. */
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
  { title: 'reset before it was carried out', fault: 'reset-before:1', outcome: passed(2) },
  {
    title: 'reset after it was carried out',
    fault: 'reset-after:1',
    // Adding and attaching can be repeated without an error: nothing is to be resolved there.
    outcome: (kind) => (kind === 'relates' ? passed(2) : passed(2, 'resolution')),
  },
  { title: 'truncated answer', fault: 'truncated:1', outcome: failed('service', 1) },
  { title: "a proxy's page", fault: 'html:1', outcome: failed('service', 1) },
  { title: 'a page that is well-formed XML', fault: 'xhtml:1', outcome: failed('service', 1) },
  { title: 'empty answer', fault: 'empty:1', outcome: failed('service', 1) },
  { title: 'no answer', fault: 'hang:3', outcome: failed('timeout', 3) },
  {
    title: 'no answer although it was carried out',
    fault: 'hang-after:1',
    outcome: (kind) => (kind === 'relates' ? passed(2) : passed(2, 'resolution')),
  },
  {
    title: 'NoSuchEntity twice, then fine',
    fault: 'NoSuchEntity:2',
    // Nothing that is to be created can be missing.
    outcome: (kind) => (kind === 'creates' ? failed('service', 1) : passed(3, 'propagationMs')),
  },
  {
    title: 'DeleteConflict twice, then fine',
    fault: 'DeleteConflict:2',
    outcome: (kind) => (kind === 'deletes' ? passed(3, 'propagationMs') : failed('service', 1)),
  },
  { title: 'interrupted before it was carried out', fault: 'hang:1', outcome: interrupted },
  { title: 'interrupted after it was carried out', fault: 'hang-after:1', outcome: interrupted },
];

const stepNames = steps.map(({ name }) => name);
const cells = faults.flatMap((fault) => stepNames.map((step) => ({ step, ...fault })));

test.concurrent.for(cells)('$step, $title', async ({ step, fault, outcome }, { expect, onTestFinished }) => {
  const expected = typeof outcome === 'function' ? outcome(kinds[step]) : outcome;
  const operation = step.replace(/^(At|De)tachPolicy$/, '$1tachUserPolicy');
  const iam = await startIamServer({ faults: createFaultPlan(`${operation}=${fault}`) });
  onTestFinished(() => iam.close());
  const cancel = new AbortController();
  if (expected.state === 'interrupted') {
    iam.events.on('call', (call: IamCall) => {
      if (call.operation === operation) cancel.abort(new Interruption('SIGTERM'));
    });
  }

  const values = { ...liveEnv, AWS_ENDPOINT_URL_IAM: iam.url, METRIST_REQUEST_TIMEOUT_SECS: '2' };
  const runner = new MonitorRunner(awsiam, { values, mode: 'live' });
  await runner.open(cancel.signal);
  const results: StepResult[] = [];
  for (const name of stepNames) results.push(await runner.step(name, cancel.signal));
  const callsOfSteps = [...iam.calls];
  const { leftovers, warnings } = await runner.teardown();
  runner.close();

  // Nothing is left, and nothing is said to be.
  expect(listEntities(iam.state)).toEqual({ users: [], groups: [] });
  expect({ leftovers, warnings }).toEqual({ leftovers: [], warnings: [] });

  // The step that met the fault, no earlier one, and all later ones are as they should be.
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

  // No success that the server did not carry out.
  for (const [index, name] of stepNames.entries()) {
    if (results[index]?.state !== 'passed') continue;
    const call = name.replace(/^(At|De)tachPolicy$/, '$1tachUserPolicy');
    expect(callsOfSteps.some((each) => each.operation === call && each.carriedOut)).toBe(true);
  }

  // Metrist hears of every success and of one failure, with what it blocked; of an interruption it hears nothing.
  const posted = toMetristResults(monitorRun({ steps: results }), 'e2e');
  expect(posted.map(({ kind, body }) => [kind, body.check_logical_name])).toEqual([
    ...results.filter(({ state }) => state === 'passed').map(({ name }) => ['telemetry', name]),
    ...(expected.state === 'failed' ? [['error', step]] : []),
  ]);
});
