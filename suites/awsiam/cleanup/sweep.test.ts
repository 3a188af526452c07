import { setTimeout as wait } from 'node:timers/promises';
import { IAM, ListUsersCommand, type IAMClientConfig, type ListUsersCommandOutput } from '@aws-sdk/client-iam';
import * as fc from 'fast-check';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { installIamMock } from '../../../mocks/iam/client-mock.ts';
import { createFaultPlan, type FaultPlan } from '../../../mocks/iam/fault-plan.ts';
import { listEntities, seedGroup, seedUser } from '../../../mocks/iam/seeding.ts';
import { testAccount } from '../../../mocks/iam/testing/account.ts';
import { RetryHistory } from '../client/retry-history.ts';
import { groupPath, userPath } from '../names.ts';
import { sweep, type SweepOptions, type SweepResult } from './sweep.ts';
import * as kinds from './swept-kinds.ts';
import { namespaces } from '../testing/arbitraries.ts';
import { deadPort } from '../testing/http-server.ts';
import { originalName, runName, seedStaleGroups, seedStaleUsers, staleMs } from '../testing/stale.ts';

vi.mock(import('node:timers/promises'), { spy: true });

const hourMs = 3_600_000;

function testIam(config: IAMClientConfig = {}): IAM {
  const credentials = { accessKeyId: 'OFFLINEACCESSKEYID00', secretAccessKey: 'unused' };
  return new IAM({ region: 'us-east-1', credentials, maxAttempts: 1, ...config });
}

/** An account, a client that repeats nothing, and a sweep of the namespace dev with it. */
function setUp(faults: string | FaultPlan = '') {
  const account = testAccount();
  const plan = typeof faults === 'string' ? createFaultPlan(faults) : faults;
  const mock = installIamMock({ state: account.state, faults: plan });
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
      sweep({
        iam,
        history: { failed: [] },
        namespace: 'dev',
        now: state.now,
        random: () => 0,
        olderThanMs: hourMs,
        paceMs: 0,
        signal: new AbortController().signal,
        ...overrides,
      }),
  };
}

/** The deletion of these users always fails. */
function resistingUsers(names: readonly string[]): FaultPlan {
  return {
    next: (operation, { UserName } = {}) =>
      operation === 'DeleteUser' && names.includes(UserName as string)
        ? { kind: 'error', name: 'AccessDenied' }
        : undefined,
  };
}

/** Lets the pauses of a sweep take no time. */
function skipPauses(): void {
  vi.mocked(wait).mockClear().mockResolvedValue(undefined);
  onTestFinished(() => vi.mocked(wait).mockRestore());
}

/** The result of a sweep that had nothing to do, with these changes. */
function resultOf(changes: Partial<SweepResult> = {}): SweepResult {
  const nothing = { removed: 0, alreadyGone: 0, kept: 0, failed: 0, untried: 0, unlisted: [], warnings: [] };
  return { ...nothing, ...changes };
}

describe('the sweep', () => {
  test('reads both lists to the end, past pages without entities of its own', async () => {
    const { state, sweepDev, counts } = setUp();
    const old = { createDate: new Date(0) };
    seedStaleUsers(state, 'dev', 250);
    seedStaleGroups(state, 'dev', 130);
    // By name these come between the others, so that some pages have nothing to remove and others are mixed.
    for (let index = 0; index < 120; index++) {
      seedUser(state, { name: runName('testuser', 'dev-a', index), path: userPath, ...old });
      seedUser(state, { name: `testuser-dev-mf00001-${index}`, path: userPath, ...old });
      seedGroup(state, { name: runName('testgroup', 'dev-a', index), path: groupPath, ...old });
      seedUser(state, { name: `person-${index}`, ...old });
    }
    expect(await sweepDev()).toEqual(resultOf({ removed: 380 }));
    expect(listEntities(state).users).toHaveLength(360);
    expect(listEntities(state).groups).toHaveLength(120);
    expect(
      [...state.users.values(), ...state.groups.values()].some(({ entity }) =>
        /-dev-mf000\w{3}-9a8b7c$/.test(entity.Arn),
      ),
    ).toBe(false);
    expect(counts()).toEqual({ ListUsers: 5, DeleteUser: 250, ListGroups: 3, DeleteGroup: 130 });
  });

  test('makes two calls if there is nothing to remove', async () => {
    const { sweepDev, mock } = setUp();
    expect(await sweepDev()).toEqual(resultOf());
    expect(mock.calls.map(({ operation, params }) => [operation, params])).toEqual([
      ['ListGroups', { PathPrefix: groupPath }],
      ['ListUsers', { PathPrefix: userPath }],
    ]);
  });

  test('makes one call to delete a user that owns nothing', async () => {
    const { state, sweepDev, counts } = setUp();
    seedStaleUsers(state, 'dev', 3);
    await sweepDev();
    expect(counts()).toEqual({ ListUsers: 1, DeleteUser: 3, ListGroups: 1 });
  });

  test('strips and deletes the group of a killed run first, after which its user needs one call', async () => {
    const { state, sweepDev, mock, ago } = setUp();
    const [user, group] = [runName('testuser', 'dev'), runName('testgroup', 'dev')];
    seedGroup(state, { name: group, path: groupPath, createDate: ago(staleMs) });
    seedUser(state, { name: user, path: userPath, createDate: ago(staleMs), groups: [group] });
    expect(await sweepDev()).toEqual(resultOf({ removed: 2 }));
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
    'of the namespace dev keeps the entities of the namespace %s, and the other way round',
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
        expect(await sweepDev({ namespace: swept })).toEqual(resultOf({ removed: 4 }));
        expect(left()).toEqual(namesIn(kept, 2).toSorted());
        await sweepDev({ namespace: kept });
        expect(left()).toEqual([]);
      }
    },
  );

  test('keeps what does not have exactly the test path, although the listing by prefix shows it', async () => {
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
    expect(await sweepDev()).toEqual(resultOf({ removed: 1 }));
    expect(listEntities(state)).toEqual({
      users: [1, 2, 3, 4, 5].map(name),
      groups: [runName('testgroup', 'dev')],
    });
    // The account showed entities with a deeper path, and they were kept.
    const lists = mock.calls.filter(({ operation }) => operation.startsWith('List'));
    expect(lists.map(({ params }) => params['PathPrefix'])).toEqual([groupPath, userPath]);
  });

  test('keeps and counts what is too young', async () => {
    const { state, sweepDev, ago } = setUp();
    const [old, edge, young] = [0, 1, 2].map((index) => runName('testuser', 'dev', index)) as [string, string, string];
    seedUser(state, { name: old, path: userPath, createDate: ago(3_601_000) });
    seedUser(state, { name: edge, path: userPath, createDate: ago(3_600_000) });
    seedUser(state, { name: young, path: userPath, createDate: ago(1000) });
    seedGroup(state, { name: runName('testgroup', 'dev'), path: groupPath, createDate: ago(60_000) });
    expect(await sweepDev()).toEqual(resultOf({ removed: 1, kept: 3 }));
    expect(listEntities(state).users).toEqual([edge, young]);
    expect(await sweepDev({ olderThanMs: 30_000 })).toEqual(resultOf({ removed: 2, kept: 1 }));
    expect(listEntities(state)).toEqual({ users: [young], groups: [] });
  });

  test.for([
    ['no creation date', undefined],
    ['a creation date that is none', new Date(Number.NaN)],
    ['a creation date an hour ahead', new Date(Date.now() + hourMs)],
  ] as const)('keeps an entity with %s, unless it is told to remove undated ones', async ([, CreateDate]) => {
    const { state, sweepDev, mock, counts } = setUp();
    const [name = ''] = seedStaleUsers(state, 'dev', 1);
    const user = { Path: userPath, UserName: name, UserId: 'AIDA', Arn: 'arn', CreateDate };
    mock.client.on(ListUsersCommand).resolves({ Users: [user], IsTruncated: false });
    const now = () => new Date();
    expect(await sweepDev({ now })).toEqual(resultOf({ kept: 1 }));
    expect(await sweepDev({ now, olderThanMs: 0 })).toEqual(resultOf({ kept: 1 }));
    expect(counts()).toEqual({ ListGroups: 2 });
    expect(await sweepDev({ now, removeUndated: true })).toEqual(resultOf({ removed: 1 }));
  });

  test('treats a creation date a little in the future as young, not as unknown', async () => {
    const { sweepDev, mock } = setUp();
    const CreateDate = new Date(Date.now() + 60_000);
    const user = { Path: userPath, UserName: runName('testuser', 'dev'), UserId: 'AIDA', Arn: 'arn', CreateDate };
    mock.client.on(ListUsersCommand).resolves({ Users: [user], IsTruncated: false });
    expect(await sweepDev({ now: () => new Date(), removeUndated: true })).toEqual(resultOf({ kept: 1 }));
  });

  test('removes everything that belongs to a user or a group', async () => {
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
    // Another member of the test group, and another group of the test user: both stay.
    seedUser(state, { name: 'alice', groups: [group, 'people'], policies: ['arn:aws:iam::aws:policy/ReadOnlyAccess'] });

    expect(await sweepDev()).toEqual(resultOf({ removed: 2 }));
    expect(listEntities(state)).toEqual({ users: ['alice'], groups: ['people'] });
    const alice = state.users.get('alice');
    expect([...(alice?.groups.values() ?? [])].map(({ entity }) => entity.GroupName)).toEqual(['people']);
    expect(alice?.attachedPolicies.size).toBe(1);
  });

  test('does not count what another sweep removed before or during this one', async () => {
    const { state, sweepDev, mock, ago } = setUp('DeleteUser=NoSuchEntity:1,ListAccessKeys=NoSuchEntity:1');
    const [first, second, third] = [0, 1, 2].map((index) => runName('testuser', 'dev', index)) as [
      string,
      string,
      string,
    ];
    seedUser(state, { name: first, path: userPath, createDate: ago(staleMs) });
    seedUser(state, { name: second, path: userPath, createDate: ago(staleMs), groups: ['people'] });
    seedUser(state, { name: third, path: userPath, createDate: ago(staleMs) });
    mock.events.on('call', ({ operation }) => {
      if (operation === 'ListAccessKeys') state.users.delete(second);
    });
    expect(await sweepDev()).toEqual(resultOf({ removed: 1, alreadyGone: 2 }));
    expect(listEntities(state).users).toEqual([first]);
  });

  test.for([
    ['reset-after', { removed: 1 }],
    ['Throttling', { alreadyGone: 1 }],
  ] as const)('after an attempt that ended with %s and one that found nothing, counts %o', async ([fault, counted]) => {
    const { state, sweepDev, counts } = setUp(`DeleteUser=${fault}:1,DeleteUser=NoSuchEntity:1`);
    seedStaleUsers(state, 'dev', 1);
    const history = new RetryHistory(2, () => performance.now());
    expect(await sweepDev({ iam: testIam({ retryStrategy: history }), history })).toEqual(resultOf(counted));
    expect(counts()).toMatchObject({ DeleteUser: 2 });
  });

  test('stops at once when IAM throttles it, says so, and goes on next time', async () => {
    const { state, sweepDev, counts } = setUp('DeleteGroup=Throttling:1');
    seedStaleGroups(state, 'dev', 5);
    seedStaleUsers(state, 'dev', 2);
    expect(await sweepDev()).toEqual(
      resultOf({
        untried: 5,
        unlisted: ['user'],
        warnings: [expect.stringMatching(/^the sweep of old test entities stopped: Throttling .*\. IAM's write calls/)],
      }),
    );
    expect(counts()).toEqual({ ListGroups: 1, DeleteGroup: 1 });
    expect(await sweepDev()).toEqual(resultOf({ removed: 7 }));
  });

  test.for([
    'DeleteGroup=reset-before',
    'DeleteGroup=ExpiredToken',
    'DeleteGroup=DeleteConflict:1,GetGroup=Throttling',
    'DeleteGroup=DeleteConflict:1,GetGroup=InvalidClientTokenId',
    'DeleteGroup=DeleteConflict:1,ListGroupPolicies=reset-before',
  ])('stops if every other entity would meet the same error: %s', async (faults) => {
    const { state, sweepDev, counts } = setUp(faults);
    seedStaleGroups(state, 'dev', 3);
    seedStaleUsers(state, 'dev', 2);
    expect(await sweepDev()).toMatchObject({
      removed: 0,
      untried: 3,
      unlisted: ['user'],
      warnings: [expect.stringMatching(/^the sweep of old test entities stopped: /)],
    });
    expect(counts()).toMatchObject({ DeleteGroup: 1 });
  });

  test('stops if no connection can be made', async () => {
    const iam = testIam({ endpoint: `http://127.0.0.1:${await deadPort()}` });
    const { signal } = new AbortController();
    const options = { iam, history: { failed: [] }, namespace: 'dev', random: () => 0, olderThanMs: hourMs, signal };
    expect(await sweep({ ...options, now: () => new Date() })).toEqual(
      resultOf({
        unlisted: ['group', 'user'],
        warnings: [expect.stringMatching(/^the sweep of old test entities stopped: ECONNREFUSED/)],
      }),
    );
  });

  test.for(['AccessDenied', 'ServiceFailure', 'InvalidInput', 'html', 'html-502', 'truncated'])(
    'that cannot list the groups because of %s says so, and still sweeps the users',
    async (fault) => {
      const { state, sweepDev } = setUp(`ListGroups=${fault}`);
      seedStaleGroups(state, 'dev', 2);
      seedStaleUsers(state, 'dev', 2);
      expect(await sweepDev()).toEqual(
        resultOf({
          removed: 2,
          unlisted: ['group'],
          warnings: [expect.stringMatching(/^test groups could not all be listed: /)],
        }),
      );
      expect(listEntities(state)).toMatchObject({ users: [], groups: { length: 2 } });
    },
  );

  test('names the action if a listing is not allowed', async () => {
    const { sweepDev } = setUp('ListUsers=AccessDenied');
    expect((await sweepDev()).warnings).toEqual([expect.stringContaining('iam:ListUsers is not allowed')]);
  });

  test('removes the entities that a listing gave before it failed', async () => {
    const { state, sweepDev } = setUp('ListUsers=slow:1:1,ListUsers=ServiceFailure');
    seedStaleUsers(state, 'dev', 150);
    const { unlisted, removed, warnings } = await sweepDev();
    expect({ unlisted, removed }).toEqual({ unlisted: ['user'], removed: 100 });
    expect(warnings).toEqual([expect.stringMatching(/^test users could not all be listed: /)]);
  });

  describe('a list that does not end', () => {
    const page = (name: string, Marker: string | undefined): ListUsersCommandOutput => ({
      $metadata: {},
      Users: [{ Path: userPath, UserName: name, UserId: 'AIDA', Arn: 'arn', CreateDate: new Date(0) }],
      IsTruncated: true,
      ...(Marker !== undefined && { Marker }),
    });
    const [one, two] = [runName('testuser', 'dev', 1), runName('testuser', 'dev', 2)] as const;

    test.for([
      ['repeats its marker', { '': page(one, 'a'), a: page(one, 'a') }, 1, 2, /go round in a circle/],
      [
        'has markers that go round',
        { '': page(one, 'a'), a: page(two, 'b'), b: page(one, 'a') },
        2,
        3,
        /go round in a circle/,
      ],
      ['says that there is more, but not where', { '': page(one, undefined) }, 1, 1, /gives no marker/],
      ['has an empty marker', { '': page(one, '') }, 1, 1, /gives no marker/],
    ] as const)('because it %s is noticed and reported, and what it gave is removed once', async (row) => {
      const [, pages, removed, requests, reason] = row as readonly [
        string,
        Readonly<Record<string, ListUsersCommandOutput>>,
        number,
        number,
        RegExp,
      ];
      const { state, sweepDev, mock } = setUp();
      for (const name of [one, two]) seedUser(state, { name, path: userPath, createDate: new Date(0) });
      const asked: string[] = [];
      mock.client.on(ListUsersCommand).callsFake(({ Marker = '' }: { readonly Marker?: string }) => {
        asked.push(Marker);
        return pages[Marker];
      });
      expect(await sweepDev()).toEqual(
        resultOf({ removed, unlisted: ['user'], warnings: [expect.stringMatching(reason)] }),
      );
      expect(asked).toHaveLength(requests);
      expect(listEntities(state).users).toHaveLength(2 - removed);
    });

    test('because every page has a new marker is given up after a thousand pages', async () => {
      const { sweepDev, mock } = setUp();
      let pages = 0;
      mock.client.on(ListUsersCommand).callsFake(() => page('alice', `${++pages}`));
      expect(await sweepDev()).toMatchObject({ warnings: [expect.stringContaining('more than 1000 pages')] });
      expect(pages).toBe(1001);
    });
  });

  describe('an entity that cannot be removed', () => {
    const resisting = [
      'AccessDenied',
      'ServiceFailure',
      'InvalidInput',
      'LimitExceeded',
      'EntityTemporarilyUnmodifiable',
      'ConcurrentModification',
      'html',
      'html-502',
      'truncated',
    ];

    test.for(resisting)('because of %s is named and counted, and the others are removed', async (fault) => {
      const { state, sweepDev } = setUp(`DeleteGroup=${fault}:1,DeleteUser=${fault}:1`);
      const [group = ''] = seedStaleGroups(state, 'dev', 3);
      const [user = ''] = seedStaleUsers(state, 'dev', 3);
      const { warnings, ...counts } = await sweepDev();
      expect(counts).toMatchObject({ removed: 4, failed: 2, untried: 0, unlisted: [] });
      expect(warnings).toEqual([
        expect.stringContaining(`group ${group} could not be removed: `),
        expect.stringContaining(`user ${user} could not be removed: `),
      ]);
    });

    test('because IAM never answers does not keep the others from being removed', async () => {
      const { state, sweepDev } = setUp('DeleteUser=hang:1');
      const [stuck = ''] = seedStaleUsers(state, 'dev', 3);
      const iam = testIam({ requestHandler: { requestTimeout: 50, throwOnRequestTimeout: true } });
      expect(await sweepDev({ iam })).toMatchObject({
        removed: 2,
        failed: 1,
        warnings: [expect.stringContaining(stuck)],
      });
    });

    test.for(resisting)(
      'because a listing of what is in its way fails with %s is removed if nothing is in the way',
      async (fault) => {
        const { state, sweepDev, ago } = setUp(
          `ListServiceSpecificCredentials=${fault},ListAttachedGroupPolicies=${fault}`,
        );
        const [user, group] = [runName('testuser', 'dev'), runName('testgroup', 'dev')];
        seedGroup(state, { name: group, path: groupPath, createDate: ago(staleMs) });
        seedUser(state, { name: user, path: userPath, createDate: ago(staleMs), groups: [group, 'people'] });
        expect(await sweepDev()).toEqual(resultOf({ removed: 2 }));
      },
    );

    test('because of something in its way is reported with both reasons', async () => {
      const { state, sweepDev, ago } = setUp('DetachUserPolicy=InvalidInput');
      const stuck = runName('testuser', 'dev', 0);
      seedStaleUsers(state, 'dev', 3);
      const policies = ['arn:aws:iam::aws:policy/AWSDenyAll'];
      seedUser(state, { name: stuck, path: userPath, createDate: ago(staleMs), policies, groups: ['people'] });
      const { warnings, ...counts } = await sweepDev();
      expect(counts).toMatchObject({ removed: 2, failed: 1 });
      expect(warnings).toEqual([
        expect.stringMatching(
          new RegExp(`^user ${stuck} could not be removed: DeleteConflict .*; what is in its way: InvalidInput`),
        ),
      ]);
    });

    test('leaves the rest of its kind to the next sweep if it is the fifth in a row', async () => {
      const { state, sweepDev, counts } = setUp('DeleteUser=AccessDenied,DeleteGroup=AccessDenied:5');
      seedStaleUsers(state, 'dev', 8);
      seedStaleGroups(state, 'dev', 5);
      const { warnings, ...numbers } = await sweepDev();
      expect(numbers).toEqual({ removed: 0, alreadyGone: 0, kept: 0, failed: 10, untried: 3, unlisted: [] });
      expect(counts()).toEqual({ ListUsers: 1, DeleteUser: 5, ListGroups: 1, DeleteGroup: 5 });
      // No group is left to be counted.
      expect(warnings.slice(5)).toEqual([
        '5 more entities could not be removed',
        '5 test users in a row could not be removed: 3 more are left for the next sweep, which begins with others',
      ]);
      expect(warnings[0]).toContain('not authorized to perform: iam:DeleteGroup');
    });

    test('does not count as one of five in a row if another was removed in between', async () => {
      const names = Array.from({ length: 20 }, (_, index) => runName('testuser', 'dev', index));
      const { state, sweepDev } = setUp(resistingUsers(names.filter((_, index) => index % 5 !== 4)));
      seedStaleUsers(state, 'dev', 20);
      expect(await sweepDev()).toMatchObject({ removed: 4, failed: 16, untried: 0 });
    });

    test('does not keep the others in the account for ever, because each sweep begins elsewhere', async () => {
      const names = Array.from({ length: 10 }, (_, index) => runName('testuser', 'dev', index));
      const { state, sweepDev } = setUp(resistingUsers(names.slice(0, 5)));
      seedStaleUsers(state, 'dev', 10);
      expect(await sweepDev({ random: () => 0 })).toMatchObject({ removed: 0, failed: 5, untried: 5 });
      expect(await sweepDev({ random: () => 0.7 })).toMatchObject({ removed: 3, failed: 5, untried: 2 });
      expect(await sweepDev({ random: () => 0.999 })).toMatchObject({ removed: 1, failed: 5, untried: 1 });
      expect(listEntities(state).users).toEqual([...names.slice(0, 5), names[5]]);
    });
  });

  test.for(['DeleteConflict', 'EntityTemporarilyUnmodifiable', 'ConcurrentModification'])(
    'waits a little for %s to pass after it removed everything in the way',
    async (code) => {
      const { state, sweepDev, counts } = setUp(`DeleteUser=DeleteConflict:1,DeleteUser=${code}:3`);
      seedStaleUsers(state, 'dev', 1);
      skipPauses();
      expect(await sweepDev()).toEqual(resultOf({ removed: 1 }));
      expect(vi.mocked(wait).mock.calls.map(([ms]) => ms)).toEqual([500, 1000, 2000]);
      expect(counts()).toMatchObject({ DeleteUser: 5 });
    },
  );

  test('removes an entity whose deletion is refused for three seconds after its own changes', async () => {
    const { state, sweepDev, wait: advance, ago } = setUp();
    Object.assign(state.propagation, { removalMs: 3000 });
    const policies = ['arn:aws:iam::aws:policy/AWSDenyAll'];
    seedUser(state, { name: runName('testuser', 'dev'), path: userPath, createDate: ago(staleMs), policies });
    skipPauses();
    vi.mocked(wait).mockImplementation((ms = 0) => Promise.resolve(advance(ms)));
    expect(await sweepDev()).toEqual(resultOf({ removed: 1 }));
  });

  test('gives up on a conflict that lasts, and goes on with the next entity', async () => {
    const { state, sweepDev } = setUp('DeleteUser=DeleteConflict:5');
    const [stuck = ''] = seedStaleUsers(state, 'dev', 3);
    skipPauses();
    expect(await sweepDev()).toEqual(
      resultOf({
        removed: 2,
        failed: 1,
        warnings: [
          expect.stringMatching(new RegExp(`^user ${stuck} could not be removed: DeleteConflict \\(HTTP 409\\)`)),
        ],
      }),
    );
    expect(listEntities(state).users).toEqual([stuck]);
  });

  test('that is stopped does not wait for a conflict to pass', async () => {
    const { state, sweepDev, mock } = setUp('DeleteUser=DeleteConflict');
    seedStaleUsers(state, 'dev', 1);
    const stop = new AbortController();
    let deletions = 0;
    mock.events.on('call', ({ operation }) => {
      if (operation === 'DeleteUser' && ++deletions === 2) setImmediate(() => stop.abort());
    });
    expect(await sweepDev({ signal: stop.signal })).toMatchObject({ failed: 0, untried: 1 });
    expect(deletions).toBe(2);
  });

  test('that is stopped says that the next run goes on, and makes no further call', async () => {
    const { state, sweepDev, mock, counts } = setUp('DeleteGroup=slow:1');
    seedStaleGroups(state, 'dev', 10);
    seedStaleUsers(state, 'dev', 2);
    const stop = new AbortController();
    const report = await sweepDev({ signal: stop.signal, onEntity: () => mock.calls.length === 4 && stop.abort() });
    expect(report).toEqual(
      resultOf({
        removed: 3,
        untried: 7,
        unlisted: ['user'],
        warnings: ['the sweep of old test entities did not get to the end: the next one goes on'],
      }),
    );
    expect(counts()).toEqual({ ListGroups: 1, DeleteGroup: 3 });
    expect(await sweepDev()).toEqual(resultOf({ removed: 9 }));
  });

  test('that is stopped does not wait for the end of a pause or for an answer of IAM', async () => {
    const paused = setUp();
    seedStaleUsers(paused.state, 'dev', 2);
    const stop = new AbortController();
    const hour = 3_600_000;
    const report = await paused.sweepDev({ paceMs: hour, signal: stop.signal, onEntity: () => stop.abort() });
    expect(report).toMatchObject({ removed: 1, untried: 1, warnings: [expect.stringContaining('goes on')] });

    const silent = setUp('DeleteUser=hang');
    seedStaleUsers(silent.state, 'dev', 2);
    const stopSilence = new AbortController();
    silent.mock.events.on('call', ({ operation }) => operation === 'DeleteUser' && stopSilence.abort());
    expect(await silent.sweepDev({ signal: stopSilence.signal })).toMatchObject({ removed: 0, untried: 2 });
  });

  test.for([
    [undefined, [100, 100, 100]],
    [2500, [2500, 2500, 2500]],
    [0, []],
  ] as const)('with a pace of %s ms pauses that long between its write calls', async ([paceMs, pauses]) => {
    const { state, sweepDev } = setUp();
    seedStaleUsers(state, 'dev', 4);
    skipPauses();
    expect((await sweepDev({ paceMs })).removed).toBe(4);
    expect(vi.mocked(wait).mock.calls.map(([ms]) => ms)).toEqual(pauses);
  });

  test('in a dry run removes nothing, and reports each entity that it would remove', async () => {
    const { state, sweepDev, counts } = setUp();
    const users = seedStaleUsers(state, 'dev', 2);
    const groups = seedStaleGroups(state, 'dev', 1);
    seedUser(state, { name: runName('testuser', 'dev', 9), path: userPath });
    const reported: string[] = [];
    const report = await sweepDev({ dryRun: true, onEntity: (kind, name) => reported.push(`${kind} ${name}`) });
    expect(report).toEqual(resultOf({ removed: 3, kept: 1 }));
    expect(reported).toEqual([...groups.map((name) => `group ${name}`), ...users.map((name) => `user ${name}`)]);
    expect(counts()).toEqual({ ListUsers: 1, ListGroups: 1 });
  });

  test('in any namespace removes its stale entities and never anything else', async () => {
    const account = fc.record({
      swept: namespaces,
      // Some begin with it, and some are unrelated.
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
          expect(await sweepDev({ namespace: swept })).toEqual(resultOf({ removed: 4 }));
          expect(Object.values(listEntities(state)).flat().toSorted()).toEqual(foreign.toSorted());
        } finally {
          mock.restore();
        }
      }),
    );
  });
});

describe('the check before every deletion', () => {
  const rightName = runName('testuser', 'dev');
  const createdAt = new Date(0);

  /** Looks like one of our entities only at the first look, like an entity that a broken filter lets through. */
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
  ])('refuses $path and $name even if the filter accepted it, and the others are removed', async (truth) => {
    const { state, iam, sweepDev, mock } = setUp();
    const other = runName('testuser', 'dev', 1);
    seedUser(state, { ...truth, createDate: createdAt, groups: ['people'] });
    seedUser(state, { name: other, path: userPath, createDate: createdAt });
    const { signal } = new AbortController();
    const options = { iam, namespace: 'dev', signal, paceMs: 0 };
    const users = kinds.sweptKinds(options).find(({ kind }) => kind === 'user');
    if (!users) throw new Error('users are swept');
    const entities = [disguised(truth), { path: userPath, name: other, createdAt }];
    const list = async function* () {
      yield* entities;
    };
    vi.spyOn(kinds, 'sweptKinds').mockReturnValue([{ ...users, list }]);
    onTestFinished(() => void vi.restoreAllMocks());

    expect(await sweepDev()).toMatchObject({
      removed: 1,
      failed: 1,
      warnings: [expect.stringContaining(`refused to touch ${truth.path}${truth.name}: it is not a test entity`)],
    });
    expect(listEntities(state).users).toEqual([truth.name]);
    expect(mock.calls.map(({ params }) => params['UserName'])).toEqual([other]);
  });

  test('deletes nothing else, whatever a listing answers', async () => {
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
    expect(await sweepDev()).toEqual(resultOf());
    expect(counts()).toEqual({ ListGroups: 1 });
  });
});
