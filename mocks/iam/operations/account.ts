import { GetAccountSummaryCommand } from '@aws-sdk/client-iam';
import type { GetCallerIdentityRequest, GetCallerIdentityResponse } from '@aws-sdk/client-sts';
import type { Caller } from '../records.ts';
import type { IamState } from '../state.ts';
import { operation, stsApi } from './operation.ts';

export const accountOperations = {
  /** Keys for what the mock does not support are left out. */
  GetAccountSummary: operation(GetAccountSummaryCommand, (state) => ({
    SummaryMap: {
      Users: state.users.size,
      UsersQuota: state.limits.users,
      Groups: state.groups.size,
      GroupsQuota: state.limits.groups,
      GroupsPerUserQuota: state.limits.groupsPerUser,
      Policies: state.policies.size,
      PoliciesQuota: state.limits.policies,
      PolicySizeQuota: state.limits.policySize,
      PolicyVersionsInUse: [...state.policies.values()].reduce((count, { versions }) => count + versions.size, 0),
      VersionsPerPolicyQuota: state.limits.versionsPerPolicy,
      UserPolicySizeQuota: state.limits.userPolicySize,
      GroupPolicySizeQuota: state.limits.groupPolicySize,
      AttachedPoliciesPerUserQuota: state.limits.attachedPoliciesPerUser,
      AttachedPoliciesPerGroupQuota: state.limits.attachedPoliciesPerGroup,
      AccessKeysPerUserQuota: state.limits.accessKeysPerUser,
      SigningCertificatesPerUserQuota: state.limits.signingCertificatesPerUser,
      MFADevicesInUse: state.mfaSerials.size,
    },
  })),

  /** The only operation of STS. Its client stays unloaded: that would take each offline run 7 ms. */
  GetCallerIdentity: {
    api: stsApi,
    run: (state: IamState, _input: GetCallerIdentityRequest, caller: Caller): GetCallerIdentityResponse => ({
      UserId: caller.userId,
      Account: state.accountId,
      Arn: caller.arn,
    }),
  },
};
