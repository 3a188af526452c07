import { expect } from 'vitest';
import { listEntities } from '../../../mocks/iam/seeding.ts';
import type { IamServer } from '../../../mocks/iam/server.ts';
import { seedStaleGroups, seedStaleUsers } from '../../../suites/awsiam/testing/stale.ts';
import { goodConfig, runSteps, completeHandshake, stepNames, test } from '../../harness/conformance.ts';
import { arrival } from '../../harness/servers.ts';
import type { Orchestrator } from '../../harness/orchestrator.ts';

/** Seeds leftovers of killed runs in this namespace and in another, whose name begins the same. Returns those of the other. */
function seedLeftovers({ state }: IamServer): { readonly users: string[]; readonly groups: string[] } {
  seedStaleUsers(state, 'e2e', 2);
  seedStaleGroups(state, 'e2e', 1);
  return { users: seedStaleUsers(state, 'e2e2', 1), groups: seedStaleGroups(state, 'e2e2', 1) };
}

async function runAll(monitor: Orchestrator, config: Readonly<Record<string, unknown>> = goodConfig): Promise<void> {
  await completeHandshake(monitor, config);
  const answers = await runSteps(monitor, stepNames);
  expect(answers.map(({ kind }) => kind)).toEqual(stepNames.map(() => 'Time'));
}

const swept = 'Log Info 3 old test entities removed';

/** The Orchestrator sends Exit 1 if METRIST_CLEANUP_ENABLED is set in its environment, whatever its value. */
const sweeping = [
  ['Exit 1', {}, {}],
  ['Exit 1 with METRIST_CLEANUP_ENABLED=', { METRIST_CLEANUP_ENABLED: '' }, {}],
  ['Exit 1 with METRIST_CLEANUP_ENABLED=1', { METRIST_CLEANUP_ENABLED: '1' }, {}],
  ['Exit 1 with CleanupEnabled in the Config', { METRIST_CLEANUP_ENABLED: '' }, { CleanupEnabled: 'true' }],
] as const;

test.concurrent.for(sweeping)(
  '%s removes what killed runs of the namespace left behind',
  async ([, env, config], { scenario }) => {
    const iam = await scenario.usedAccount();
    const others = seedLeftovers(iam);
    const monitor = await scenario.start(iam, { env });
    await runAll(monitor, { ...goodConfig, ...config });
    monitor.send('Exit 1');
    expect(await monitor.ended).toMatchObject({ code: 0 });
    expect(listEntities(iam.state)).toEqual(others);
    expect(monitor.messages.at(-1)).toBe(swept);
  },
);

const notSweeping = [
  ['Exit 0', 'Exit 0', {}, {}],
  ['Exit without a flag', 'Exit', {}, {}],
  ['Exit 1 with METRIST_CLEANUP_ENABLED=0', 'Exit 1', { METRIST_CLEANUP_ENABLED: '0' }, {}],
  ['Exit 1 with METRIST_CLEANUP_ENABLED=false', 'Exit 1', { METRIST_CLEANUP_ENABLED: 'false' }, {}],
  ['Exit 1 with CleanupEnabled 0 in the Config', 'Exit 1', {}, { CleanupEnabled: '0' }],
] as const;

test.concurrent.for(notSweeping)(
  '%s removes no leftovers of killed runs',
  async ([, exit, env, config], { scenario }) => {
    const iam = await scenario.usedAccount();
    seedLeftovers(iam);
    const before = listEntities(iam.state);
    const monitor = await scenario.start(iam, { env });
    await runAll(monitor, { ...goodConfig, ...config });
    monitor.send(exit);
    expect(await monitor.ended).toMatchObject({ code: 0 });
    expect(listEntities(iam.state)).toEqual(before);
  },
);

test.concurrent('the end of stdin alone starts no sweep', async ({ scenario }) => {
  const iam = await scenario.usedAccount();
  seedLeftovers(iam);
  const before = listEntities(iam.state);
  const monitor = await scenario.start(iam);
  await runAll(monitor);
  monitor.closeInput();
  expect(await monitor.ended).toMatchObject({ code: 0 });
  expect(listEntities(iam.state)).toEqual(before);
});

test.concurrent('SIGTERM ends a long sweep', async ({ scenario }) => {
  const iam = await scenario.usedAccount();
  // One is removed every 100 ms.
  seedStaleUsers(iam.state, 'e2e', 100);
  const monitor = await scenario.start(iam);
  await runAll(monitor);
  const sweepBegan = arrival(iam, 'ListUsers');
  monitor.send('Exit 1');
  await sweepBegan;
  monitor.signal('SIGTERM');
  expect(await monitor.ended).toEqual({ code: 143, signal: null, killed: false });
  expect(listEntities(iam.state).users.length).toBeGreaterThan(0);
  expect(monitor.stdout).toContain('the sweep of old test entities did not get to the end: the next one goes on');
});

/** A sweep can help with a quota, but would only add to the load of a failing service. */
const failing = [
  ['LimitExceeded', 'still sweeps', 0],
  ['ServiceFailure', 'does not sweep', 3],
] as const;

test.concurrent.for(failing)('after CreateGroup failed with %s, Exit 1 %s', async ([fault, , left], { scenario }) => {
  const iam = await scenario.usedAccount(`CreateGroup=${fault}`);
  seedLeftovers(iam);
  const monitor = await scenario.start(iam);
  await completeHandshake(monitor);
  monitor.onMessage = (message) => {
    if (message.startsWith('Step Error')) monitor.giveUp({ cleanup: true });
  };
  const [, answer] = await runSteps(monitor, ['CreateUser', 'CreateGroup']);
  expect(answer?.kind).toBe('Error');
  expect(await monitor.ended).toMatchObject({ killed: false });
  const { users, groups } = listEntities(iam.state);
  expect([...users, ...groups].filter((name) => name.includes('-e2e-'))).toHaveLength(left);
});
