import { describe, expect, test } from 'vitest';
import { listEntities } from '../../../mocks/iam/seeding.ts';
import { permissions, type PermittedOperation, type Permission } from '../../../suites/awsiam/monitor.ts';
import { statementFor } from '../../policy/policy-document.ts';
import type { Principal } from '../principal.ts';
import type { Finding } from '../finding.ts';
import { examine, startAccount } from '../testing/examine.ts';
import { judgePermissions, type Asked } from './permissions.ts';

const who = 'arn:aws-cn:iam::123456789012:user/monitor';
const principal: Principal = { who, scope: { partition: 'aws-cn', account: '123456789012' } };

type Answer = Asked['answer'];
const allowed: Answer = { kind: 'allowed' };
const missing: Answer = { kind: 'denied', denial: { isExplicit: false, by: 'identity-based policy' } };

/** What IAM answers, for each permission. CreateUser and CreateGroup cannot be asked about. */
function judge(answerOf: (permission: Permission) => Answer, boundaryArn?: string): Finding[] {
  const asked = permissions.map((permission) => ({
    permission,
    answer: permission.operation.startsWith('Create')
      ? ({ kind: 'unknown', why: 'no request' } as const)
      : answerOf(permission),
  }));
  const scope = { ...principal.scope, ...(boundaryArn !== undefined && { boundaryArn }) };
  return [...judgePermissions(asked, { ...principal, scope })];
}

const except =
  (...operations: readonly PermittedOperation[]) =>
  (answer: Answer) =>
  ({ operation }: Permission): Answer =>
    operations.includes(operation) ? answer : allowed;

const statesOf = (findings: readonly Finding[]) => findings.map(({ state }) => state);

test('an allowed principal has one line for all that IAM allows, and one for what cannot be asked', () => {
  const findings = judge(() => allowed);
  expect(findings).toEqual([
    { state: 'ok', what: expect.stringMatching(/^IAM allows AddUserToGroup, .*ListUsers/) as unknown },
    {
      state: 'skipped',
      what: 'iam:CreateUser, iam:CreateGroup: not checked, because no request',
      fix: 'The first run shows it: awsiam run.',
    },
  ]);
});

describe('a missing permission', () => {
  test('is a failure with the statement to add, for the partition and the account', () => {
    const [, failed, ...rest] = judge(except('DeleteUser')(missing));
    expect(failed).toEqual({
      state: 'failure',
      what: 'iam:DeleteUser is not allowed (used by: steps, teardown, sweep)',
      fix: `Add this statement to a policy of ${who}:`,
      statement: {
        Effect: 'Allow',
        Action: 'iam:DeleteUser',
        Resource: 'arn:aws-cn:iam::123456789012:user/AwsIamMonitorTestUsers/*',
      },
    });
    expect(statesOf(rest)).toEqual(['skipped']);
  });

  test('names the policies that may be attached', () => {
    const [, failed] = judge(except('AttachUserPolicy')(missing));
    expect(failed?.statement).toEqual(statementFor('iam:AttachUserPolicy', principal.scope));
    expect(JSON.stringify(failed?.statement)).toContain('"iam:PolicyARN"');
  });

  test('is a warning if only the sweep needs it', () => {
    const [, failed] = judge(except('DeleteLoginProfile')(missing));
    expect(failed).toMatchObject({ state: 'warning', what: 'iam:DeleteLoginProfile is not allowed (used by: sweep)' });
  });

  test('has a line for each action', () => {
    const findings = judge(except('DeleteUser', 'RemoveUserFromGroup', 'ListUsers')(missing));
    expect(statesOf(findings)).toEqual(['ok', 'failure', 'failure', 'warning', 'skipped']);
  });

  test('is recognised without the reason that AWS gives, as emulators answer', () => {
    const [, failed] = judge(except('DeleteUser')({ kind: 'denied', denial: { isExplicit: false } }));
    expect(failed).toMatchObject({ state: 'failure', statement: { Action: 'iam:DeleteUser' } });
  });
});

// https://github.com/cloud-gov/terraform-provision/pull/1716
describe('a denial of what does not exist', () => {
  const pathScoped = ({ resource }: Permission): Answer =>
    resource === 'any' || resource === 'policy' ? allowed : missing;

  test('is no failure if it can come from a policy for the paths, and says what will show it', () => {
    const findings = judge(pathScoped);
    expect(statesOf(findings)).toEqual(['ok', 'skipped', 'skipped']);
    expect(findings[0]?.what).toBe('IAM allows ListGroups, ListUsers, GetPolicy');
    expect(findings[1]).toMatchObject({
      what: expect.stringMatching(
        /^iam:AddUserToGroup, .*: not checked, because IAM denies them .* whose path/,
      ) as unknown,
      fix: expect.stringContaining('The first run shows it') as unknown,
      command: expect.stringMatching(
        /^aws iam simulate-principal-policy --policy-source-arn arn:aws-cn:iam::123456789012:user\/monitor --action-names iam:CreateUser .* --resource-arns arn:aws-cn:iam::123456789012:user\/AwsIamMonitorTestUsers\/testuser .*\naws iam .* iam:CreateGroup /,
      ) as unknown,
    });
  });

  test('names the role of a session, for which AWS can simulate', () => {
    const session = { ...principal, who: 'arn:aws:sts::123456789012:assumed-role/monitor/i-0abc' };
    const asked = permissions.map((permission) => ({ permission, answer: pathScoped(permission) }));
    const [, finding] = judgePermissions(asked, session);
    expect(finding?.command).toContain('--policy-source-arn arn:aws:iam::123456789012:role/monitor ');
  });

  test('is no failure if the principal may read everything as well', () => {
    const findings = judge((permission) =>
      /^(Get|List)/.test(permission.operation) ? allowed : pathScoped(permission),
    );
    expect(statesOf(findings)).toEqual(['ok', 'skipped', 'skipped']);
    expect(findings[1]?.what).not.toContain('iam:ListAccessKeys');
  });

  test('is a failure where a like action is allowed, so that the policy is not for the paths', () => {
    const findings = judge((permission) => (permission.operation === 'DeleteUser' ? allowed : pathScoped(permission)));
    const failed = findings.filter(({ state }) => state === 'failure').map(({ what }) => what);
    expect(failed).toEqual([
      'iam:AttachUserPolicy is not allowed (used by: steps)',
      'iam:DetachUserPolicy is not allowed (used by: steps, teardown, sweep)',
    ]);
  });

  test('is no failure if it can come from a policy that demands a permissions boundary', () => {
    const boundary = 'arn:aws-cn:iam::aws:policy/AWSDenyAll';
    expect(statesOf(judge(except('AttachUserPolicy')(missing), boundary))).toEqual(['ok', 'skipped', 'skipped']);
    expect(statesOf(judge(except('DetachUserPolicy')(missing), boundary))).toEqual(['ok', 'failure', 'skipped']);
  });

  test('is certain for the lists, which name no entity', () => {
    const findings = judge((permission) => (permission.operation === 'ListGroups' ? missing : pathScoped(permission)));
    expect(statesOf(findings)).toEqual(['ok', 'warning', 'skipped', 'skipped']);
    expect(findings[1]).toMatchObject({
      what: expect.stringContaining('iam:ListGroups') as unknown,
      statement: { Resource: '*' },
    });
  });

  test('is certain for the test policy, because its ARN holds its path', () => {
    const [, denied, ...rest] = judge((permission) =>
      permission.operation === 'GetPolicy' ? missing : pathScoped(permission),
    );
    expect(denied).toMatchObject({
      state: 'warning',
      what: 'iam:GetPolicy is not allowed (used by: doctor)',
      statement: { Resource: 'arn:aws-cn:iam::123456789012:policy/AwsIamMonitorTestPolicies/*' },
    });
    expect(statesOf(rest)).toEqual(['skipped', 'skipped']);
  });

  test('is one failure if the lists are denied, too: then the policy is missing', () => {
    const findings = judge(() => missing);
    expect(findings[0]).toEqual({
      state: 'failure',
      what: 'IAM allows none of the 29 actions that were asked about',
      fix: `Attach the monitor's policy to ${who}. awsiam policy prints it.`,
    });
    expect(statesOf(findings)).toEqual(['failure', 'skipped']);
  });
});

describe('a denial by another policy', () => {
  test.for([
    [
      { isExplicit: true, by: 'service control policy' },
      'denied by a service control policy',
      /organization's administrators/,
    ],
    [
      { isExplicit: false, by: 'service control policy' },
      'not allowed by a service control policy',
      /organization's administrators/,
    ],
    [
      { isExplicit: true, by: 'identity-based policy' },
      'denied by an identity-based policy',
      /"Effect": "Deny" in a policy of arn:/,
    ],
    [{ isExplicit: true }, 'denied by a policy', /"Effect": "Deny"/],
    [{ isExplicit: true, by: 'permissions boundary' }, 'denied by a permissions boundary', /out of the Deny in it/],
    [
      { isExplicit: false, by: 'permissions boundary' },
      'not allowed by a permissions boundary',
      /Allow the actions in it/,
    ],
    [{ isExplicit: false, by: 'session policy' }, 'not allowed by a session policy', /where the role is assumed/],
    [{ isExplicit: false, by: 'VPC endpoint policy' }, 'not allowed by a VPC endpoint policy', /VPC endpoint/],
  ] as const)('%o is told apart, and has no statement to add', ([denial, what, fix]) => {
    const [, failed] = judge(except('DeleteUser', 'DetachUserPolicy')({ kind: 'denied', denial }));
    expect(failed).toEqual({
      state: 'failure',
      what: `iam:DetachUserPolicy, iam:DeleteUser are ${what} (used by: steps, teardown, sweep)`,
      fix: expect.stringMatching(fix) as unknown,
    });
  });

  test('is certain although the path is unknown, if it is explicit', () => {
    const scp: Answer = { kind: 'denied', denial: { isExplicit: true, by: 'service control policy' } };
    const findings = judge(({ resource }) => (resource === 'any' ? allowed : scp));
    expect(statesOf(findings)).toEqual(['ok', 'failure', 'skipped']);
  });
});

describe('asking IAM', () => {
  const only = ['--only', 'permissions'];

  test('asks once for each action except two, and changes nothing', async () => {
    const { state, values, operations } = await startAccount();
    const { code, lines } = await examine(values, only);
    expect(code).toBe(0);
    expect(lines).toEqual([
      expect.stringMatching(/^✓ IAM allows /),
      expect.stringMatching(/^- iam:CreateUser, iam:CreateGroup: not checked/),
    ]);
    const wanted = permissions.map(({ operation }) => operation).filter((name) => !name.startsWith('Create'));
    expect(operations()).toEqual(wanted);
    expect(listEntities(state)).toEqual({ users: [], groups: [] });
  });

  test('shows what IAM denies, and goes on after an operation that an emulator lacks', async () => {
    const { values } = await startAccount({
      faults: 'DeleteUser=AccessDenied,ListServiceSpecificCredentials=html-500',
    });
    const { code, found, lines } = await examine(values, only);
    expect(code).toBe(1);
    expect(lines[0]).toContain('DeleteServiceSpecificCredential');
    expect(found.permissions?.[1]).toMatchObject({
      state: 'failure',
      what: 'iam:DeleteUser is not allowed (used by: steps, teardown, sweep)',
      statement: { Resource: 'arn:aws:iam::123456789012:user/AwsIamMonitorTestUsers/*' },
    });
    expect(lines).toContainEqual(expect.stringMatching(/^- iam:ListServiceSpecificCredentials: not checked, because /));
  });

  test('stops as soon as IAM throttles, and names what it has not asked', async () => {
    const { values, operations } = await startAccount({ faults: 'DeleteGroup=Throttling' });
    const { code, lines } = await examine(values, only);
    expect(code).toBe(0);
    expect(lines.at(-1)).toMatch(
      /^- iam:DeleteGroup, .*iam:ListUsers.*: not checked, because IAM throttles this account's requests$/,
    );
    expect(operations().at(-1)).toBe('DeleteGroup');
  });

  test.for([
    ['reset-before', [], 'ECONNRESET at DeleteGroup'],
    ['hang', ['--time-limit', '500ms'], 'TimeoutError at DeleteGroup: no answer within 0.5 s'],
  ] as const)('stops as soon as IAM does not answer: %s', async ([fault, args, expected]) => {
    const { values, operations } = await startAccount({ faults: `DeleteGroup=${fault}` });
    const { code, lines } = await examine(values, [...only, ...args]);
    expect(code).toBe(1);
    expect(lines.find((line) => line.startsWith('✗'))).toContain(expected);
    expect(lines.at(-1)).toMatch(/^- iam:DeleteGroup, .*: not checked, because IAM did not answer$/);
    expect(operations().at(-1)).toBe('DeleteGroup');
  });

  test('is skipped without a session, and says why', async () => {
    const { lines } = await examine({ METRIST_AWS_REGION: 'us-east-1' }, only);
    expect(lines.at(-1)).toBe('- the permissions: not checked, because the settings are wrong');
  });
});
