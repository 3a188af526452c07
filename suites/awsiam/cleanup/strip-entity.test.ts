import { IAM } from '@aws-sdk/client-iam';
import { describe, expect, onTestFinished, test } from 'vitest';
import { installIamMock } from '../../../mocks/iam/client-mock.ts';
import { createFaultPlan } from '../../../mocks/iam/faults.ts';
import type { OperationName } from '../../../mocks/iam/operations.ts';
import { listEntities, seedGroup, seedUser } from '../../../mocks/iam/seeding.ts';
import { testAccount } from '../../../mocks/iam/testing/account.ts';
import { stripGroup, stripUser, unlessGone, type Send } from './strip-entity.ts';
import { iamError } from '../testing/errors.ts';

const denyAll = 'arn:aws:iam::aws:policy/AWSDenyAll';
const readOnly = 'arn:aws:iam::aws:policy/ReadOnlyAccess';
const send: Send = (request) => request({ abortSignal: new AbortController().signal });

function setUp(faults = '') {
  const account = testAccount();
  const mock = installIamMock({ state: account.state, faults: createFaultPlan(faults) });
  onTestFinished(() => mock.restore());
  const credentials = { accessKeyId: 'OFFLINEACCESSKEYID00', secretAccessKey: 'unused' };
  const iam = new IAM({ region: 'us-east-1', credentials, maxAttempts: 1 });
  const operations = (): string[] => mock.calls.map(({ operation }) => operation);
  return { ...account, iam, operations };
}

type Account = ReturnType<typeof setUp>;

/** What may hang on a user: how it comes there, and the calls that take it away. */
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

describe('stripping a user', () => {
  test.for(belongings)('takes away %s, after which it can be deleted', async ([, give, operation, calls]) => {
    const account = setUp();
    const { state, run, iam, operations } = account;
    seedUser(state, { name: 'u' });
    give(account);
    expect(() => run('DeleteUser', { UserName: 'u' })).toThrow(/^Cannot delete entity/);
    await stripUser(iam, 'u', send);
    expect(operations().filter((each) => each === operation)).toHaveLength(calls);
    run('DeleteUser', { UserName: 'u' });
    expect(listEntities(state).users).toEqual([]);
  });

  test.for(belongings)('does not mind that somebody else took away %s first', async ([, give, operation]) => {
    const account = setUp(`${operation}=NoSuchEntity`);
    seedUser(account.state, { name: 'u' });
    give(account);
    await expect(stripUser(account.iam, 'u', send)).resolves.toBeUndefined();
  });

  test('leaves the groups that it was in, their other members and everybody else as they are', async () => {
    const { state, iam } = setUp();
    seedUser(state, { name: 'u', groups: ['g'] });
    seedUser(state, { name: 'alice', groups: ['g'], policies: [denyAll] });
    await stripUser(iam, 'u', send);
    const members = state.groups.get('g')?.members.values() ?? [];
    expect(members.map(({ entity }) => entity.UserName)).toEqual(['alice']);
    expect(state.users.get('alice')?.attachedPolicies.size).toBe(1);
  });

  test('ends with the first refusal of another kind', async () => {
    const { state, iam, operations } = setUp('DetachUserPolicy=Throttling');
    seedUser(state, { name: 'u', policies: [denyAll, readOnly] });
    await expect(stripUser(iam, 'u', send)).rejects.toMatchObject({ name: 'Throttling' });
    expect(operations()).toEqual(['ListGroupsForUser', 'ListAttachedUserPolicies', 'DetachUserPolicy']);
  });
});

describe('stripping a group', () => {
  test('removes its members, page by page, and takes away its policies, after which it can be deleted', async () => {
    const { state, run, iam, operations } = setUp();
    seedGroup(state, { name: 'g', policies: [denyAll, readOnly], inlinePolicies: ['a', 'b'] });
    for (let index = 0; index < 130; index++) seedUser(state, { name: `u${index}`, groups: ['g', 'h'] });
    await stripGroup(iam, 'g', send);
    run('DeleteGroup', { GroupName: 'g' });
    expect(listEntities(state)).toMatchObject({ groups: ['h'], users: { length: 130 } });
    expect(state.groups.get('h')?.members.size).toBe(130);
    expect(operations().filter((each) => each === 'GetGroup')).toHaveLength(2);
  });

  test.for(['RemoveUserFromGroup', 'DetachGroupPolicy', 'DeleteGroupPolicy'])(
    'does not mind that somebody else was faster with %s',
    async (operation) => {
      const { state, iam } = setUp(`${operation}=NoSuchEntity`);
      seedGroup(state, { name: 'g', policies: [denyAll], inlinePolicies: ['a'] });
      seedUser(state, { name: 'u', groups: ['g'] });
      await expect(stripGroup(iam, 'g', send)).resolves.toBeUndefined();
    },
  );

  test('tells that the group itself is gone', async () => {
    const { iam } = setUp();
    await expect(stripGroup(iam, 'g', send)).rejects.toMatchObject({ name: 'NoSuchEntityException' });
  });
});

describe('unlessGone', () => {
  test('passes over what is gone and nothing else', async () => {
    await expect(unlessGone(Promise.resolve('done'))).resolves.toBeUndefined();
    await expect(unlessGone(Promise.reject(iamError('NoSuchEntityException', 404)))).resolves.toBeUndefined();
    await expect(unlessGone(Promise.reject(iamError('DeleteConflictException', 409)))).rejects.toThrow(
      'DeleteConflict',
    );
    await expect(unlessGone(Promise.reject(new Error('no way')))).rejects.toThrow('no way');
  });
});
