import type { TestContext } from 'vitest';
import { steps } from '../../../suites/awsiam/steps.ts';
import { mask } from './mask.ts';
import type { LiveParityRun, ParityRun } from './run.ts';
import { type ParityScenario, runReference, type Way } from './ways.ts';

const stepNames = steps.map(({ name }) => name);

/** Runs a scenario with `vitest run` and in all of these ways. Each must give the same results. */
export async function compareWays(scenario: ParityScenario, ways: readonly Way[], context: TestContext): Promise<void> {
  const { expect } = context;
  const possible = ways.filter(({ kind }) => kind !== 'offline' || scenario.notOffline === undefined);
  const all: Promise<unknown>[] = [];
  let isReady: Promise<unknown> = Promise.resolve();
  const start = <Run>(run: (...args: Parameters<typeof runReference>) => Promise<Run>): Promise<Run> => {
    const { promise: hasStarted, resolve: onFirstCall } = Promise.withResolvers<void>();
    const running = run(scenario, { onTestFinished: context.onTestFinished, onFirstCall });
    all.push(running);
    // Many processes that start at once would starve the servers in this one.
    isReady = Promise.race([Promise.allSettled([running]), ...(scenario.waits ? [hasStarted] : [])]);
    return running;
  };
  const running = start(runReference);
  const others: Promise<ParityRun>[] = [];
  for (const { run } of possible) {
    await isReady;
    others.push(start(run));
  }
  // No run may go on when the test is over, even if another one failed.
  await Promise.allSettled(all);
  const reference = await running;
  expectResult(scenario, reference, context);
  // Offline there is no account and no Metrist to compare.
  const { account: _account, reported: _reported, record: _record, ...comparable } = reference;
  for (const [index, { name, kind }] of possible.entries()) {
    const expected = kind === 'offline' ? comparable : reference;
    expect.soft(mask(await others[index], kind), name).toEqual(mask(expected, kind));
  }
}

/** The common result must be the expected one: all ways could be wrong alike. */
function expectResult(
  { fails, leaves = [], mayAppear = [], warnings = 0 }: ParityScenario,
  live: LiveParityRun,
  { expect }: Pick<TestContext, 'expect'>,
): void {
  const failedAt = fails === undefined ? stepNames.length : stepNames.indexOf(fails[0]);
  expect(live.isGood).toBe(fails === undefined);
  expect(live.steps.map(({ name, state }) => [name, state])).toEqual(
    stepNames.map((name, index) => [name, index < failedAt ? 'passed' : index === failedAt ? 'failed' : 'blocked']),
  );
  if (fails !== undefined) {
    const [, verdict, code] = fails;
    expect(live.steps[failedAt]).toMatchObject({ error: { verdict, code } });
  }
  expect(live.leftovers.map((leftover) => leftover.split(' ')[0])).toEqual(
    (['group', 'user'] as const).filter((kind) => leaves.includes(kind) || mayAppear.includes(kind)),
  );
  expect(live.leftovers.filter((leftover) => leftover.includes('(may still appear)'))).toHaveLength(mayAppear.length);
  expect(live.warnings).toHaveLength(warnings);
  expect(live.problems).toEqual([]);
  const { users, groups } = live.account;
  expect([users.length, groups.length]).toEqual(
    (['user', 'group'] as const).map((kind) => Number(leaves.includes(kind))),
  );
  const passed = stepNames.slice(0, failedAt).map((name) => ['telemetry', name, undefined]);
  expect(
    live.reported.map((result) => [
      result.kind,
      result.body.check_logical_name,
      result.kind === 'error' ? result.body.blocked_steps : undefined,
    ]),
  ).toEqual([...passed, ...(fails === undefined ? [] : [['error', fails[0], stepNames.slice(failedAt + 1)]])]);
}
