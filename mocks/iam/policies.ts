import type { AttachedPolicy } from '@aws-sdk/client-iam';
import { limitExceeded, noSuchEntity } from './aws-error.ts';
import { noteRemoval } from './delete-blockers.ts';
import { type Page, type PageRequest, pageOf } from './page.ts';
import type { IamState, PolicyHolder } from './state.ts';
import { type PolicyArn, requirePathPrefix, requirePolicyArn } from './validate.ts';

/** The path under which the monitor's own test policies lie. Every policy under it exists in the mock. */
const testPolicyPath = '/AwsIamMonitorTestPolicies/';

/**
 * Gives a managed policy to a user or group; giving it twice is no error.
 * @param quota AWS's name of the quota and its size.
 * @throws NoSuchEntityException, LimitExceededException, ValidationError, InvalidInputException
 */
export function attachPolicy(
  state: IamState,
  holder: PolicyHolder,
  policyArn: string | undefined,
  quota: { readonly name: string; readonly limit: number },
): void {
  const { arn, name } = requireExistingPolicy(state, policyArn);
  if (holder.attachedPolicies.has(arn)) return;
  if (holder.attachedPolicies.size >= quota.limit) throw limitExceeded(quota.name, quota.limit);
  holder.attachedPolicies.set(arn, { PolicyArn: arn, PolicyName: name });
}

/**
 * Takes a managed policy from a user or group.
 * @throws NoSuchEntityException when it was not attached
 */
export function detachPolicy(state: IamState, holder: PolicyHolder, policyArn: string | undefined): void {
  const { arn } = requirePolicyArn(state, policyArn);
  if (!holder.attachedPolicies.delete(arn)) throw noSuchEntity(`Policy ${arn} was not found.`);
  noteRemoval(state, holder, 'attachedPolicies');
}

/** One page of the managed policies of a user or group. */
export function pageOfAttachedPolicies(
  state: IamState,
  holder: PolicyHolder,
  request: PageRequest & { readonly PathPrefix?: string | undefined },
): Page<AttachedPolicy> {
  const prefix = requirePathPrefix(request.PathPrefix);
  return pageOf(holder.attachedPolicies, request, ({ PolicyArn: arn }) =>
    requirePolicyArn(state, arn).path.startsWith(prefix),
  );
}

/** Policies that exist: AWS's own, the monitor's test policies of this account, and those named in the options. */
function requireExistingPolicy(state: IamState, value: string | undefined): PolicyArn {
  const policy = requirePolicyArn(state, value);
  const isOwnTestPolicy = policy.account === state.accountId && policy.path.startsWith(testPolicyPath);
  if (policy.account === 'aws' || isOwnTestPolicy || state.policies.has(policy.arn)) return policy;
  throw noSuchEntity(`Policy ${policy.arn} does not exist or is not attachable.`);
}
