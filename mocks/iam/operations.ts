import { accountOperations } from './operations/account.ts';
import { credentialOperations } from './operations/credentials.ts';
import { managedPolicyOperations } from './operations/managed-policies.ts';
import { policyOperations } from './operations/policies.ts';
import { userAndGroupOperations } from './operations/users-and-groups.ts';

/**
 * Every operation that the mock knows, by IAM's name for it. A request for any other operation is refused by name.
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_Operations.html
 */
export const operations = {
  ...userAndGroupOperations,
  ...policyOperations,
  ...managedPolicyOperations,
  ...credentialOperations,
  ...accountOperations,
};

/** `CreateUser`, `ListUsers`, … */
export type OperationName = keyof typeof operations;

/** Whether the mock knows an operation of that name. */
export function isOperationName(name: string): name is OperationName {
  return Object.hasOwn(operations, name);
}
