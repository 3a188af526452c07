import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { installIamMock, type IamMock } from '../../../mocks/iam/client-mock.ts';
import { createFaultPlan } from '../../../mocks/iam/faults.ts';
import { listEntities, seedGroup, seedUser } from '../../../mocks/iam/seeding.ts';
import { createIamState } from '../../../mocks/iam/state.ts';
import type { TeardownReport } from '../../../runner/monitor-run.ts';
import type { Entities } from '../entities.ts';
import { groupPath, userPath } from '../names.ts';
import { closeSession, openSession, type Session } from '../session.ts';
import { teardown } from './teardown.ts';
import { testConfig } from '../testing/values.ts';

const { signal: quiet } = new AbortController();
const policyArn = 'arn:aws:iam::123456789012:policy/AwsIamMonitorTestPolicies/prod-us-east-1-awsiam-testpolicy';

/** A session over the mocked account, in which there is what the session believes to be there. */
async function setUp(
  entities: Partial<Entities> = {},
  { faults = '', really = entities }: { readonly faults?: string; readonly really?: Partial<Entities> } = {},
): Promise<{ session: Session; mock: IamMock }> {
  const state = createIamState({ policies: [policyArn] });
  const mock = installIamMock({ state, faults: createFaultPlan(faults) });
  const session = await openSession(testConfig(), { mode: 'offline', signal: quiet });
  onTestFinished(() => {
    closeSession(session);
    mock.restore();
  });
  Object.assign(session.entities, entities);
  session.entityArn = 'arn:aws:iam::123456789012:user/AwsIamMonitorTestUsers/u';
  const { user, group } = session.names;
  if (really.group) seedGroup(state, { name: group, path: groupPath });
  if (really.user) {
    seedUser(state, {
      name: user,
      path: userPath,
      groups: really.membership ? [group] : [],
      policies: really.attachment ? [policyArn] : [],
    });
  }
  return { session, mock };
}

/** Lets all waiting between attempts pass at once. */
async function run(session: Session, signal = quiet): Promise<TeardownReport> {
  const state = { settled: false };
  const outcome = teardown(session, { signal }).finally(() => {
    state.settled = true;
  });
  while (!state.settled) {
    await vi.advanceTimersByTimeAsync(500);
    await new Promise((resolve) => void setImmediate(resolve));
  }
  return await outcome;
}

const operationsOf = (mock: IamMock): string[] => mock.calls.map(({ operation }) => operation);

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  onTestFinished(() => void vi.useRealTimers());
});

describe('teardown', () => {
  test('asks nothing where nothing was made', async () => {
    const { session, mock } = await setUp();
    expect(await run(session)).toEqual({ leftovers: [], warnings: [] });
    expect(mock.calls).toEqual([]);
  });

  test('removes everything, in the order in which one thing hangs on another', async () => {
    const { session, mock } = await setUp({
      user: 'present',
      group: 'present',
      membership: 'present',
      attachment: 'present',
    });
    expect(await run(session)).toEqual({ leftovers: [], warnings: [] });
    expect(operationsOf(mock)).toEqual(['RemoveUserFromGroup', 'DetachUserPolicy', 'DeleteGroup', 'DeleteUser']);
    expect(listEntities(mock.state)).toEqual({ users: [], groups: [] });
    expect(session.entities).toEqual({ user: 'absent', group: 'absent', membership: 'absent', attachment: 'absent' });
  });

  test('can be called again, and then asks nothing', async () => {
    const { session, mock } = await setUp({ user: 'present' });
    await run(session);
    await run(session);
    expect(operationsOf(mock)).toEqual(['DeleteUser']);
  });

  test.for([
    ['CreateUser', { user: 'present' }, ['DeleteUser']],
    ['CreateUser without an answer', { user: 'possible' }, ['DeleteUser']],
    ['CreateGroup', { user: 'present', group: 'present' }, ['DeleteGroup', 'DeleteUser']],
    [
      'AddUserToGroup without an answer',
      { user: 'present', group: 'present', membership: 'possible' },
      ['RemoveUserFromGroup', 'DeleteGroup', 'DeleteUser'],
    ],
    ['DeleteGroup without an answer', { user: 'present', group: 'possible' }, ['DeleteGroup', 'DeleteUser']],
    ['AttachPolicy', { user: 'present', attachment: 'present' }, ['DetachUserPolicy', 'DeleteUser']],
    ['AttachPolicy without an answer', { user: 'present', attachment: 'possible' }, ['DetachUserPolicy', 'DeleteUser']],
    ['everything but DeleteGroup', { group: 'present' }, ['DeleteGroup']],
  ] as const)('removes what there is after %s', async ([, entities, operations]) => {
    const { session, mock } = await setUp(entities);
    expect(await run(session)).toEqual({ leftovers: [], warnings: [] });
    expect(operationsOf(mock)).toEqual(operations);
    expect(listEntities(mock.state)).toEqual({ users: [], groups: [] });
  });

  test('has no leftover where what may have been made never was, and asks more than once', async () => {
    const { session, mock } = await setUp(
      { user: 'possible', group: 'possible', membership: 'possible', attachment: 'possible' },
      { really: {} },
    );
    expect(await run(session)).toEqual({ leftovers: [], warnings: [] });
    expect(operationsOf(mock).filter((name) => name === 'DeleteUser').length).toBeGreaterThan(1);
  });

  test('names what was made and is not visible however long it is asked for', async () => {
    const { session } = await setUp({ user: 'present' }, { faults: 'DeleteUser=NoSuchEntity' });
    const { leftovers } = await run(session);
    expect(leftovers).toMatchObject([
      { entity: `user ${session.names.user}`, reason: expect.stringContaining('NoSuchEntity') as unknown },
    ]);
  });

  test('waits longer for what a slow IAM may yet make', async () => {
    const { session, mock } = await setUp({ user: 'pending' }, { really: {} });
    mock.events.on('call', () => {
      if (mock.calls.length === 4) seedUser(mock.state, { name: session.names.user, path: userPath });
    });
    expect(await run(session)).toEqual({ leftovers: [], warnings: [] });
    expect(listEntities(mock.state).users).toEqual([]);
  });

  test('does not let what exists wait for what only may', async () => {
    const { session, mock } = await setUp({ user: 'present', group: 'possible' }, { really: { user: 'present' } });
    expect(await run(session)).toEqual({ leftovers: [], warnings: [] });
    expect(operationsOf(mock).slice(0, 3)).toEqual(['DeleteGroup', 'DeleteUser', 'DeleteGroup']);
  });

  test('asks no more about what hung on something that is gone', async () => {
    const { session, mock } = await setUp(
      { user: 'present', group: 'present', membership: 'possible', attachment: 'possible' },
      { really: { user: 'present', group: 'present' } },
    );
    expect(await run(session)).toEqual({ leftovers: [], warnings: [] });
    expect(operationsOf(mock)).toEqual(['RemoveUserFromGroup', 'DetachUserPolicy', 'DeleteGroup', 'DeleteUser']);
    expect(session.entities).toEqual({ user: 'absent', group: 'absent', membership: 'absent', attachment: 'absent' });
  });

  test.for([
    ['is not visible at first', 'DeleteUser=NoSuchEntity:3'],
    ['is held by what was removed', 'DeleteUser=DeleteConflict:3'],
    ['is throttled', 'DeleteUser=Throttling:4'],
    ['meets a failing service', 'DeleteUser=ServiceFailure:4'],
    ['meets an earlier change', 'DeleteUser=EntityTemporarilyUnmodifiable:2'],
    ['meets a concurrent change', 'DeleteUser=ConcurrentModification:2'],
    ['meets cut connections', 'DeleteUser=reset-before:4'],
    ['is carried out without an answer', 'DeleteUser=reset-after:1'],
    ['meets a proxy’s page', 'DeleteUser=html-502:2'],
  ] as const)('removes a user whose removal %s', async ([, faults]) => {
    const { session, mock } = await setUp({ user: 'present' }, { faults });
    expect(await run(session)).toEqual({ leftovers: [], warnings: [] });
    expect(listEntities(mock.state).users).toEqual([]);
  });

  test('names what it may not remove, with the reason and the command that does it', async () => {
    const { session, mock } = await setUp(
      { user: 'present', group: 'present', membership: 'present', attachment: 'present' },
      { faults: 'RemoveUserFromGroup=AccessDenied,DetachUserPolicy=AccessDenied' },
    );
    const { user, group } = session.names;
    const { leftovers, warnings } = await run(session);
    const remove = `aws iam remove-user-from-group --user-name ${user} --group-name ${group}`;
    expect(leftovers).toEqual([
      {
        entity: `group ${group}`,
        reason: expect.stringMatching(/^DeleteConflict \(HTTP 409\) at teardown: /) as unknown,
        command: `${remove} && aws iam delete-group --group-name ${group}`,
      },
      {
        entity: `user ${user}`,
        reason: expect.stringMatching(/^DeleteConflict \(HTTP 409\) at teardown: /) as unknown,
        command: `${remove} && aws iam detach-user-policy --user-name ${user} --policy-arn ${policyArn} && aws iam delete-user --user-name ${user}`,
      },
    ]);
    expect(warnings).toEqual([]);
    expect(listEntities(mock.state)).toEqual({ users: [user], groups: [group] });
  });

  test('does not repeat a removal that was refused for good, and goes on with the next', async () => {
    const { session, mock } = await setUp(
      { user: 'present', group: 'present' },
      { faults: 'DeleteGroup=AccessDenied' },
    );
    const { leftovers } = await run(session);
    expect(leftovers).toEqual([expect.objectContaining({ entity: `group ${session.names.group}` })]);
    expect(operationsOf(mock)).toEqual(['DeleteGroup', 'DeleteUser']);
  });

  test('gives a command without what is gone, though it may not ask for that', async () => {
    const { session } = await setUp(
      { user: 'present', group: 'present', membership: 'possible' },
      {
        really: { user: 'present', group: 'present' },
        faults: 'RemoveUserFromGroup=AccessDenied,DeleteUser=AccessDenied',
      },
    );
    const { leftovers } = await run(session);
    expect(leftovers.map(({ command }) => command)).toEqual([`aws iam delete-user --user-name ${session.names.user}`]);
  });

  test('says that a leftover may not even exist where that is so', async () => {
    const { session } = await setUp({ user: 'possible' }, { really: {}, faults: 'DeleteUser=AccessDenied' });
    const { leftovers } = await run(session);
    expect(leftovers).toMatchObject([{ entity: `user ${session.names.user} (may exist)` }]);
  });

  test('ends with its signal where a removal hangs, and names what is left', async () => {
    const cancel = new AbortController();
    const { session, mock } = await setUp({ user: 'present', group: 'present' }, { faults: 'DeleteGroup=hang' });
    mock.events.once('call', () => cancel.abort(new Error('no more time')));
    const { leftovers } = await run(session, cancel.signal);
    expect(leftovers.map(({ entity }) => entity)).toEqual([
      `group ${session.names.group}`,
      `user ${session.names.user}`,
    ]);
    expect(leftovers[1]?.reason).toContain('no more time');
    expect(operationsOf(mock)).toEqual(['DeleteGroup']);
  });

  test.for([
    ['a user that is nobody’s test', { user: 'alice' }],
    ['a group that is nobody’s test', { group: 'admins' }],
    ['a user of another namespace', { user: 'testuser-prod-eu-mf3k2x1c-9a8b7c' }],
  ] as const)('refuses to touch %s', async ([, names]) => {
    const { session, mock } = await setUp({ user: 'present', group: 'present' });
    const foreign = { ...session, names: { ...session.names, ...names } };
    await expect(teardown(foreign, { signal: quiet })).rejects.toThrow('refused to touch');
    expect(mock.calls).toEqual([]);
  });
});
