import { partition as partitionOfRegion } from '@aws-sdk/core/client';
import { testPolicyArn } from '../../suites/awsiam/names.ts';
import type { Config } from '../../suites/awsiam/settings/config.ts';
import type { PolicyScope } from '../policy/policy-document.ts';
import type { Caller } from './check-group.ts';
import type { Needed } from './finding.ts';

/** What is known of the account and of the principal that the monitor works as. */
export interface Principal {
  /** For messages: its ARN, if that is known. */
  readonly who: string;
  /** Where its permissions have to hold. */
  readonly scope: PolicyScope;
  /** The policy that a run would attach. Absent if neither the settings nor STS tell. */
  readonly policyArn?: string;
}

export function principalOf(config: Config, caller: Needed<Caller>): Principal {
  const { region, namespace, policyArn: chosen, permissionsBoundaryArn: boundaryArn } = config;
  const known = 'value' in caller ? caller.value : undefined;
  const policyArn = chosen ?? (known && testPolicyArn(known.arn, namespace, region));
  return {
    who: known?.arn ?? "the monitor's principal",
    scope: {
      partition: known?.partition ?? partitionOfRegion(region).name,
      ...(known !== undefined && { account: known.account }),
      ...(chosen !== undefined && { policyArn: chosen }),
      ...(boundaryArn !== undefined && { boundaryArn }),
    },
    ...(policyArn !== undefined && { policyArn }),
  };
}
