import { GetAccountSummaryCommand } from '@aws-sdk/client-iam';
import { operation } from './operation.ts';

/**
 * Counts the account's entities and gives its quotas. Keys for what the mock does not support are left out.
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountSummary.html
 */
export const getAccountSummary = operation(GetAccountSummaryCommand, (state) => {
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
});
