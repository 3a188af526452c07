import { setTimeout as wait } from 'node:timers/promises';
import { IAM, ListUsersCommand, type IAMClientConfig } from '@aws-sdk/client-iam';
import * as fc from 'fast-check';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { installIamMock } from '../../../mocks/iam/client-mock.ts';
import { createFaultPlan } from '../../../mocks/iam/faults.ts';
import { listEntities, seedGroup, seedUser } from '../../../mocks/iam/seeding.ts';
import { testAccount } from '../../../mocks/iam/testing/account.ts';
import { groupPath, userPath } from '../names.ts';
import { serviceTime, sweep, type SweepOptions } from './sweep.ts';
import * as kinds from './swept-kinds.ts';
import { namespaces } from '../testing/arbitraries.ts';
import { iamXml, startHttpServer } from '../testing/http-server.ts';
import { originalName, runName, seedStaleGroups, seedStaleUsers, staleMs } from '../testing/stale.ts';

vi.mock(import('node:timers/promises'), { spy: true });

function testIam(config: IAMClientConfig = {}): IAM {
  const credentials = { accessKeyId: 'OFFLINEACCESSKEYID00', secretAccessKey: 'unused' };
  return new IAM({ region: 'us-east-1', credentials, maxAttempts: 1, ...config });
}

/** An account behind a client that does not repeat anything, and a sweep of the namespace dev over it. */
function setUp(faults = '') {
  const account = testAccount();
  const mock = installIamMock({ state: account.state, faults: createFaultPlan(faults) });
  onTestFinished(() => mock.restore());
  const iam = testIam();
  const { state } = account;
  return {
    ...account,
    mock,
    iam,
    /** How often each operation was called. */
    counts: () =>
      mock.calls.reduce<Record<string, number>>((all, { operation }) => {
        all[operation] = (all[operation] ?? 0) + 1;
        return all;
      }, {}),
    /** `ago` may be used as a seed's createDate. */
    ago: (ms: number) => new Date(state.now().getTime() - ms),
    sweepDev: (overrides: Partial<SweepOptions> = {}) =>
      sweep({ iam, namespace: 'dev', now: state.now, paceMs: 0, signal: new AbortController().signal, ...overrides }),
  };
}

describe('the sweep', () => {
  test('pages to the end of both lists, past pages of entities that are not its own', async () => {
    const { state, sweepDev, counts } = setUp();
    const old = { createDate: new Date(0) };
    seedStaleUsers(state, 'dev', 250);
    seedStaleGroups(state, 'dev', 130);
    // In the order of names these stand among the others: pages that hold nothing to remove, and some that are cut by them.
    for (let index = 0; index < 120; index++) {
      seedUser(state, { name: runName('testuser', 'dev-a', index), path: userPath, ...old });
      seedUser(state, { name: `testuser-dev-mf00001-${index}`, path: userPath, ...old });
      seedGroup(state, { name: runName('testgroup', 'dev-a', index), path: groupPath, ...old });
      seedUser(state, { name: `person-${index}`, ...old });
    }
    expect(await sweepDev()).toEqual({ removed: 380, remaining: 0, warnings: [] });
    expect(listEntities(state).users).toHaveLength(360);
    expect(listEntities(state).groups).toHaveLength(120);
    expect(
      [...state.users.values(), ...state.groups.values()].some(({ entity }) =>
        /-dev-mf000\w{3}-9a8b7c$/.test(entity.Arn),
      ),
    ).toBe(false);
    expect(counts()).toEqual({ ListUsers: 5, DeleteUser: 250, ListGroups: 3, DeleteGroup: 130 });
  });

  test('finds nothing with two calls', async () => {
    const { sweepDev, mock } = setUp();
    expect(await sweepDev()).toEqual({ removed: 0, remaining: 0, warnings: [] });
    expect(mock.calls.map(({ operation, params }) => [operation, params])).toEqual([
      ['ListGroups', { PathPrefix: groupPath }],
      ['ListUsers', { PathPrefix: userPath }],
    ]);
  });

  test('spends one call on a bare user', async () => {
    const { state, sweepDev, counts } = setUp();
    seedStaleUsers(state, 'dev', 3);
    await sweepDev();
    expect(counts()).toEqual({ ListUsers: 1, DeleteUser: 3, ListGroups: 1 });
  });

  test('strips and deletes the group of a killed run first, after which its user costs one call', async () => {
    const { state, sweepDev, mock, ago } = setUp();
    const [user, group] = [runName('testuser', 'dev'), runName('testgroup', 'dev')];
    seedGroup(state, { name: group, path: groupPath, createDate: ago(staleMs) });
    seedUser(state, { name: user, path: userPath, createDate: ago(staleMs), groups: [group] });
    expect(await sweepDev()).toEqual({ removed: 2, remaining: 0, warnings: [] });
    expect(mock.calls.map(({ operation, params }) => [operation, params['GroupName'], params['UserName']])).toEqual([
      ['ListGroups', undefined, undefined],
      ['DeleteGroup', group, undefined],
      ['GetGroup', group, undefined],
      ['RemoveUserFromGroup', group, user],
      ['ListAttachedGroupPolicies', group, undefined],
      ['ListGroupPolicies', group, undefined],
      ['DeleteGroup', group, undefined],
      ['ListUsers', undefined, undefined],
      ['DeleteUser', undefined, user],
    ]);
  });

  test.for(['dev1', 'dev-eu', 'dev.eu', 'de', 'dev-', 'DEV', 'd.v', 'dev-mf3k2x1c', 'dev-mf3k2x1c-9a8b7c'])(
    'of the namespace dev leaves what is of %s, and the other way round',
    async (other) => {
      const { state, sweepDev } = setUp();
      const namesIn = (namespace: string, from: number): string[] => [
        runName('testuser', namespace, from),
        originalName('testuser', namespace, from + 1),
        runName('testgroup', namespace, from),
        originalName('testgroup', namespace, from + 1),
      ];
      const seed = (names: readonly string[]): void => {
        for (const name of names) {
          if (name.startsWith('testuser')) seedUser(state, { name, path: userPath, createDate: new Date(0) });
          else seedGroup(state, { name, path: groupPath, createDate: new Date(0) });
        }
      };
      const left = (): string[] => Object.values(listEntities(state)).flat().toSorted();
      for (const [swept, kept] of [
        ['dev', other],
        [other, 'dev'],
      ] as const) {
        seed(namesIn(swept, 0));
        seed(namesIn(kept, 2));
        expect(await sweepDev({ namespace: swept })).toEqual({ removed: 4, remaining: 0, warnings: [] });
        expect(left()).toEqual(namesIn(kept, 2).toSorted());
        await sweepDev({ namespace: kept });
        expect(left()).toEqual([]);
      }
    },
  );

  test('leaves what is not exactly under the test path, though the listing by prefix shows it', async () => {
    const { state, sweepDev, mock } = setUp();
    const name = (index: number): string => runName('testuser', 'dev', index);
    const old = { createDate: new Date(0) };
    seedUser(state, { name: name(0), path: userPath, ...old });
    seedUser(state, { name: name(1), path: `${userPath}sub/`, ...old });
    seedUser(state, { name: name(2), path: '/', ...old });
    seedUser(state, { name: name(3), path: userPath.toLowerCase(), ...old });
    seedUser(state, { name: name(4), path: groupPath, ...old });
    seedUser(state, { name: name(5), path: `/other${userPath}`, ...old });
    seedGroup(state, { name: runName('testgroup', 'dev'), path: `${groupPath}sub/`, ...old });
    expect(await sweepDev()).toEqual({ removed: 1, remaining: 0, warnings: [] });
    expect(listEntities(state)).toEqual({
      users: [1, 2, 3, 4, 5].map(name),
      groups: [runName('testgroup', 'dev')],
    });
    // The account gave it one of each kind that is deeper, and they were not taken.
    const lists = mock.calls.filter(({ operation }) => operation.startsWith('List'));
    expect(lists.map(({ params }) => params['PathPrefix'])).toEqual([groupPath, userPath]);
  });

  test('leaves what is younger than an hour, or than it was told, and counts it as remaining', async () => {
    const { state, sweepDev, ago } = setUp();
    const [old, edge, young] = [0, 1, 2].map((index) => runName('testuser', 'dev', index)) as [string, string, string];
    seedUser(state, { name: old, path: userPath, createDate: ago(3_601_000) });
    seedUser(state, { name: edge, path: userPath, createDate: ago(3_600_000) });
    seedUser(state, { name: young, path: userPath, createDate: ago(1000) });
    seedGroup(state, { name: runName('testgroup', 'dev'), path: groupPath, createDate: ago(60_000) });
    expect(await sweepDev()).toEqual({ removed: 1, remaining: 3, warnings: [] });
    expect(listEntities(state).users).toEqual([edge, young]);
    expect(await sweepDev({ olderThanMs: 30_000 })).toEqual({ removed: 2, remaining: 1, warnings: [] });
    expect(listEntities(state)).toEqual({ users: [young], groups: [] });
  });

  test('leaves what has no age', async () => {
    const { state, sweepDev, mock, counts } = setUp();
    const [name = ''] = seedStaleUsers(state, 'dev', 1);
    const user = { Path: userPath, UserName: name, UserId: 'AIDA', Arn: 'arn', CreateDate: undefined };
    mock.client.on(ListUsersCommand).resolves({ Users: [user], IsTruncated: false });
    expect(await sweepDev()).toEqual({ removed: 0, remaining: 1, warnings: [] });
    expect(counts()).toEqual({ ListGroups: 1 });
  });

  test('clears a user of everything that hangs on it, and a group as well', async () => {
    const { state, run, sweepDev, ago } = setUp();
    const [user, group] = [runName('testuser', 'dev'), runName('testgroup', 'dev')];
    const createDate = ago(staleMs);
    seedGroup(state, {
      name: group,
      path: groupPath,
      createDate,
      policies: ['arn:aws:iam::aws:policy/AWSDenyAll'],
      inlinePolicies: ['one', 'two'],
    });
    seedUser(state, {
      name: user,
      path: userPath,
      createDate,
      groups: [group, 'people'],
      policies: ['arn:aws:iam::aws:policy/AWSDenyAll'],
      inlinePolicies: ['one', 'two'],
    });
    run('CreateAccessKey', { UserName: user });
    run('CreateAccessKey', { UserName: user });
    run('CreateLoginProfile', { UserName: user, Password: 'Correct-Horse-1' });
    run('EnableMFADevice', {
      UserName: user,
      SerialNumber: 'arn:aws:iam::123456789012:mfa/dev',
      AuthenticationCode1: '123456',
      AuthenticationCode2: '234567',
    });
    run('UploadSigningCertificate', { UserName: user, CertificateBody: '-----BEGIN CERTIFICATE-----' });
    run('UploadSSHPublicKey', { UserName: user, SSHPublicKeyBody: 'ssh-rsa AAAA' });
    run('CreateServiceSpecificCredential', { UserName: user, ServiceName: 'codecommit.amazonaws.com' });
    // Somebody else in the test group, and somebody's group that the test user is in: both stay.
    seedUser(state, { name: 'alice', groups: [group, 'people'], policies: ['arn:aws:iam::aws:policy/ReadOnlyAccess'] });

    expect(await sweepDev()).toEqual({ removed: 2, remaining: 0, warnings: [] });
    expect(listEntities(state)).toEqual({ users: ['alice'], groups: ['people'] });
    const alice = state.users.get('alice');
    expect([...(alice?.groups.values() ?? [])].map(({ entity }) => entity.GroupName)).toEqual(['people']);
    expect(alice?.attachedPolicies.size).toBe(1);
  });

  test('takes it as done where another sweep was faster, before it and in the middle', async () => {
    const { state, sweepDev, mock, ago } = setUp('DeleteUser=NoSuchEntity:1,ListAccessKeys=NoSuchEntity:1');
    const [first, second] = [runName('testuser', 'dev', 0), runName('testuser', 'dev', 1)] as const;
    seedUser(state, { name: first, path: userPath, createDate: ago(staleMs) });
    seedUser(state, { name: second, path: userPath, createDate: ago(staleMs), groups: ['people'] });
    mock.events.on('call', ({ operation }) => {
      if (operation === 'ListAccessKeys') state.users.delete(second);
    });
    expect(await sweepDev()).toEqual({ removed: 2, remaining: 0, warnings: [] });
    expect(listEntities(state).users).toEqual([first]);
  });

  test('stops at once when IAM throttles it, says so, and goes on next time', async () => {
    const { state, sweepDev, counts } = setUp('DeleteGroup=Throttling:1');
    seedStaleGroups(state, 'dev', 5);
    seedStaleUsers(state, 'dev', 2);
    const report = await sweepDev();
    expect(report).toEqual({
      removed: 0,
      remaining: 5,
      warnings: [expect.stringMatching(/^the sweep of old test entities stopped: Throttling .*\. IAM's write calls/)],
    });
    expect(counts()).toEqual({ ListGroups: 1, DeleteGroup: 1 });
    expect(await sweepDev()).toEqual({ removed: 7, remaining: 0, warnings: [] });
  });

  test('stops at a failure of IAM or of the way to it', async () => {
    for (const fault of ['ServiceFailure', 'reset-before', 'html', 'ExpiredToken']) {
      const { state, sweepDev, counts } = setUp(`DeleteGroup=${fault}`);
      seedStaleGroups(state, 'dev', 2);
      seedStaleUsers(state, 'dev', 2);
      expect((await sweepDev()).warnings).toEqual([expect.stringMatching(/^the sweep of old test entities stopped: /)]);
      expect(counts()).toEqual({ ListGroups: 1, DeleteGroup: 1 });
    }
  });

  test('names the action that it may not do, and sweeps the other kind all the same', async () => {
    const { state, sweepDev } = setUp('ListGroups=AccessDenied');
    seedStaleGroups(state, 'dev', 2);
    seedStaleUsers(state, 'dev', 2);
    expect(await sweepDev()).toEqual({
      removed: 2,
      remaining: 0,
      warnings: [
        expect.stringMatching(/^the sweep of old test groups stopped: AccessDenied.*iam:ListGroups is not allowed/),
      ],
    });
    expect(listEntities(state)).toMatchObject({ users: [], groups: { length: 2 } });
  });

  test('asks only once where it may not delete', async () => {
    const { state, sweepDev, counts } = setUp('DeleteUser=AccessDenied,DeleteGroup=AccessDenied');
    seedStaleUsers(state, 'dev', 3);
    seedStaleGroups(state, 'dev', 3);
    const { warnings, removed } = await sweepDev();
    expect(removed).toBe(0);
    expect(warnings).toEqual([
      expect.stringContaining('iam:DeleteGroup is not allowed'),
      expect.stringContaining('iam:DeleteUser is not allowed'),
    ]);
    expect(counts()).toEqual({ ListUsers: 1, DeleteUser: 1, ListGroups: 1, DeleteGroup: 1 });
  });

  test('goes on behind a user whose belongings it may not look at', async () => {
    const { state, sweepDev, ago } = setUp('ListAccessKeys=AccessDenied');
    const stuck = runName('testuser', 'dev', 0);
    seedStaleUsers(state, 'dev', 3);
    seedUser(state, {
      name: stuck,
      path: userPath,
      createDate: ago(staleMs),
      policies: ['arn:aws:iam::aws:policy/AWSDenyAll'],
      groups: ['people'],
    });
    expect(await sweepDev()).toEqual({
      removed: 2,
      remaining: 1,
      warnings: [expect.stringMatching(new RegExp(`^user ${stuck} could not be removed: .*iam:ListAccessKeys`))],
    });
    expect(listEntities(state).users).toEqual([stuck]);
  });

  test('goes on behind a group whose members it may not look at, and finishes next time', async () => {
    const { state, sweepDev, ago } = setUp('GetGroup=AccessDenied');
    const [user, group] = [runName('testuser', 'dev'), runName('testgroup', 'dev')];
    seedStaleGroups(state, 'dev', 3);
    seedUser(state, { name: user, path: userPath, createDate: ago(staleMs), groups: [group] });
    expect(await sweepDev()).toEqual({
      removed: 3,
      remaining: 1,
      warnings: [expect.stringMatching(new RegExp(`^group ${group} could not be removed: .*iam:GetGroup`))],
    });
    expect(listEntities(state)).toEqual({ users: [], groups: [group] });
    expect(await sweepDev()).toEqual({ removed: 1, remaining: 0, warnings: [] });
  });

  test.for(['DeleteConflict', 'EntityTemporarilyUnmodifiable', 'ConcurrentModification'])(
    'goes on behind an entity that cannot be removed for %s',
    async (code) => {
      // A conflict is met twice: before and after everything in the way was cleared.
      const { state, sweepDev } = setUp(`DeleteUser=${code}:${code === 'DeleteConflict' ? 2 : 1}`);
      const [stuck = ''] = seedStaleUsers(state, 'dev', 3);
      expect(await sweepDev()).toEqual({
        removed: 2,
        remaining: 1,
        warnings: [expect.stringMatching(new RegExp(`^user ${stuck} could not be removed: ${code} \\(HTTP 409\\)`))],
      });
      expect(listEntities(state).users).toEqual([stuck]);
    },
  );

  test.for([
    [5, undefined],
    [6, '1 more entity could not be removed'],
    [8, '3 more entities could not be removed'],
  ] as const)(
    'warns of at most five of %d entities that stay, counts the others, and says why it stopped',
    async ([count, more]) => {
      const { state, sweepDev } = setUp('DeleteGroup=DeleteConflict,ListUsers=Throttling');
      const names = seedStaleGroups(state, 'dev', count);
      const { warnings, removed, remaining } = await sweepDev();
      expect({ removed, remaining }).toEqual({ removed: 0, remaining: count });
      expect(warnings).toEqual([
        ...names.slice(0, 5).map((name) => expect.stringContaining(name) as string),
        ...(more === undefined ? [] : [more]),
        expect.stringMatching(/^the sweep of old test entities stopped: Throttling/),
      ]);
    },
  );

  test('that meets a conflict because its own changes are not visible yet finishes next time', async () => {
    const { state, sweepDev, wait: advance, ago } = setUp();
    Object.assign(state.propagation, { removalMs: 5000 });
    const [name] = [runName('testuser', 'dev')];
    seedUser(state, {
      name,
      path: userPath,
      createDate: ago(staleMs),
      policies: ['arn:aws:iam::aws:policy/AWSDenyAll'],
    });
    expect(await sweepDev()).toMatchObject({ removed: 0, remaining: 1, warnings: [expect.stringContaining(name)] });
    advance(5000);
    expect(await sweepDev()).toEqual({ removed: 1, remaining: 0, warnings: [] });
  });

  test('that is told to stop says that it goes on at the next run, and makes no further call', async () => {
    const { state, sweepDev, mock, counts } = setUp('DeleteGroup=slow:1');
    seedStaleGroups(state, 'dev', 10);
    seedStaleUsers(state, 'dev', 2);
    const stop = new AbortController();
    const report = await sweepDev({ signal: stop.signal, onEntity: () => mock.calls.length === 4 && stop.abort() });
    expect(report).toEqual({
      removed: 3,
      remaining: 7,
      warnings: ['the sweep of old test entities did not get to the end: it goes on at the next run'],
    });
    expect(counts()).toEqual({ ListGroups: 1, DeleteGroup: 3 });
    expect(await sweepDev()).toMatchObject({ removed: 9, remaining: 0 });
  });

  test('that is told to stop does not wait out a pause or a silence of IAM', async () => {
    const paused = setUp();
    seedStaleUsers(paused.state, 'dev', 2);
    const stop = new AbortController();
    const hour = 3_600_000;
    const report = await paused.sweepDev({ paceMs: hour, signal: stop.signal, onEntity: () => stop.abort() });
    expect(report).toMatchObject({ removed: 1, remaining: 1, warnings: [expect.stringContaining('goes on')] });

    const silent = setUp('DeleteUser=hang');
    seedStaleUsers(silent.state, 'dev', 2);
    const stopSilence = new AbortController();
    silent.mock.events.on('call', ({ operation }) => operation === 'DeleteUser' && stopSilence.abort());
    expect(await silent.sweepDev({ signal: stopSilence.signal })).toMatchObject({ removed: 0, remaining: 2 });
  });

  test.for([
    [undefined, [100, 100, 100]],
    [2500, [2500, 2500, 2500]],
    [0, []],
  ] as const)('with a pace of %s ms pauses between its writes', async ([paceMs, pauses]) => {
    const { state, sweepDev } = setUp();
    seedStaleUsers(state, 'dev', 4);
    vi.mocked(wait).mockClear().mockResolvedValue(undefined);
    onTestFinished(() => vi.mocked(wait).mockRestore());
    expect((await sweepDev({ paceMs })).removed).toBe(4);
    expect(vi.mocked(wait).mock.calls.map(([ms]) => ms)).toEqual(pauses);
  });

  test('that only looks removes nothing, and tells each entity that it would remove', async () => {
    const { state, sweepDev, counts } = setUp();
    const users = seedStaleUsers(state, 'dev', 2);
    const groups = seedStaleGroups(state, 'dev', 1);
    seedUser(state, { name: runName('testuser', 'dev', 9), path: userPath });
    const told: string[] = [];
    const report = await sweepDev({ dryRun: true, onEntity: (kind, name) => told.push(`${kind} ${name}`) });
    expect(report).toEqual({ removed: 3, remaining: 1, warnings: [] });
    expect(told).toEqual([...groups.map((name) => `group ${name}`), ...users.map((name) => `user ${name}`)]);
    expect(counts()).toEqual({ ListUsers: 1, ListGroups: 1 });
  });

  test('in any namespace removes what is stale in it and never anything else', async () => {
    const account = fc.record({
      swept: namespaces,
      // Some that begin with it and some that have nothing to do with it.
      others: fc.array(fc.oneof(namespaces, fc.constantFrom('-eu', '1', '.', '+', '-mf000001', '-mf000001-9a8b7c')), {
        maxLength: 4,
      }),
    });
    await fc.assert(
      fc.asyncProperty(account, async ({ swept, others }) => {
        const { state, sweepDev, mock, ago } = setUp();
        const old = ago(staleMs);
        let index = 0;
        const seed = (namespace: string): string[] => {
          const names = [
            runName('testuser', namespace, index++),
            originalName('testuser', namespace, index++),
            runName('testgroup', namespace, index++),
            originalName('testgroup', namespace, index++),
          ];
          for (const name of names) {
            if (name.startsWith('testuser')) seedUser(state, { name, path: userPath, createDate: old });
            else seedGroup(state, { name, path: groupPath, createDate: old });
          }
          return names;
        };
        const foreign = others
          .flatMap((other) => [other, swept + other])
          .filter((other) => other !== swept)
          .flatMap(seed);
        seed(swept);
        try {
          expect(await sweepDev({ namespace: swept })).toEqual({ removed: 4, remaining: 0, warnings: [] });
          expect(Object.values(listEntities(state)).flat().toSorted()).toEqual(foreign.toSorted());
        } finally {
          mock.restore();
        }
      }),
    );
  });
});

describe('the rail before every deletion', () => {
  const rightName = runName('testuser', 'dev');
  const createdAt = new Date(0);

  /** Own to whoever looks first: an entity that gets past a filter that is broken. */
  const disguised = (truth: { readonly path: string; readonly name: string }) => {
    const looks = { path: 0, name: 0 };
    return {
      createdAt,
      get path() {
        return looks.path++ === 0 ? userPath : truth.path;
      },
      get name() {
        return looks.name++ === 0 ? rightName : truth.name;
      },
    };
  };

  test.for([
    { path: '/', name: rightName },
    { path: `${userPath}sub/`, name: rightName },
    { path: userPath, name: 'alice' },
    { path: userPath, name: runName('testuser', 'dev-eu') },
  ])('refuses $path and $name even where the filter let it pass, and the others are swept', async (truth) => {
    const { state, iam, sweepDev, mock } = setUp();
    const other = runName('testuser', 'dev', 1);
    seedUser(state, { ...truth, createDate: createdAt, groups: ['people'] });
    seedUser(state, { name: other, path: userPath, createDate: createdAt });
    const { signal } = new AbortController();
    const users = kinds.sweptKinds({ iam, namespace: 'dev', signal, paceMs: 0 }).find(({ kind }) => kind === 'user');
    if (!users) throw new Error('users are swept');
    const entities = [disguised(truth), { path: userPath, name: other, createdAt }];
    const list = () => Promise.resolve({ entities, marker: undefined });
    vi.spyOn(kinds, 'sweptKinds').mockReturnValue([{ ...users, list }]);
    onTestFinished(() => void vi.restoreAllMocks());

    expect(await sweepDev()).toEqual({
      removed: 1,
      remaining: 1,
      warnings: [expect.stringContaining(`refused to touch ${truth.path}${truth.name}: it is not a test entity`)],
    });
    expect(listEntities(state).users).toEqual([truth.name]);
    expect(mock.calls.map(({ params }) => params['UserName'])).toEqual([other]);
  });

  test('lets no answer of a list lead to the deletion of something else', async () => {
    const { state, sweepDev, mock, counts } = setUp();
    const entities = [
      { Path: '/', UserName: rightName },
      { Path: `${userPath}sub/`, UserName: rightName },
      { Path: undefined, UserName: rightName },
      { Path: userPath, UserName: 'alice' },
      { Path: userPath, UserName: undefined },
      { Path: userPath, UserName: runName('testgroup', 'dev') },
      { Path: userPath, UserName: `${rightName}\n` },
    ];
    seedUser(state, { name: 'alice' });
    const Users = entities.map((entity) => ({ ...entity, UserId: 'AIDA', Arn: 'arn', CreateDate: createdAt }));
    mock.client.on(ListUsersCommand).resolves({ Users, IsTruncated: false });
    expect(await sweepDev()).toEqual({ removed: 0, remaining: 0, warnings: [] });
    expect(counts()).toEqual({ ListGroups: 1 });
  });
});

describe('the time of the service', () => {
  test("is this host's as long as no answer told another", () => {
    const { iam } = setUp();
    const before = Date.now();
    expect(serviceTime(iam).getTime()).toBeGreaterThanOrEqual(before);
  });

  test('keeps what is young by it from being swept where the clock of this host is hours ahead', async () => {
    const behind = new Date(Date.now() - 3 * 3_600_000);
    const group = `<member><Path>${groupPath}</Path><GroupName>${runName('testgroup', 'dev')}</GroupName><GroupId>A</GroupId><Arn>a</Arn><CreateDate>${new Date(behind.getTime() - 600_000).toISOString()}</CreateDate></member>`;
    const asked: string[] = [];
    const server = await startHttpServer((request, response) => {
      asked.push(request.url ?? '');
      const kind = asked.length === 1 ? 'Groups' : 'Users';
      const members = kind === 'Groups' ? group : '';
      const result = `<List${kind}Result><IsTruncated>false</IsTruncated><${kind}>${members}</${kind}></List${kind}Result>`;
      response.writeHead(200, { date: behind.toUTCString() }).end(iamXml(`List${kind}`, result));
    });
    const iam = testIam({ endpoint: server.url });
    const { signal } = new AbortController();
    const report = await sweep({ iam, namespace: 'dev', now: () => serviceTime(iam), paceMs: 0, signal });
    expect(report).toEqual({ removed: 0, remaining: 1, warnings: [] });
    expect(asked).toHaveLength(2);
  });
});
