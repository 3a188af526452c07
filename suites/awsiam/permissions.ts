import { removals } from './call.ts';
import { sweptOperations, type SweptOperation } from './cleanup/swept-kinds.ts';
import { operations } from './outline.ts';
import type { steps } from './steps.ts';

/** A part of the monitor that sends requests to IAM. */
export type PermissionUser = 'steps' | 'teardown' | 'sweep' | 'doctor';

/** What `awsiam doctor` looks up. Without it, a missing test policy shows only when a run fails. */
const doctorOperations = ['GetPolicy'] as const;

type StepOperation<Step> = Step extends { readonly operation: infer Name }
  ? Name
  : Step extends { readonly name: infer Name }
    ? Name
    : never;

/** IAM's name of each request that the monitor may send: `CreateUser`, `ListUsers`, … */
export type PermittedOperation =
  | StepOperation<(typeof steps)[number]>
  | (typeof removals)[keyof typeof removals]['operation']
  | SweptOperation
  | (typeof doctorOperations)[number];

/** An action that the monitor needs, and on what. */
export interface Permission {
  /** IAM's name of the request: `CreateUser`. */
  readonly operation: PermittedOperation;
  /** `iam:CreateUser` */
  readonly action: `iam:${PermittedOperation}`;
  /** What IAM authorises the action on. `any`: IAM grants it on nothing narrower than the whole account. */
  readonly resource: 'user' | 'group' | 'policy' | 'any';
  /** Whether the action on a user or a group names a policy, which the condition key `iam:PolicyARN` limits to the test policies. */
  readonly onlyTestPolicies: boolean;
  /** The parts that need it. Never empty. */
  readonly usedBy: readonly PermissionUser[];
}

/** The operations of each part, from the code that sends them. */
const operationsOf: Readonly<Record<PermissionUser, readonly PermittedOperation[]>> = {
  steps: Object.values(operations) as PermittedOperation[],
  teardown: Object.values(removals).map(({ operation }) => operation),
  sweep: sweptOperations,
  doctor: doctorOperations,
};

/** Every action that the monitor needs, once each. The policies and `awsiam doctor` are made from this list. */
export const permissions: readonly Permission[] = [...new Set(Object.values(operationsOf).flat())].map((operation) => ({
  operation,
  action: `iam:${operation}`,
  resource: resourceOf(operation),
  onlyTestPolicies: /^(Attach|Detach)/.test(operation),
  usedBy: (Object.keys(operationsOf) as PermissionUser[]).filter((user) => operationsOf[user].includes(operation)),
}));

/** IAM's names tell. `permissions.test.ts` compares the result with AWS's own data. */
function resourceOf(operation: string): Permission['resource'] {
  if (/^List(Users|Groups)$/.test(operation)) return 'any';
  if (operation === 'GetPolicy') return 'policy';
  // A membership belongs to the group. Only the list of a user's groups is granted on the user.
  return operation.includes('Group') && !operation.endsWith('ForUser') ? 'group' : 'user';
}
