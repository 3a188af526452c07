/**
 * The kinds of policy that AWS names when it denies a request.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
 */
const policyKinds = [
  'identity-based policy',
  'service control policy',
  'resource control policy',
  'permissions boundary',
  'session policy',
  'VPC endpoint policy',
  'resource-based policy',
] as const;

export type PolicyKind = (typeof policyKinds)[number];

/** Why AWS denied a request, as far as its message says. */
export interface Denial {
  /** Whether a statement denies it. Otherwise no statement allows it. */
  readonly isExplicit: boolean;
  /** The kind of policy that decided. Absent if the message does not name one, as some emulators do. */
  readonly by?: PolicyKind;
}

const kind = `(${policyKinds.join('|')})`;
const explicitDeny = new RegExp(`with an explicit deny in (?:an? |the )?${kind}`, 'i');
const noAllow = new RegExp(`because no ${kind} allows`, 'i');

/**
 * Reads AWS's sentence about a denied request:
 *
 * ```text
 * User: arn:aws:iam::123456789012:user/m is not authorized to perform: iam:DeleteUser on resource: user u
 *   because no identity-based policy allows the iam:DeleteUser action
 *   with an explicit deny in a service control policy
 * ```
 */
export function readDenial(message: string): Denial {
  const [, explicit] = explicitDeny.exec(message) ?? [];
  const [, implicit] = noAllow.exec(message) ?? [];
  const named = (explicit ?? implicit)?.toLowerCase();
  const by = policyKinds.find((each) => each.toLowerCase() === named);
  return { isExplicit: /explicit deny/i.test(message), ...(by !== undefined && { by }) };
}
