import { groupPath, permissions, policyPath, userPath, type Permission } from '../../suites/awsiam/monitor.ts';

/** The partitions of AWS that the policies are made and tested for. */
export const partitions = ['aws', 'aws-us-gov', 'aws-cn'] as const;
export type Partition = (typeof partitions)[number];

/** https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html */
export interface Statement {
  readonly Sid?: string;
  readonly Effect: 'Allow' | 'Deny';
  readonly Action: string | readonly string[];
  readonly Resource: string | readonly string[];
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>;
}

export interface PolicyDocument {
  readonly Version: '2012-10-17';
  readonly Statement: readonly Statement[];
}

/** Where the monitor works. A template may put an expression of its own in the place of each text. */
export interface PolicyScope {
  readonly partition: string;
  /** Twelve digits. @default any account: `*` */
  readonly account?: string;
  /** A policy outside of the path of the test policies that the monitor may attach as well: `METRIST_POLICY_ARN`. */
  readonly policyArn?: string;
  /** The permissions boundary that every test user must have. @default test users need no boundary */
  readonly boundaryArn?: string;
}

/** The least permissions that the monitor needs for its steps, its teardown, its sweep and its doctor. */
export function monitorPolicy(scope: PolicyScope): PolicyDocument {
  const groups = Map.groupBy(permissions, (permission) => sidOf(permission, scope));
  return {
    Version: '2012-10-17',
    Statement: [...groups].map(([Sid, group]) => ({ Sid, ...allow(group, scope) })),
  };
}

/**
 * The statement that allows one action, as narrowly as the policy of the monitor does. It can be added to a policy as it is.
 *
 * @param action `iam:CreateUser`
 * @returns `undefined` for an action that the monitor does not need
 */
export function statementFor(action: string, scope: PolicyScope): Statement | undefined {
  const permission = permissions.find((each) => each.action === action);
  return permission && allow([permission], scope);
}

/** A boundary is demanded where a user gets power. To take power away must be possible without one. */
function demandsBoundary({ action }: Permission, scope: PolicyScope): boolean {
  return scope.boundaryArn !== undefined && /:(Create|Attach)User/.test(action);
}

/**
 * The name of the statement that a permission belongs to. There are as few as possible: the inline policies of a user may
 * have 2,048 characters.
 */
function sidOf(permission: Permission, scope: PolicyScope): string {
  const { resource, onlyTestPolicies } = permission;
  const suffix = demandsBoundary(permission, scope) ? 'WithBoundary' : '';
  if (onlyTestPolicies) return `TestPolicies${suffix}`;
  switch (resource) {
    case 'user':
      return `TestUsers${suffix}`;
    case 'group':
      return 'TestGroups';
    case 'policy':
      return 'LookUp';
    case 'any':
      return 'Lists';
    default:
      return resource satisfies never;
  }
}

/** Permissions with the same conditions. */
function allow(group: readonly Permission[], scope: PolicyScope): Statement {
  const { policyArn, boundaryArn = '' } = scope;
  const testPolicies = arnOf(scope, `policy${policyPath}*`);
  const paths = {
    user: arnOf(scope, `user${userPath}*`),
    group: arnOf(scope, `group${groupPath}*`),
    policy: testPolicies,
    any: '*',
  };
  const Condition = {
    ...(group.some(({ onlyTestPolicies }) => onlyTestPolicies) && {
      ArnLike: { 'iam:PolicyARN': policyArn === undefined ? testPolicies : [testPolicies, policyArn] },
    }),
    ...(group.some((permission) => demandsBoundary(permission, scope)) && {
      StringEquals: { 'iam:PermissionsBoundary': boundaryArn },
    }),
  };
  return {
    Effect: 'Allow',
    Action: oneOrAll(group.map(({ action }) => action)),
    Resource: oneOrAll(group.map(({ resource }) => paths[resource])),
    ...(Object.keys(Condition).length > 0 && { Condition }),
  };
}

function oneOrAll(texts: readonly string[]): string | readonly string[] {
  const [first = '', ...others] = new Set(texts);
  return others.length === 0 ? first : [first, ...others];
}

/** AWS's own policy that denies everything. As the boundary of a test user, it leaves the user no power at all. */
export function denyAllArn(partition: string): string {
  return arnOf({ partition, account: 'aws' }, 'policy/AWSDenyAll');
}

function arnOf({ partition, account = '*' }: Pick<PolicyScope, 'partition' | 'account'>, resource: string): string {
  return `arn:${partition}:iam::${account}:${resource}`;
}
