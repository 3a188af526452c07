import { GetGroupCommand, IAM } from '@aws-sdk/client-iam';
import { describe, expect, onTestFinished, test } from 'vitest';
import { installIamMock } from '../../../mocks/iam/client-mock.ts';
import { createFaultPlan } from '../../../mocks/iam/fault-plan.ts';
import type { OperationName } from '../../../mocks/iam/operations.ts';
import { listEntities, seedGroup, seedUser } from '../../../mocks/iam/seeding.ts';
import { testAccount } from '../../../mocks/iam/testing/account.ts';
import { requestsOf, strip } from './swept-kinds.ts';

const denyAll = 'arn:aws:iam::aws:policy/AWSDenyAll';
const readOnly = 'arn:aws:iam::aws:policy/ReadOnlyAccess';
const { signal } = new AbortController();

function setUp(faults = '') {
  const account = testAccount();
  const mock = installIamMock({ state: account.state, faults: createFaultPlan(faults) });
  onTestFinished(() => mock.restore());
  const credentials = { accessKeyId: 'OFFLINEACCESSKEYID00', secretAccessKey: 'unused' };
  const iam = new IAM({ region: 'us-east-1', credentials, maxAttempts: 1 });
  const operations = (): string[] => mock.calls.map(({ operation }) => operation);
  const stripped = (kind: 'user' | 'group', name: string) => strip(kind, name, requestsOf(iam, signal), signal);
  return { ...account, mock, stripped, operations };
}

type Account = ReturnType<typeof setUp>;

/** What may belong to a user: how it gets there, the operation that removes it, and how often that is called. */
const belongings: readonly [string, (account: Account) => void, OperationName, number][] = [
  ['memberships', ({ state }) => seedUser(state, { name: 'u', groups: ['g', 'h'] }), 'RemoveUserFromGroup', 2],
  [
    'attached policies',
    ({ state }) => seedUser(state, { name: 'u', policies: [denyAll, readOnly] }),
    'DetachUserPolicy',
    2,
  ],
  ['inline policies', ({ state }) => seedUser(state, { name: 'u', inlinePolicies: ['a', 'b'] }), 'DeleteUserPolicy', 2],
  ['access keys', ({ run }) => [1, 2].map(() => run('CreateAccessKey', { UserName: 'u' })), 'DeleteAccessKey', 2],
  [
    'a login profile',
    ({ run }) => run('CreateLoginProfile', { UserName: 'u', Password: 'Correct-Horse-1' }),
    'DeleteLoginProfile',
    1,
  ],
  [
    'MFA devices',
    ({ run }) =>
      ['one', 'two'].map((name) =>
        run('EnableMFADevice', {
          UserName: 'u',
          SerialNumber: `arn:aws:iam::123456789012:mfa/${name}`,
          AuthenticationCode1: '123456',
          AuthenticationCode2: '234567',
        }),
      ),
    'DeactivateMFADevice',
    2,
  ],
  [
    'signing certificates',
    ({ run }) =>
      [1, 2].map(() =>
        run('UploadSigningCertificate', { UserName: 'u', CertificateBody: '-----BEGIN CERTIFICATE-----' }),
      ),
    'DeleteSigningCertificate',
    2,
  ],
  [
    'SSH keys',
    ({ run }) => [1, 2].map(() => run('UploadSSHPublicKey', { UserName: 'u', SSHPublicKeyBody: 'ssh-rsa AAAA' })),
    'DeleteSSHPublicKey',
    2,
  ],
  [
    'service-specific credentials',
    ({ run }) =>
      ['codecommit', 'cassandra'].map((name) =>
        run('CreateServiceSpecificCredential', { UserName: 'u', ServiceName: `${name}.amazonaws.com` }),
      ),
    'DeleteServiceSpecificCredential',
    2,
  ],
];

/** A user with all of them. */
function giveEverything(account: Account): void {
  const policies = [denyAll, readOnly];
  seedUser(account.state, { name: 'u', groups: ['g', 'h'], policies, inlinePolicies: ['a', 'b'] });
  // The first three are seeded together with the user.
  for (const [, give] of belongings.slice(3)) give(account);
}

describe('stripping a user', () => {
  test.for(belongings)('removes %s, so that the user can be deleted', async ([, give, operation, calls]) => {
    const account = setUp();
    const { state, run, stripped, operations } = account;
    seedUser(state, { name: 'u' });
    give(account);
    expect(() => run('DeleteUser', { UserName: 'u' })).toThrow(/^Cannot delete entity/);
    await stripped('user', 'u');
    expect(operations().filter((each) => each === operation)).toHaveLength(calls);
    run('DeleteUser', { UserName: 'u' });
    expect(listEntities(state).users).toEqual([]);
  });

  test.for(belongings)('accepts that somebody else removed %s first', async ([, give, operation]) => {
    const account = setUp(`${operation}=NoSuchEntity`);
    seedUser(account.state, { name: 'u' });
    give(account);
    await expect(account.stripped('user', 'u')).resolves.toEqual([]);
  });

  test('removes everything from more than one page', async () => {
    const { state, run, stripped } = setUp();
    const names = Array.from({ length: 130 }, (_, index) => `p${index}`);
    seedUser(state, { name: 'u', inlinePolicies: names, groups: names });
    expect(await stripped('user', 'u')).toEqual([]);
    run('DeleteUser', { UserName: 'u' });
    expect(listEntities(state).users).toEqual([]);
  });

  test('does not touch its groups, their other members or anybody else', async () => {
    const { state, stripped } = setUp();
    seedUser(state, { name: 'u', groups: ['g'] });
    seedUser(state, { name: 'alice', groups: ['g'], policies: [denyAll] });
    await stripped('user', 'u');
    const members = [...(state.groups.get('g')?.members.values() ?? [])];
    expect(members.map(({ entity }) => entity.UserName)).toEqual(['alice']);
    expect(state.users.get('alice')?.attachedPolicies.size).toBe(1);
  });

  test.for(belongings)('goes on without permission to remove %s, and says why', async ([, , operation]) => {
    const account = setUp(`${operation}=AccessDenied`);
    giveEverything(account);
    const failures = await account.stripped('user', 'u');
    expect(failures.length).toBeGreaterThan(0);
    for (const failure of failures) expect(failure).toMatchObject({ name: 'AccessDenied' });
    for (const [, , each] of belongings) expect(account.operations()).toContain(each);
  });

  test.for([
    'ListGroupsForUser',
    'ListAttachedUserPolicies',
    'ListUserPolicies',
    'ListAccessKeys',
    'ListMFADevices',
    'ListSigningCertificates',
    'ListSSHPublicKeys',
    'ListServiceSpecificCredentials',
  ] as const)('removes everything else if %s fails', async (operation) => {
    const account = setUp(`${operation}=html-502`);
    giveEverything(account);
    expect(await account.stripped('user', 'u')).toMatchObject([{ $metadata: { httpStatusCode: 502 } }]);
    const removals = belongings
      .map(([, , removal]) => removal)
      .filter((removal) => account.operations().includes(removal));
    expect(removals).toHaveLength(belongings.length - 1);
  });

  test('ends with an error that ends the sweep', async () => {
    const { state, stripped, operations } = setUp('DetachUserPolicy=Throttling');
    seedUser(state, { name: 'u', policies: [denyAll, readOnly] });
    await expect(stripped('user', 'u')).rejects.toMatchObject({ name: 'Throttling' });
    expect(operations()).toEqual(['ListGroupsForUser', 'ListAttachedUserPolicies', 'DetachUserPolicy']);
  });
});

describe('stripping a group', () => {
  test('removes its members, page by page, and its policies, so that it can be deleted', async () => {
    const { state, run, stripped, operations } = setUp();
    seedGroup(state, { name: 'g', policies: [denyAll, readOnly], inlinePolicies: ['a', 'b'] });
    for (let index = 0; index < 130; index++) seedUser(state, { name: `u${index}`, groups: ['g', 'h'] });
    await stripped('group', 'g');
    run('DeleteGroup', { GroupName: 'g' });
    expect(listEntities(state)).toMatchObject({ groups: ['h'], users: { length: 130 } });
    expect(state.groups.get('h')?.members.size).toBe(130);
    expect(operations().filter((each) => each === 'GetGroup')).toHaveLength(2);
  });

  test.for(['RemoveUserFromGroup', 'DetachGroupPolicy', 'DeleteGroupPolicy'])(
    'accepts that somebody else was faster with %s',
    async (operation) => {
      const { state, stripped } = setUp(`${operation}=NoSuchEntity`);
      seedGroup(state, { name: 'g', policies: [denyAll], inlinePolicies: ['a'] });
      seedUser(state, { name: 'u', groups: ['g'] });
      await expect(stripped('group', 'g')).resolves.toEqual([]);
    },
  );

  test('has nothing to do if the group itself is gone', async () => {
    const { stripped } = setUp();
    expect(await stripped('group', 'g')).toEqual([]);
  });

  test('asks for each page of members once, even if removing them changes nothing', async () => {
    const { state, stripped, operations } = setUp('RemoveUserFromGroup=NoSuchEntity');
    seedGroup(state, { name: 'g' });
    for (let index = 0; index < 130; index++) seedUser(state, { name: `u${index}`, groups: ['g'] });
    expect(await stripped('group', 'g')).toEqual([]);
    expect(operations().filter((each) => each === 'GetGroup')).toHaveLength(2);
  });

  test('leaves the other members alone after five failures in a row', async () => {
    const { state, stripped, operations } = setUp('RemoveUserFromGroup=AccessDenied');
    seedGroup(state, { name: 'g', policies: [denyAll] });
    for (let index = 0; index < 130; index++) seedUser(state, { name: `u${index}`, groups: ['g'] });
    expect(await stripped('group', 'g')).toHaveLength(5);
    expect(operations().filter((each) => each === 'RemoveUserFromGroup')).toHaveLength(5);
    expect(operations()).toContain('DetachGroupPolicy');
  });

  test('does not follow members whose pages go round in a circle', async () => {
    const { state, mock, stripped } = setUp();
    seedGroup(state, { name: 'g' });
    seedUser(state, { name: 'u', groups: ['g'] });
    const Group = { Path: '/', GroupName: 'g', GroupId: 'AGPA', Arn: 'arn', CreateDate: new Date(0) };
    const Users = [{ Path: '/', UserName: 'u', UserId: 'AIDA', Arn: 'arn', CreateDate: new Date(0) }];
    mock.client.on(GetGroupCommand).resolves({ Group, Users, IsTruncated: true, Marker: 'again' });
    expect(await stripped('group', 'g')).toMatchObject([{ message: expect.stringContaining('go round in a circle') }]);
    expect(state.groups.get('g')?.members.size).toBe(0);
  });
});
