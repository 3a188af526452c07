import type { GetAccountSummaryCommandOutput } from '@aws-sdk/client-iam';
import type { Answer } from '../operation.ts';
import type { IamState } from '../state.ts';

/**
 * Counts what is in the account, beside its quotas. Keys of things that the mock does not have are left out.
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountSummary.html
 */
export function getAccountSummary(state: IamState): Answer<GetAccountSummaryCommandOutput> {
  return {
    SummaryMap: {
      Users: state.users.size,
      UsersQuota: state.limits.users,
      Groups: state.groups.size,
      GroupsQuota: state.limits.groups,
      GroupsPerUserQuota: state.limits.groupsPerUser,
      AttachedPoliciesPerUserQuota: state.limits.attachedPoliciesPerUser,
      AttachedPoliciesPerGroupQuota: state.limits.attachedPoliciesPerGroup,
      AccessKeysPerUserQuota: state.limits.accessKeysPerUser,
      SigningCertificatesPerUserQuota: state.limits.signingCertificatesPerUser,
      MFADevicesInUse: state.mfaSerials.size,
    },
  };
}
