import { runSimulation } from '@cloud-copilot/iam-simulate';
import type { PolicyDocument } from '../policy-document.ts';

/** The account of all tests. */
export const accountId = '123456789012';

/** A request as IAM authorises it. */
export interface IamRequest {
  /** `iam:CreateUser` */
  readonly action: string;
  /** The ARN that IAM authorises it on, or `*`. */
  readonly resource: string;
  /** The managed policy that it attaches or detaches. */
  readonly policyArn?: string | undefined;
  /** The permissions boundary that the user has or gets. */
  readonly boundaryArn?: string | undefined;
}

/**
 * Asks the simulator whether the policies allow a request.
 *
 * @param boundary the permissions boundary of who sends it
 * @throws Error if the simulator does not understand the request or a policy
 */
export async function isAllowed(
  policies: readonly PolicyDocument[],
  { action, resource, policyArn, boundaryArn }: IamRequest,
  { partition, boundary }: { readonly partition: string; readonly boundary?: PolicyDocument },
): Promise<boolean> {
  const result = await runSimulation(
    {
      request: {
        principal: `arn:${partition}:iam::${accountId}:user/AwsIamMonitor/monitor`,
        action,
        resource: { resource, accountId },
        contextVariables: {
          ...(policyArn !== undefined && { 'iam:PolicyARN': policyArn }),
          ...(boundaryArn !== undefined && { 'iam:PermissionsBoundary': boundaryArn }),
        },
      },
      identityPolicies: policies.map((policy, index) => ({ name: `policy-${index}`, policy })),
      serviceControlPolicies: [],
      resourceControlPolicies: [],
      ...(boundary !== undefined && { permissionBoundaryPolicies: [{ name: 'boundary', policy: boundary }] }),
    },
    {},
  );
  if (result.resultType === 'error') throw new Error(`${action} on ${resource}: ${JSON.stringify(result.errors)}`);
  return result.overallResult === 'Allowed';
}
