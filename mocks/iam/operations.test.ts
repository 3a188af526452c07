import { describe, expect, test } from 'vitest';
import { IamError } from './aws-error.ts';
import { denyAll as document } from './operations/managed-policies.ts';
import { findCaller } from './records.ts';
import { listEntities, seedGroup, seedKeyHolder, seedPolicy, seedUser } from './seeding.ts';
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

  test("AWS's own policies, the monitor's test policies and those of the account exist; others do not", () => {
    const own = 'arn:aws:iam::123456789012:policy/own';
    const { run, state } = testAccount();
    seedPolicy(state, own);
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

  test('in a strict account a test policy exists only once it is created', () => {
    const { run, state } = testAccount({ isStrict: true });
    seedUser(state, { name: 'bob' });
    const attach = (): unknown => run('AttachUserPolicy', { UserName: 'bob', PolicyArn: policyArn });
    expect(failureOf(attach)).toBe(`NoSuchEntity 404 Policy ${policyArn} does not exist or is not attachable.`);
    expect(failureOf(() => run('GetPolicy', { PolicyArn: policyArn }))).toBe(
      `NoSuchEntity 404 Policy ${policyArn} was not found.`,
    );
    const [Path, PolicyName] = ['/AwsIamMonitorTestPolicies/', 'dev-awsiam-testpolicy'];
    expect(run('CreatePolicy', { Path, PolicyName, PolicyDocument: document }).Policy?.Arn).toBe(policyArn);
    attach();
    expect(run('GetPolicy', { PolicyArn: policyArn }).Policy?.AttachmentCount).toBe(1);
  });

  test('a policy that exists without having been created can be looked up, and only the own one is listed', () => {
    const { run } = testAccount();
    for (const PolicyArn of [policyArn, 'arn:aws:iam::aws:policy/AWSDenyAll']) {
      expect(run('GetPolicy', { PolicyArn }).Policy).toMatchObject({ Arn: PolicyArn, IsAttachable: true });
      expect(run('GetPolicyVersion', { PolicyArn, VersionId: 'v1' }).PolicyVersion?.IsDefaultVersion).toBe(true);
    }
    expect(run('GetPolicy', { PolicyArn: policyArn })).toEqual(run('GetPolicy', { PolicyArn: policyArn }));
    expect(run('ListPolicies', {}).Policies?.map(({ Arn }) => Arn)).toEqual([policyArn]);
    expect(run('ListPolicies', { Scope: 'AWS' }).Policies).toEqual([]);
  });

  test('a policy that is not attachable is refused in the words for one that does not exist', () => {
    const { run, state } = testAccount();
    seedUser(state, { name: 'bob' });
    seedPolicy(state, policyArn, { isAttachable: false });
    expect(failureOf(() => run('AttachUserPolicy', { UserName: 'bob', PolicyArn: policyArn }))).toBe(
      `NoSuchEntity 404 Policy ${policyArn} does not exist or is not attachable.`,
    );
    expect(run('GetPolicy', { PolicyArn: policyArn }).Policy?.IsAttachable).toBe(false);
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

describe('managed policies of the account', () => {
  const create = (account: ReturnType<typeof testAccount>, PolicyName = 'own'): string =>
    account.run('CreatePolicy', { PolicyName, PolicyDocument: document }).Policy?.Arn ?? '';

  test('a created policy has an ARN, an id, a path, a first version and no attachments', () => {
    const account = testAccount({ partition: 'aws-us-gov' });
    const arn = 'arn:aws-us-gov:iam::123456789012:policy/team/own';
    const input = { PolicyName: 'own', Path: '/team/', Description: 'ours', PolicyDocument: document };
    const { Policy } = account.run('CreatePolicy', input);
    expect(Policy).toEqual({
      PolicyName: 'own',
      PolicyId: expect.stringMatching(/^ANPA[A-Z2-7]{17}$/) as string,
      Arn: arn,
      Path: '/team/',
      Description: 'ours',
      DefaultVersionId: 'v1',
      AttachmentCount: 0,
      PermissionsBoundaryUsageCount: 0,
      IsAttachable: true,
      CreateDate: new Date('2026-11-22T12:00:00Z'),
      UpdateDate: new Date('2026-11-22T12:00:00Z'),
    });
    expect(account.run('GetPolicy', { PolicyArn: arn })).toEqual({ Policy });
    expect(account.run('ListPolicies', { PathPrefix: '/team/' }).Policies).toEqual([Policy]);
    expect(account.run('ListPolicies', { PathPrefix: '/other/' }).Policies).toEqual([]);
    expect(account.run('ListPolicies', { OnlyAttached: true }).Policies).toEqual([]);
    expect(account.run('GetAccountSummary', {}).SummaryMap).toMatchObject({ Policies: 1, PoliciesQuota: 1500 });
  });

  test('names are unique without regard to case and path', () => {
    const account = testAccount();
    create(account);
    const again = { PolicyName: 'OWN', Path: '/team/', PolicyDocument: document };
    expect(failureOf(() => account.run('CreatePolicy', again))).toBe(
      'EntityAlreadyExists 409 A policy called OWN already exists. Duplicate names are not allowed.',
    );
  });

  test.each([
    ['nothing', undefined, /^ValidationError 400 .*policyDocument/],
    ['no JSON', 'Version: 1', 'MalformedPolicyDocument 400 The policy is not in the valid JSON format.'],
    ['a CloudFormation template', '{"Resources":{}}', 'MalformedPolicyDocument 400 Syntax errors in policy.'],
    ['null', 'null', /^MalformedPolicyDocument 400 /],
    [
      'a statement without a resource',
      '{"Statement":[{"Effect":"Allow","Action":"iam:GetUser"}]}',
      'MalformedPolicyDocument 400 Syntax errors in policy.',
    ],
    [
      'more than 6144 characters',
      document.replace('"*"', JSON.stringify('x'.repeat(6144))),
      'LimitExceeded 409 Cannot exceed quota for PolicySize: 6144',
    ],
  ])('%s is refused as a document', (_what, PolicyDocument, failure) => {
    const { run, state } = testAccount();
    const refusal = failureOf(() => run('CreatePolicy', { PolicyName: 'own', PolicyDocument }));
    if (typeof failure === 'string') expect(refusal).toBe(failure);
    else expect(refusal).toMatch(failure);
    expect(state.policies.size).toBe(0);
  });

  test("white space does not count towards a document's size", () => {
    const spacious = document.replace('{', `{${' '.repeat(7000)}`);
    expect(failureOf(() => testAccount().run('CreatePolicy', { PolicyName: 'own', PolicyDocument: spacious }))).toBe(
      'no failure',
    );
  });

  test('a user can have 2048 characters of inline policies', () => {
    const { run, state } = testAccount();
    seedUser(state, { name: 'bob' });
    const PolicyDocument = document.replace('"*"', JSON.stringify('x'.repeat(1200)));
    run('PutUserPolicy', { UserName: 'bob', PolicyName: 'one', PolicyDocument });
    run('PutUserPolicy', { UserName: 'bob', PolicyName: 'one', PolicyDocument });
    expect(failureOf(() => run('PutUserPolicy', { UserName: 'bob', PolicyName: 'two', PolicyDocument }))).toBe(
      'LimitExceeded 409 Maximum policy size of 2048 bytes exceeded for user bob',
    );
  });

  test('a policy has up to five versions, of which the default one stays', () => {
    const account = testAccount();
    const { run, wait } = account;
    const PolicyArn = create(account);
    wait(1000);
    const newDocument = document.replace('Deny', 'Allow');
    expect(run('CreatePolicyVersion', { PolicyArn, PolicyDocument: newDocument, SetAsDefault: true })).toEqual({
      PolicyVersion: { VersionId: 'v2', IsDefaultVersion: true, CreateDate: new Date('2026-11-22T12:00:01Z') },
    });
    expect(run('GetPolicy', { PolicyArn }).Policy).toMatchObject({
      DefaultVersionId: 'v2',
      UpdateDate: new Date('2026-11-22T12:00:01Z'),
    });
    const { PolicyVersion } = run('GetPolicyVersion', { PolicyArn, VersionId: 'v2' });
    expect(decodeURIComponent(PolicyVersion?.Document ?? '')).toBe(newDocument);
    for (const _ of [3, 4, 5]) run('CreatePolicyVersion', { PolicyArn, PolicyDocument: document });
    expect(failureOf(() => run('CreatePolicyVersion', { PolicyArn, PolicyDocument: document }))).toMatch(
      /^LimitExceeded 409 A managed policy can have up to 5 versions\./,
    );
    expect(failureOf(() => run('DeletePolicyVersion', { PolicyArn, VersionId: 'v2' }))).toBe(
      'DeleteConflict 409 Cannot delete the default version of a policy.',
    );
    run('DeletePolicyVersion', { PolicyArn, VersionId: 'v1' });
    run('CreatePolicyVersion', { PolicyArn, PolicyDocument: document });
    expect(
      run('ListPolicyVersions', { PolicyArn }).Versions?.map((version) => [
        version.VersionId,
        version.IsDefaultVersion,
        version.Document,
      ]),
    ).toEqual([
      ['v2', true, undefined],
      ['v3', false, undefined],
      ['v4', false, undefined],
      ['v5', false, undefined],
      ['v6', false, undefined],
    ]);
    expect(failureOf(() => run('GetPolicyVersion', { PolicyArn, VersionId: 'v1' }))).toMatch(/^NoSuchEntity 404 /);
  });

  test('a policy can be deleted once nothing has it attached and only its default version is left', () => {
    const account = testAccount();
    const { run, state } = account;
    const PolicyArn = create(account);
    seedUser(state, { name: 'bob', policies: [PolicyArn] });
    run('CreatePolicyVersion', { PolicyArn, PolicyDocument: document });
    const refusal = (): string => failureOf(() => run('DeletePolicy', { PolicyArn }));
    expect(refusal()).toBe('DeleteConflict 409 Cannot delete a policy attached to entities.');
    run('DetachUserPolicy', { UserName: 'bob', PolicyArn });
    expect(refusal()).toMatch(/^DeleteConflict 409 This policy has more than one version\./);
    run('DeletePolicyVersion', { PolicyArn, VersionId: 'v2' });
    expect(refusal()).toBe('no failure');
    expect(refusal()).toBe(`NoSuchEntity 404 Policy ${PolicyArn} was not found.`);
  });

  test('a permissions boundary has to exist; GetUser shows it, lists do not, and it cannot be deleted', () => {
    const account = testAccount();
    const { run } = account;
    const missing = 'arn:aws:iam::123456789012:policy/none';
    expect(failureOf(() => run('CreateUser', { UserName: 'bob', PermissionsBoundary: missing }))).toBe(
      `NoSuchEntity 404 Scope ARN: ${missing} does not exist or is not attachable.`,
    );
    const PolicyArn = create(account);
    run('CreateUser', { UserName: 'bob', PermissionsBoundary: PolicyArn });
    expect(run('GetUser', { UserName: 'bob' }).User?.PermissionsBoundary?.PermissionsBoundaryArn).toBe(PolicyArn);
    expect(run('ListUsers', {}).Users?.[0]).not.toHaveProperty('PermissionsBoundary');
    expect(failureOf(() => run('DeletePolicy', { PolicyArn }))).toMatch(/^DeleteConflict/);
  });
});

describe('the caller', () => {
  test('is the user who has the access key: without a name, requests are about that user', () => {
    const { run, state } = testAccount();
    const { AccessKeyId } = seedKeyHolder(state, 'bob');
    const bob = findCaller(state, AccessKeyId);
    expect(run('GetCallerIdentity', {}, bob)).toEqual({
      UserId: state.users.get('bob')?.entity.UserId,
      Account: '123456789012',
      Arn: 'arn:aws:iam::123456789012:user/bob',
    });
    expect(run('GetUser', {}, bob).User?.UserName).toBe('bob');
    expect(run('ListAccessKeys', {}, bob).AccessKeyMetadata).toMatchObject([{ AccessKeyId }]);
  });

  test('with a key that nobody has is awsiam-monitor, and refused by a strict account', () => {
    const { run, state } = testAccount();
    const arn = 'arn:aws:iam::123456789012:user/awsiam-monitor';
    expect(run('GetCallerIdentity', {}, findCaller(state, 'AKIAIOSFODNN7EXAMPLE')).Arn).toBe(arn);
    const strict = testAccount({ isStrict: true });
    const { AccessKeyId } = seedKeyHolder(strict.state, 'bob');
    const refusal = 'InvalidClientTokenId 403 The security token included in the request is invalid.';
    expect(failureOf(() => findCaller(strict.state, 'AKIAIOSFODNN7EXAMPLE'))).toBe(refusal);
    strict.run('DeleteAccessKey', { UserName: 'bob', AccessKeyId });
    expect(failureOf(() => findCaller(strict.state, AccessKeyId))).toBe(refusal);
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
      run('PutUserPolicy', { UserName: 'bob', PolicyName: 'inline', PolicyDocument: document });
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
    run('PutGroupPolicy', { GroupName: 'ops', PolicyName: 'inline', PolicyDocument: document });
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
