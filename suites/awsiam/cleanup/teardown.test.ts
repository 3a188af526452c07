import { getEventListeners } from 'node:events';
import { beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { installIamMock, type IamMock } from '../../../mocks/iam/client-mock.ts';
import { createFaultPlan } from '../../../mocks/iam/fault-plan.ts';
import { listEntities, seedGroup, seedPolicy, seedUser } from '../../../mocks/iam/seeding.ts';
import { createIamState } from '../../../mocks/iam/state.ts';
import { abortAfter } from '../../../runner/deadline.ts';
import type { TeardownReport } from '../../../runner/monitor-run.ts';
import type { Entities, UnansweredCreations } from '../entities.ts';
import { groupPath, userPath } from '../names.ts';
import { closeSession, openSession, type Session } from '../session.ts';
import { remainingOf, teardown } from './teardown.ts';
import { testConfig } from '../testing/values.ts';

const { signal: quiet } = new AbortController();
const policyArn = 'arn:aws:iam::123456789012:policy/AwsIamMonitorTestPolicies/prod-us-east-1-awsiam-testpolicy';

/** A session over a mocked account that holds what the session believes to exist. */
async function setUp(
  entities: Partial<Entities> = {},
  {
    faults = '',
    really = entities,
    unanswered = {},
  }: {
    readonly faults?: string;
    readonly really?: Partial<Entities>;
    readonly unanswered?: Partial<UnansweredCreations>;
  } = {},
): Promise<{ session: Session; mock: IamMock }> {
  const state = createIamState();
  seedPolicy(state, policyArn);
  const mock = installIamMock({ state, faults: createFaultPlan(faults) });
  const session = await openSession(testConfig(), { mode: 'offline', signal: quiet });
  onTestFinished(() => {
    closeSession(session);
    mock.restore();
  });
  Object.assign(session.entities, entities);
  Object.assign(session.unanswered, unanswered);
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

/** Makes the SDK's first call, which is slow, before fake timers start. */
beforeAll(async () => {
  const mock = installIamMock({ state: createIamState() });
  const session = await openSession(testConfig(), { mode: 'offline', signal: quiet });
  await session.iam.listUsers({});
  closeSession(session);
  mock.restore();
});

/** Skips the pauses between attempts. */
async function run(session: Session, signal = quiet, watchMs = 20_000): Promise<TeardownReport> {
  const state = { settled: false };
  using watch = abortAfter(watchMs, 'long enough');
  const outcome = teardown(session, { signal, watch: watch.signal }).finally(() => {
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
  test('sends nothing if nothing was made', async () => {
    const { session, mock } = await setUp();
    expect(await run(session)).toEqual({ leftovers: [], warnings: [] });
    expect(mock.calls).toEqual([]);
  });

  test('leaves no timer behind, and no listener at its signal', async () => {
    const { session } = await setUp({ user: 'present', group: 'present' });
    const { signal } = new AbortController();
    await run(session, signal);
    expect(vi.getTimerCount()).toBe(0);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  test('removes everything, links before users and groups', async () => {
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
    expect(await run(session)).toEqual({ leftovers: [], warnings: [] });
    expect(mock.calls).toHaveLength(4);
  });

  test('can be called again, and then sends nothing', async () => {
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
  ] as const)('removes what exists after %s', async ([, entities, operations]) => {
    const { session, mock } = await setUp(entities);
    expect(await run(session)).toEqual({ leftovers: [], warnings: [] });
    expect(operationsOf(mock)).toEqual(operations);
    expect(listEntities(mock.state)).toEqual({ users: [], groups: [] });
  });

  test('has no leftover if an entity that may exist was never made, and asks for it more than once', async () => {
    const { session, mock } = await setUp(
      { user: 'possible', group: 'possible', membership: 'possible', attachment: 'possible' },
      { really: {} },
    );
    expect(await run(session)).toEqual({ leftovers: [], warnings: [] });
    expect(operationsOf(mock).filter((name) => name === 'DeleteUser').length).toBeGreaterThan(1);
  });

  test('names an entity that was made but stays invisible', async () => {
    const { session } = await setUp({ user: 'present' }, { faults: 'DeleteUser=NoSuchEntity' });
    const { leftovers } = await run(session);
    expect(leftovers).toMatchObject([
      { entity: `user ${session.names.user}`, reason: expect.stringContaining('NoSuchEntity') as unknown },
    ]);
  });

  test('removes what exists without waiting for what only may exist', async () => {
    const { session, mock } = await setUp({ user: 'present', group: 'possible' }, { really: { user: 'present' } });
    expect(await run(session)).toEqual({ leftovers: [], warnings: [] });
    expect(operationsOf(mock).slice(0, 3)).toEqual(['DeleteGroup', 'DeleteUser', 'DeleteGroup']);
  });

  test('does not ask for the links of a user or a group that is gone', async () => {
    const { session, mock } = await setUp(
      { user: 'present', group: 'present', membership: 'possible', attachment: 'possible' },
      { really: { user: 'present', group: 'present' } },
    );
    expect(await run(session)).toEqual({ leftovers: [], warnings: [] });
    expect(operationsOf(mock)).toEqual(['RemoveUserFromGroup', 'DetachUserPolicy', 'DeleteGroup', 'DeleteUser']);
    expect(await run(session)).toEqual({ leftovers: [], warnings: [] });
    expect(mock.calls).toHaveLength(4);
  });

  test.for([
    ['is not visible at first', 'DeleteUser=NoSuchEntity:3'],
    ['is refused because of links that were just removed', 'DeleteUser=DeleteConflict:3'],
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

  test('names an entity that it is not allowed to remove, with the reason and the command that removes it', async () => {
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
        command: `${remove}; aws iam delete-group --group-name ${group}`,
      },
      {
        entity: `user ${user}`,
        reason: expect.stringMatching(/^DeleteConflict \(HTTP 409\) at teardown: /) as unknown,
        command: `${remove}; aws iam detach-user-policy --user-name ${user} --policy-arn ${policyArn}; aws iam delete-user --user-name ${user}`,
      },
    ]);
    expect(warnings).toEqual([]);
    expect(listEntities(mock.state)).toEqual({ users: [user], groups: [group] });
  });

  test('does not repeat a removal that IAM would refuse again, and goes on with the next', async () => {
    const { session, mock } = await setUp(
      { user: 'present', group: 'present' },
      { faults: 'DeleteGroup=AccessDenied' },
    );
    const { leftovers } = await run(session);
    expect(leftovers).toEqual([expect.objectContaining({ entity: `group ${session.names.group}` })]);
    expect(operationsOf(mock)).toEqual(['DeleteGroup', 'DeleteUser']);
  });

  test('leaves out of the command what is gone with a removed group, even if its own removal was denied', async () => {
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

  test('says so if a leftover may not even exist', async () => {
    const { session } = await setUp({ user: 'possible' }, { really: {}, faults: 'DeleteUser=AccessDenied' });
    const { leftovers } = await run(session);
    expect(leftovers).toMatchObject([{ entity: `user ${session.names.user} (may exist)` }]);
  });

  test('ends when its signal aborts if a removal hangs, and names what is left', async () => {
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

  test('names what is left when its time is up, even if the SDK ignores the abort', async () => {
    const cancel = new AbortController();
    const { session } = await setUp({ user: 'present' });
    // Like credentials that never arrive.
    session.iam.middlewareStack.add(() => () => new Promise<never>(() => {}), { step: 'initialize' });
    const outcome = teardown(session, { signal: cancel.signal, watch: quiet });
    cancel.abort(new Error('no more time'));
    expect(await outcome).toMatchObject({
      leftovers: [{ entity: `user ${session.names.user}`, reason: 'not removed in time: no more time' }],
    });
  });

  test.for([
    ['DeleteConflict that lasts', 'DeleteUser=DeleteConflict'],
    ['DeleteConflict that turns into silence', 'DeleteUser=DeleteConflict:2,DeleteUser=hang'],
    ['DeleteConflict that turns into cut connections', 'DeleteUser=DeleteConflict:2,DeleteUser=reset-before'],
  ])("gives IAM's refusal as the reason, and not its own deadline: %s", async ([, faults]) => {
    const { session } = await setUp({ user: 'present' }, { faults });
    // 250 ms per call.
    session.iam.middlewareStack.add(
      (next) => async (args) => {
        await new Promise((resolve) => void setTimeout(resolve, 250));
        return await next(args);
      },
      { step: 'initialize' },
    );
    const { leftovers } = await run(session);
    expect(leftovers).toMatchObject([
      { reason: expect.stringMatching(/^DeleteConflict \(HTTP 409\) at teardown: /) as unknown },
    ]);
  });

  test('says that there was no answer in time', async () => {
    const { session } = await setUp({ user: 'present' }, { faults: 'DeleteUser=hang' });
    expect((await run(session)).leftovers).toMatchObject([{ reason: 'not removed in time: gave up after 15 s' }]);
  });

  test.for([
    ['a user that is not a test user', { user: 'alice' }],
    ['a group that is not a test group', { group: 'admins' }],
    ['a user of another namespace', { user: 'testuser-prod-eu-mf3k2x1c-9a8b7c' }],
  ] as const)('refuses to touch %s', async ([, names]) => {
    const { session, mock } = await setUp({ user: 'present', group: 'present' });
    const foreign = { ...session, names: { ...session.names, ...names } };
    await expect(teardown(foreign, { signal: quiet, watch: quiet })).rejects.toThrow('refused to touch');
    expect(mock.calls).toEqual([]);
  });
});

describe('a creation that had no answer', () => {
  /** Makes the entity appear after this many milliseconds of teardown. */
  function appear(mock: IamMock, session: Session, kind: 'user' | 'group', afterMs: number): void {
    const { user, group } = session.names;
    setTimeout(() => {
      if (kind === 'user') seedUser(mock.state, { name: user, path: userPath });
      else seedGroup(mock.state, { name: group, path: groupPath });
    }, afterMs);
  }

  test.for([
    ['user', 4000],
    ['user', 18_500],
    ['group', 0],
    ['group', 18_500],
  ] as const)(
    'is watched for until IAM carries it out, and the entity is then removed: %s after %i ms',
    async ([kind, afterMs]) => {
      const { session, mock } = await setUp({}, { unanswered: { [kind]: 1 } });
      appear(mock, session, kind, afterMs);
      const startMs = performance.now();
      expect(await run(session)).toEqual({ leftovers: [], warnings: [] });
      expect(listEntities(mock.state)).toEqual({ users: [], groups: [] });
      // After that, nothing more can appear.
      expect(performance.now() - startMs).toBeLessThan(afterMs + 3000);
    },
  );

  test('is named with the command that removes the entity if it was not carried out in time', async () => {
    const { session, mock } = await setUp({}, { unanswered: { user: 2, group: 1 } });
    const { user, group } = session.names;
    const startMs = performance.now();
    const { leftovers, warnings } = await run(session);
    expect(performance.now() - startMs).toBeGreaterThanOrEqual(20_000);
    expect(performance.now() - startMs).toBeLessThan(22_000);
    expect(leftovers).toEqual([
      {
        entity: `group ${group} (may still appear)`,
        reason: 'a CreateGroup request had no answer; IAM may still carry it out',
        command: `aws iam delete-group --group-name ${group}`,
      },
      {
        entity: `user ${user} (may still appear)`,
        reason: '2 CreateUser requests had no answer; IAM may still carry them out',
        command: `aws iam delete-user --user-name ${user}`,
      },
    ]);
    expect(warnings).toEqual([]);
    // At a low rate: about one request per second for each.
    expect(mock.calls.length).toBeLessThan(2 * 24);
  });

  test('is watched for no longer than asked, and what exists is still removed', async () => {
    const { session, mock } = await setUp(
      { user: 'present' },
      { unanswered: { group: 1 }, faults: 'DeleteUser=ServiceFailure:9' },
    );
    const { leftovers } = await run(session, quiet, 2000);
    expect(leftovers).toMatchObject([{ entity: `group ${session.names.group} (may still appear)` }]);
    expect(mock.calls.filter(({ operation }) => operation === 'DeleteGroup').length).toBeLessThan(5);
    expect(operationsOf(mock).at(-1)).toBe('DeleteUser');
    expect(listEntities(mock.state).users).toEqual([]);
  });

  test('is also watched for if a repeated request made the entity, which is removed first', async () => {
    const { session, mock } = await setUp({ group: 'present' }, { unanswered: { group: 1 } });
    appear(mock, session, 'group', 5000);
    expect(await run(session)).toEqual({ leftovers: [], warnings: [] });
    expect(operationsOf(mock)[0]).toBe('DeleteGroup');
    expect(listEntities(mock.state).groups).toEqual([]);
  });

  test('is watched for as often as there are requests that may make the entity', async () => {
    const { session, mock } = await setUp({}, { unanswered: { group: 3 } });
    for (const afterMs of [2000, 6000, 11_000]) appear(mock, session, 'group', afterMs);
    const startMs = performance.now();
    expect(await run(session)).toEqual({ leftovers: [], warnings: [] });
    expect(listEntities(mock.state).groups).toEqual([]);
    expect(performance.now() - startMs).toBeLessThan(14_000);
  });

  test('is shown differently from an entity that exists while teardown works', async () => {
    const { session } = await setUp({ user: 'present' }, { unanswered: { group: 1 } });
    const { user, group } = session.names;
    expect(remainingOf(session)).toEqual([
      { entity: `group ${group} (may still appear)`, command: expect.any(String) as unknown, isAwaited: true },
      { entity: `user ${user}`, command: expect.any(String) as unknown },
    ]);
  });

  test('stays named if only some of the requests were seen to be carried out', async () => {
    const { session, mock } = await setUp({}, { unanswered: { group: 2 } });
    appear(mock, session, 'group', 2000);
    const { leftovers } = await run(session);
    expect(listEntities(mock.state).groups).toEqual([]);
    expect(leftovers).toMatchObject([{ entity: `group ${session.names.group} (may still appear)` }]);
  });

  test('is watched for no longer than there is time', async () => {
    const cancel = new AbortController();
    const { session, mock } = await setUp({}, { unanswered: { group: 1 } });
    setTimeout(() => cancel.abort(new Error('no more time')), 3000);
    const startMs = performance.now();
    const { leftovers } = await run(session, cancel.signal);
    expect(performance.now() - startMs).toBeLessThan(5000);
    expect(leftovers).toMatchObject([{ entity: `group ${session.names.group} (may still appear)` }]);
    expect(mock.calls.length).toBeLessThan(7);
  });

  test('is given up at once if the removal is denied, and named with that reason', async () => {
    const { session, mock } = await setUp({}, { unanswered: { user: 1 }, faults: 'DeleteUser=AccessDenied' });
    const { leftovers } = await run(session);
    expect(leftovers).toMatchObject([
      {
        entity: `user ${session.names.user} (may still appear)`,
        reason: expect.stringContaining('AccessDenied') as unknown,
      },
    ]);
    expect(operationsOf(mock)).toEqual(['DeleteUser']);
  });

  test('is watched for through throttling and failures of IAM', async () => {
    const { session, mock } = await setUp(
      {},
      { unanswered: { user: 1 }, faults: 'DeleteUser=Throttling:4,DeleteUser=ServiceFailure:4' },
    );
    appear(mock, session, 'user', 9000);
    expect(await run(session)).toEqual({ leftovers: [], warnings: [] });
    expect(listEntities(mock.state).users).toEqual([]);
  });

  test.for([
    ['a membership', { user: 'present', group: 'present' }, { membership: 1 }, 'membership'],
    ['an attachment', { user: 'present' }, { attachment: 2 }, 'attachment'],
  ] as const)('of %s needs no more requests once its user or group is gone', async ([, entities, unanswered]) => {
    const { session, mock } = await setUp(entities, { unanswered });
    expect(await run(session)).toEqual({ leftovers: [], warnings: [] });
    expect(mock.calls.length).toBeLessThanOrEqual(3);
    expect(listEntities(mock.state)).toEqual({ users: [], groups: [] });
    const gone = await setUp({}, { unanswered });
    expect(await run(gone.session)).toEqual({ leftovers: [], warnings: [] });
    expect(gone.mock.calls).toEqual([]);
  });

  test('of a membership is removed again if it is carried out in the middle of the removal', async () => {
    const { session, mock } = await setUp({ user: 'present', group: 'present' }, { unanswered: { membership: 1 } });
    const { user, group } = session.names;
    mock.events.once('call', () => {
      const [foundUser, foundGroup] = [mock.state.users.get(user)!, mock.state.groups.get(group)!];
      foundUser.groups.set(group, foundGroup);
      foundGroup.members.set(user, foundUser);
    });
    expect(await run(session)).toEqual({ leftovers: [], warnings: [] });
    expect(listEntities(mock.state)).toEqual({ users: [], groups: [] });
    expect(operationsOf(mock).filter((name) => name === 'RemoveUserFromGroup').length).toBeGreaterThan(1);
  });

  test('of everything is removed, however late it is carried out', async () => {
    const { session, mock } = await setUp({}, { unanswered: { user: 1, group: 1, membership: 1, attachment: 1 } });
    const { user, group } = session.names;
    setTimeout(() => {
      seedGroup(mock.state, { name: group, path: groupPath });
      seedUser(mock.state, { name: user, path: userPath, groups: [group], policies: [policyArn] });
    }, 16_000);
    expect(await run(session)).toEqual({ leftovers: [], warnings: [] });
    expect(listEntities(mock.state)).toEqual({ users: [], groups: [] });
  });
});
