import { describe, expect, test } from 'vitest';
import { IamError } from './aws-error.ts';
import { listEntities, seedGroup, seedUser } from './seeding.ts';
import { testAccount } from './testing/account.ts';

const policyArn = 'arn:aws:iam::123456789012:policy/AwsIamMonitorTestPolicies/dev-awsiam-testpolicy';

/** The error's code, status and message. */
function failureOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (!(error instanceof IamError)) throw error;
    return `${error.name} ${error.status} ${error.message}`;
  }
  return 'no failure';
}

describe('users and groups', () => {
  test('a created user has a path, an id, an ARN and a date', () => {
    const { run } = testAccount({ accountId: '210987654321', partition: 'aws-cn' });
    expect(run('CreateUser', { UserName: 'Bob', Path: '/team/' }).User).toEqual({
      Path: '/team/',
      UserName: 'Bob',
      UserId: expect.stringMatching(/^AIDA[A-Z2-7]{17}$/) as string,
      Arn: 'arn:aws-cn:iam::210987654321:user/team/Bob',
      CreateDate: new Date('2026-11-22T12:00:00Z'),
    });
    expect(run('CreateGroup', { GroupName: 'ops' }).Group?.Arn).toBe('arn:aws-cn:iam::210987654321:group/ops');
  });

  test('a permissions boundary is shown with its user, but not in lists', () => {
    const { run } = testAccount();
    const arn = 'arn:aws:iam::aws:policy/AWSDenyAll';
    const boundary = { PermissionsBoundaryType: 'PermissionsBoundaryPolicy', PermissionsBoundaryArn: arn };
    const created = run('CreateUser', { UserName: 'Bob', PermissionsBoundary: arn }).User;
    expect(created?.PermissionsBoundary).toEqual(boundary);
    expect(run('GetUser', { UserName: 'Bob' }).User?.PermissionsBoundary).toEqual(boundary);
    expect(run('ListUsers', {}).Users).toEqual([expect.not.objectContaining({ PermissionsBoundary: boundary })]);
    expect(run('DeleteUser', { UserName: 'Bob' })).toEqual({});
  });

  test.each([
    [
      'arn:aws:iam::123456789012:policy/ghost',
      'NoSuchEntity 404 Scope ARN: arn:aws:iam::123456789012:policy/ghost does not exist or is not attachable.',
    ],
    [
      'arn:aws-cn:iam::123456789012:policy/ghost',
      'InvalidInput 400 ARN arn:aws-cn:iam::123456789012:policy/ghost is not valid.',
    ],
  ])('with the permissions boundary %s, no user is created', (arn, failure) => {
    const { run, state } = testAccount();
    expect(failureOf(() => run('CreateUser', { UserName: 'Bob', PermissionsBoundary: arn }))).toBe(failure);
    expect(state.users.size).toBe(0);
  });

  test('names are unique and found without regard to case, and keep their case', () => {
    const { run } = testAccount();
    run('CreateUser', { UserName: 'Bob' });
    run('CreateGroup', { GroupName: 'Ops' });
    expect(run('GetUser', { UserName: 'bOB' }).User?.UserName).toBe('Bob');
    expect(run('GetGroup', { GroupName: 'oPS' }).Group?.GroupName).toBe('Ops');
    expect(failureOf(() => run('CreateUser', { UserName: 'BOB' }))).toBe(
      'EntityAlreadyExists 409 User with name BOB already exists.',
    );
    expect(failureOf(() => run('CreateGroup', { GroupName: 'OPS' }))).toBe(
      'EntityAlreadyExists 409 Group with name OPS already exists.',
    );
  });

  test('a missing user or group is NoSuchEntity, each with its own sentence', () => {
    const { run } = testAccount();
    const noUser = 'NoSuchEntity 404 The user with name ghost cannot be found.';
    const noGroup = 'NoSuchEntity 404 The group with name ghost cannot be found.';
    expect(failureOf(() => run('GetUser', { UserName: 'ghost' }))).toBe(noUser);
    expect(failureOf(() => run('DeleteUser', { UserName: 'ghost' }))).toBe(noUser);
    expect(failureOf(() => run('AttachUserPolicy', { UserName: 'ghost', PolicyArn: policyArn }))).toBe(noUser);
    expect(failureOf(() => run('GetGroup', { GroupName: 'ghost' }))).toBe(noGroup);
    expect(failureOf(() => run('DeleteGroup', { GroupName: 'ghost' }))).toBe(noGroup);
    expect(failureOf(() => run('AddUserToGroup', { GroupName: 'ghost', UserName: 'ghost' }))).toBe(noGroup);
  });

  test.each([
    [
      '',
      "ValidationError 400 1 validation error detected: Value '' at 'userName' failed to satisfy constraint: Member must have length greater than or equal to 1",
    ],
    [
      'x'.repeat(65),
      `ValidationError 400 1 validation error detected: Value '${'x'.repeat(65)}' at 'userName' failed to satisfy constraint: Member must have length less than or equal to 64`,
    ],
    [
      'a b',
      'ValidationError 400 The specified value for userName is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-',
    ],
    [
      'a/b',
      'ValidationError 400 The specified value for userName is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-',
    ],
    [
      undefined,
      "ValidationError 400 1 validation error detected: Value null at 'userName' failed to satisfy constraint: Member must not be null",
    ],
  ])('the user name %j is refused', (UserName, failure) => {
    expect(failureOf(() => testAccount().run('CreateUser', { UserName }))).toBe(failure);
  });

  test('names of the greatest length and with every allowed character are accepted', () => {
    const { run, state } = testAccount();
    run('CreateUser', { UserName: 'x'.repeat(64) });
    run('CreateUser', { UserName: 'aZ09_+=,.@-' });
    run('CreateGroup', { GroupName: 'x'.repeat(128) });
    expect(listEntities(state).users).toHaveLength(2);
    expect(failureOf(() => run('CreateGroup', { GroupName: 'x'.repeat(129) }))).toContain('less than or equal to 128');
  });

  test.each(['x', '/x', 'x/', '//', '', `/${'x'.repeat(511)}/`, '/a b/'])('the path %j is refused', (Path) => {
    expect(failureOf(() => testAccount().run('CreateGroup', { GroupName: 'ops', Path }))).toMatch(
      /^ValidationError 400 /,
    );
  });

  test('the quotas of the account hold, and a delete makes room', () => {
    const { run } = testAccount({ limits: { users: 1, groups: 1 } });
    run('CreateUser', { UserName: 'one' });
    run('CreateGroup', { GroupName: 'one' });
    expect(failureOf(() => run('CreateUser', { UserName: 'two' }))).toBe(
      'LimitExceeded 409 Cannot exceed quota for UsersPerAccount: 1',
    );
    expect(failureOf(() => run('CreateGroup', { GroupName: 'two' }))).toBe(
      'LimitExceeded 409 Cannot exceed quota for GroupsPerAccount: 1',
    );
    run('DeleteUser', { UserName: 'one' });
    run('DeleteGroup', { GroupName: 'one' });
    run('CreateUser', { UserName: 'two' });
    run('CreateGroup', { GroupName: 'two' });
    expect(run('GetAccountSummary', {}).SummaryMap).toMatchObject({
      Users: 1,
      UsersQuota: 1,
      Groups: 1,
      GroupsQuota: 1,
    });
  });
});

describe('memberships', () => {
  test('adding twice is no error; both the user and the group list the membership until it ends', () => {
    const { run } = testAccount();
    run('CreateUser', { UserName: 'bob' });
    run('CreateGroup', { GroupName: 'ops' });
    run('AddUserToGroup', { UserName: 'bob', GroupName: 'ops' });
    run('AddUserToGroup', { UserName: 'BOB', GroupName: 'OPS' });
    expect(run('GetGroup', { GroupName: 'ops' }).Users?.map((user) => user.UserName)).toEqual(['bob']);
    expect(run('ListGroupsForUser', { UserName: 'bob' }).Groups?.map((group) => group.GroupName)).toEqual(['ops']);
    run('RemoveUserFromGroup', { UserName: 'bob', GroupName: 'ops' });
    expect(run('GetGroup', { GroupName: 'ops' }).Users).toEqual([]);
    expect(run('ListGroupsForUser', { UserName: 'bob' }).Groups).toEqual([]);
  });

  test('a user who is not a member cannot be removed', () => {
    const { run, state } = testAccount();
    seedUser(state, { name: 'bob' });
    seedGroup(state, { name: 'ops' });
    expect(failureOf(() => run('RemoveUserFromGroup', { UserName: 'bob', GroupName: 'ops' }))).toMatch(
      /^NoSuchEntity 404/,
    );
  });

  test('a user can be in ten groups', () => {
    const { run, state } = testAccount();
    seedUser(state, { name: 'bob', groups: Array.from({ length: 10 }, (_, index) => `g${index}`) });
    seedGroup(state, { name: 'ops' });
    run('AddUserToGroup', { UserName: 'bob', GroupName: 'g3' });
    expect(failureOf(() => run('AddUserToGroup', { UserName: 'bob', GroupName: 'ops' }))).toBe(
      'LimitExceeded 409 Cannot exceed quota for GroupsPerUser: 10',
    );
  });
});

describe('managed policies', () => {
  test('attaching twice is no error; detaching twice is NoSuchEntity', () => {
    const { run, state } = testAccount();
    seedUser(state, { name: 'bob' });
    run('AttachUserPolicy', { UserName: 'bob', PolicyArn: policyArn });
    run('AttachUserPolicy', { UserName: 'bob', PolicyArn: policyArn });
    expect(run('ListAttachedUserPolicies', { UserName: 'bob' })).toEqual({
      AttachedPolicies: [{ PolicyArn: policyArn, PolicyName: 'dev-awsiam-testpolicy' }],
      IsTruncated: false,
    });
    run('DetachUserPolicy', { UserName: 'bob', PolicyArn: policyArn });
    expect(failureOf(() => run('DetachUserPolicy', { UserName: 'bob', PolicyArn: policyArn }))).toBe(
      `NoSuchEntity 404 Policy ${policyArn} was not found.`,
    );
  });

  test("AWS's own policies, the monitor's test policies and those of the options exist; others do not", () => {
    const own = 'arn:aws:iam::123456789012:policy/own';
    const { run, state } = testAccount({ policies: [own] });
    seedUser(state, { name: 'bob' });
    for (const PolicyArn of [own, policyArn, 'arn:aws:iam::aws:policy/job-function/ViewOnlyAccess']) {
      run('AttachUserPolicy', { UserName: 'bob', PolicyArn });
    }
    for (const missing of [
      'arn:aws:iam::123456789012:policy/other',
      'arn:aws:iam::210987654321:policy/AwsIamMonitorTestPolicies/x',
    ]) {
      expect(failureOf(() => run('AttachUserPolicy', { UserName: 'bob', PolicyArn: missing }))).toBe(
        `NoSuchEntity 404 Policy ${missing} does not exist or is not attachable.`,
      );
    }
  });

  test.each([
    ['short', /^ValidationError 400 1 validation error detected: Value 'short' at 'policyArn'/],
    [undefined, /^ValidationError 400 .* Member must not be null$/],
    ['arn:aws:s3:::a-bucket-of-mine', /^InvalidInput 400 ARN arn:aws:s3:::a-bucket-of-mine is not valid\.$/],
    ['arn:aws:iam::123456789012:user/bob', /^InvalidInput 400 /],
    ['arn:aws-cn:iam::aws:policy/ViewOnlyAccess', /^InvalidInput 400 /],
  ])('the policy ARN %j is refused', (PolicyArn, failure) => {
    const { run, state } = testAccount();
    seedUser(state, { name: 'bob' });
    expect(failureOf(() => run('AttachUserPolicy', { UserName: 'bob', PolicyArn }))).toMatch(failure);
  });

  test('a user can have ten policies', () => {
    const { run, state } = testAccount();
    const policies = Array.from({ length: 10 }, (_, index) => `arn:aws:iam::aws:policy/p${index}`);
    seedUser(state, { name: 'bob', policies });
    expect(failureOf(() => run('AttachUserPolicy', { UserName: 'bob', PolicyArn: policyArn }))).toBe(
      'LimitExceeded 409 Cannot exceed quota for PoliciesPerUser: 10',
    );
  });

  test('the list can be filtered by path', () => {
    const { run, state } = testAccount();
    seedGroup(state, { name: 'ops', policies: [policyArn, 'arn:aws:iam::aws:policy/ReadOnlyAccess'] });
    const { AttachedPolicies } = run('ListAttachedGroupPolicies', { GroupName: 'ops', PathPrefix: '/AwsIam' });
    expect(AttachedPolicies?.map((policy) => policy.PolicyArn)).toEqual([policyArn]);
  });
});

/** What blocks the deletion of a user, AWS's sentence about it, and a function that adds it and returns how to remove it. */
const blockers = [
  [
    'a membership',
    'must remove users from group first',
    ({ run, state }) => {
      seedGroup(state, { name: 'ops' });
      run('AddUserToGroup', { UserName: 'bob', GroupName: 'ops' });
      return () => run('RemoveUserFromGroup', { UserName: 'bob', GroupName: 'ops' });
    },
  ],
  [
    'an attached policy',
    'must detach all policies first',
    ({ run }) => {
      run('AttachUserPolicy', { UserName: 'bob', PolicyArn: policyArn });
      return () => run('DetachUserPolicy', { UserName: 'bob', PolicyArn: policyArn });
    },
  ],
  [
    'an inline policy',
    'must delete policies first',
    ({ run }) => {
      run('PutUserPolicy', { UserName: 'bob', PolicyName: 'inline', PolicyDocument: '{}' });
      expect(run('ListUserPolicies', { UserName: 'bob' }).PolicyNames).toEqual(['inline']);
      return () => run('DeleteUserPolicy', { UserName: 'bob', PolicyName: 'inline' });
    },
  ],
  [
    'an access key',
    'must delete access keys first',
    ({ run }) => {
      run('CreateAccessKey', { UserName: 'bob' });
      const [key] = run('ListAccessKeys', { UserName: 'bob' }).AccessKeyMetadata ?? [];
      expect(key).not.toHaveProperty('SecretAccessKey');
      return () => run('DeleteAccessKey', { UserName: 'bob', AccessKeyId: key?.AccessKeyId });
    },
  ],
  [
    'a login profile',
    'must delete login profile first',
    ({ run }) => {
      run('CreateLoginProfile', { UserName: 'bob', Password: 'unused' });
      expect(run('GetLoginProfile', { UserName: 'bob' }).LoginProfile?.UserName).toBe('bob');
      return () => run('DeleteLoginProfile', { UserName: 'bob' });
    },
  ],
  [
    'an MFA device',
    'must delete MFA device first',
    ({ run }) => {
      const codes = { AuthenticationCode1: '123456', AuthenticationCode2: '654321' };
      run('EnableMFADevice', { UserName: 'bob', SerialNumber: 'GAHT12345678', ...codes });
      const [device] = run('ListMFADevices', { UserName: 'bob' }).MFADevices ?? [];
      return () => run('DeactivateMFADevice', { UserName: 'bob', SerialNumber: device?.SerialNumber });
    },
  ],
  [
    'a signing certificate',
    'must delete certificates first',
    ({ run }) => {
      run('UploadSigningCertificate', { UserName: 'bob', CertificateBody: '-----BEGIN CERTIFICATE-----' });
      const [certificate] = run('ListSigningCertificates', { UserName: 'bob' }).Certificates ?? [];
      return () => run('DeleteSigningCertificate', { UserName: 'bob', CertificateId: certificate?.CertificateId });
    },
  ],
  [
    'an SSH key',
    'must remove referenced objects first',
    ({ run }) => {
      run('UploadSSHPublicKey', { UserName: 'bob', SSHPublicKeyBody: 'ssh-rsa AAAA' });
      const [key] = run('ListSSHPublicKeys', { UserName: 'bob' }).SSHPublicKeys ?? [];
      return () => run('DeleteSSHPublicKey', { UserName: 'bob', SSHPublicKeyId: key?.SSHPublicKeyId });
    },
  ],
  [
    'a credential for one service',
    'must remove referenced objects first',
    ({ run }) => {
      run('CreateServiceSpecificCredential', { UserName: 'bob', ServiceName: 'codecommit.amazonaws.com' });
      const [credential] = run('ListServiceSpecificCredentials', { UserName: 'bob' }).ServiceSpecificCredentials ?? [];
      const ServiceSpecificCredentialId = credential?.ServiceSpecificCredentialId;
      return () => run('DeleteServiceSpecificCredential', { UserName: 'bob', ServiceSpecificCredentialId });
    },
  ],
] as const satisfies readonly (readonly [string, string, (account: ReturnType<typeof testAccount>) => () => unknown])[];

describe('deleting', () => {
  test.each(blockers)('%s keeps a user from being deleted until it is gone', (_what, sentence, add) => {
    const account = testAccount();
    seedUser(account.state, { name: 'bob' });
    const remove = add(account);
    expect(failureOf(() => account.run('DeleteUser', { UserName: 'bob' }))).toBe(
      `DeleteConflict 409 Cannot delete entity, ${sentence}.`,
    );
    remove();
    expect(failureOf(remove)).toMatch(/^NoSuchEntity 404 /);
    account.run('DeleteUser', { UserName: 'bob' });
    expect(listEntities(account.state).users).toEqual([]);
  });

  test('a group can be deleted after its members and both kinds of policies are removed', () => {
    const { run, state } = testAccount();
    seedGroup(state, { name: 'ops' });
    seedUser(state, { name: 'bob', groups: ['ops'] });
    run('AttachGroupPolicy', { GroupName: 'ops', PolicyArn: policyArn });
    run('PutGroupPolicy', { GroupName: 'ops', PolicyName: 'inline', PolicyDocument: '{}' });
    const refusal = (): string => failureOf(() => run('DeleteGroup', { GroupName: 'ops' }));
    expect(refusal()).toContain('must remove users from group first.');
    run('RemoveUserFromGroup', { GroupName: 'ops', UserName: 'bob' });
    expect(refusal()).toContain('must detach all policies first.');
    run('DetachGroupPolicy', { GroupName: 'ops', PolicyArn: policyArn });
    expect(refusal()).toContain('must delete policies first.');
    run('DeleteGroupPolicy', { GroupName: 'ops', PolicyName: 'inline' });
    expect(refusal()).toBe('no failure');
    expect(listEntities(state)).toEqual({ users: ['bob'], groups: [] });
  });
});

describe('lists', () => {
  test('come in pages of 100, in the order of names, filtered by path', () => {
    const { run, state } = testAccount();
    for (let index = 0; index < 250; index += 1) {
      seedUser(state, { name: `u${String(index).padStart(3, '0')}`, path: index % 2 ? '/odd/' : '/even/' });
    }
    const first = run('ListUsers', { PathPrefix: '/odd/' });
    expect(first.Users).toHaveLength(100);
    expect(first.IsTruncated).toBe(true);
    const second = run('ListUsers', { PathPrefix: '/odd/', Marker: first.Marker });
    expect(second.Users?.map((user) => user.UserName).at(0)).toBe('u201');
    expect(second.Users).toHaveLength(25);
    expect(second).toMatchObject({ IsTruncated: false });
    expect(second).not.toHaveProperty('Marker');
  });

  test('the last page does not say that there is another', () => {
    const { run, state } = testAccount();
    seedGroup(state, { name: 'a' });
    seedGroup(state, { name: 'b' });
    expect(run('ListGroups', { MaxItems: 2 }).IsTruncated).toBe(false);
    expect(run('ListGroups', { MaxItems: 1 }).IsTruncated).toBe(true);
  });

  test('deleting everything on a page skips nothing on the next', () => {
    const { run, state } = testAccount();
    for (const name of ['a', 'b', 'c', 'd']) seedUser(state, { name });
    const { Marker } = run('ListUsers', { MaxItems: 2 });
    run('DeleteUser', { UserName: 'a' });
    run('DeleteUser', { UserName: 'b' });
    expect(run('ListUsers', { MaxItems: 2, Marker }).Users?.map((user) => user.UserName)).toEqual(['c', 'd']);
  });

  test.each([
    [{ MaxItems: 0 }, /Value '0' at 'maxItems' failed to satisfy constraint: Member must have value greater/],
    [{ MaxItems: 1001 }, /Value '1001' at 'maxItems' failed to satisfy constraint: Member must have value less/],
    [{ Marker: 'made up' }, /Invalid Marker/],
    [{ PathPrefix: 'x' }, /The specified value for pathPrefix is invalid/],
  ])('%j is refused', (input, failure) => {
    expect(failureOf(() => testAccount().run('ListUsers', input))).toMatch(failure);
  });
});

describe('eventual consistency', () => {
  test('a new user is not found at first, but its name is taken', () => {
    const { run, wait } = testAccount({ propagation: { creationMs: 3000 } });
    run('CreateUser', { UserName: 'bob' });
    expect(failureOf(() => run('GetUser', { UserName: 'bob' }))).toMatch(/^NoSuchEntity/);
    expect(failureOf(() => run('CreateUser', { UserName: 'bob' }))).toMatch(/^EntityAlreadyExists/);
    expect(run('ListUsers', {}).Users).toEqual([]);
    wait(3000);
    expect(run('GetUser', { UserName: 'bob' }).User?.UserName).toBe('bob');
    expect(run('ListUsers', {}).Users).toHaveLength(1);
  });

  test('something removed still blocks a delete for a while', () => {
    const { run, state, wait } = testAccount({ propagation: { removalMs: 2000 } });
    seedUser(state, { name: 'bob', groups: ['ops'] });
    run('RemoveUserFromGroup', { UserName: 'bob', GroupName: 'ops' });
    expect(failureOf(() => run('DeleteGroup', { GroupName: 'ops' }))).toMatch(/^DeleteConflict/);
    expect(failureOf(() => run('DeleteUser', { UserName: 'bob' }))).toMatch(/^DeleteConflict/);
    wait(2000);
    run('DeleteGroup', { GroupName: 'ops' });
    run('DeleteUser', { UserName: 'bob' });
    expect(listEntities(state)).toEqual({ users: [], groups: [] });
  });
});

test('the same seed gives the same ids', () => {
  const [first, second] = [testAccount(), testAccount()].map(({ run }) => run('CreateUser', { UserName: 'bob' }));
  expect(first).toEqual(second);
});
