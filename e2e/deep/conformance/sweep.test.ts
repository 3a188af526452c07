import { expect } from 'vitest';
import { listEntities } from '../../../mocks/iam/seeding.ts';
import type { IamServer } from '../../../mocks/iam/server.ts';
import { seedStaleGroups, seedStaleUsers } from '../../../suites/awsiam/testing/stale.ts';
import { goodConfig, runSteps, completeHandshake, stepNames, test } from '../../harness/conformance.ts';
import { arrival } from '../../harness/servers.ts';
import type { Orchestrator } from '../../harness/orchestrator.ts';

/** What killed runs left: of this namespace, and of one whose name begins like it. */
function litter({ state }: IamServer): { readonly users: string[]; readonly groups: string[] } {
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

/** The Orchestrator sends Exit 1 where METRIST_CLEANUP_ENABLED stands in its environment, whatever it says. */
const sweeping = [
  ['Exit 1', {}, {}],
  ['Exit 1 with METRIST_CLEANUP_ENABLED=', { METRIST_CLEANUP_ENABLED: '' }, {}],
  ['Exit 1 with METRIST_CLEANUP_ENABLED=1', { METRIST_CLEANUP_ENABLED: '1' }, {}],
  ['Exit 1 with CleanupEnabled in the Config', { METRIST_CLEANUP_ENABLED: '' }, { CleanupEnabled: 'true' }],
] as const;

test.concurrent.for(sweeping)(
  '%s removes what killed runs of the namespace left',
  async ([, env, config], { scenario }) => {
    const iam = await scenario.usedAccount();
    const others = litter(iam);
    const monitor = await scenario.start(iam, { env });
    await runAll(monitor, { ...goodConfig, ...config });
    monitor.send('Exit 1');
    expect(await monitor.ended).toMatchObject({ code: 0 });
    expect(listEntities(iam.state)).toEqual(others);
    expect(monitor.messages.at(-1)).toBe(swept);
  },
);

const sparing = [
  ['Exit 0', 'Exit 0', {}, {}],
  ['Exit without a flag', 'Exit', {}, {}],
  ['Exit 1 with METRIST_CLEANUP_ENABLED=0', 'Exit 1', { METRIST_CLEANUP_ENABLED: '0' }, {}],
  ['Exit 1 with METRIST_CLEANUP_ENABLED=false', 'Exit 1', { METRIST_CLEANUP_ENABLED: 'false' }, {}],
  ['Exit 1 with CleanupEnabled 0 in the Config', 'Exit 1', {}, { CleanupEnabled: '0' }],
] as const;

test.concurrent.for(sparing)('%s leaves what killed runs left', async ([, exit, env, config], { scenario }) => {
  const iam = await scenario.usedAccount();
  litter(iam);
  const before = listEntities(iam.state);
  const monitor = await scenario.start(iam, { env });
  await runAll(monitor, { ...goodConfig, ...config });
  monitor.send(exit);
  expect(await monitor.ended).toMatchObject({ code: 0 });
  expect(listEntities(iam.state)).toEqual(before);
});

test.concurrent('the end of stdin alone sweeps nothing', async ({ scenario }) => {
  const iam = await scenario.usedAccount();
  litter(iam);
  const before = listEntities(iam.state);
  const monitor = await scenario.start(iam);
  await runAll(monitor);
  monitor.closeInput();
  expect(await monitor.ended).toMatchObject({ code: 0 });
  expect(listEntities(iam.state)).toEqual(before);
});

test.concurrent('SIGTERM ends a sweep that would take long', async ({ scenario }) => {
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

/** Whether a sweep helps, or would only add to the load of a service that is in trouble. */
const failing = [
  ['LimitExceeded', 'swept all the same', 0],
  ['ServiceFailure', 'not swept', 3],
] as const;

test.concurrent.for(failing)(
  'after CreateGroup failed with %s and Exit 1 it is %s',
  async ([fault, , left], { scenario }) => {
    const iam = await scenario.usedAccount(`CreateGroup=${fault}`);
    litter(iam);
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
  },
);
