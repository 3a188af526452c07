import type { DeleteGroupCommandInput } from '@aws-sdk/client-iam';
import { refuseWhileBlocked } from '../delete-blockers.ts';
import { findGroup } from '../find.ts';
import type { NoOutput } from '../operation.ts';
import { foldName, type IamState } from '../state.ts';

/**
 * Deletes a group without members and policies.
 * @throws DeleteConflict
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteGroup.html
 */
export function deleteGroup(state: IamState, input: DeleteGroupCommandInput): NoOutput {
  const record = findGroup(state, input.GroupName);
  refuseWhileBlocked(state, record, {
    membership: record.members.size,
    attachedPolicies: record.attachedPolicies.size,
    inlinePolicies: record.inlinePolicies.size,
  });
  state.groups.delete(foldName(record.entity.GroupName));
  return {};
}
