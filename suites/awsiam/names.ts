/** Everything that the monitor makes has one of these paths. It never touches anything else. */
export const userPath = '/AwsIamMonitorTestUsers/';
export const groupPath = '/AwsIamMonitorTestGroups/';
/** Where the harmless policies are that the monitor may attach to its test users. */
export const policyPath = '/AwsIamMonitorTestPolicies/';

/** IAM's limit for a user name. For a group name it is 128. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html */
const maxUserNameLength = 64;
/** Milliseconds in base 36 have 8 digits from 1972 to 2059, and 9 until the year 5188. */
const minTimeDigits = 8;
const maxTimeDigits = 9;
const randomDigits = 6;

/** How long a namespace may be without making a user name too long for IAM. */
export const maxNamespaceLength = maxUserNameLength - 'testuser--'.length - maxTimeDigits - '-'.length - randomDigits;

/** The characters that IAM allows in names. */
export const nameCharacters = /^[\w+=,.@-]+$/;

export interface EntityNames {
  readonly user: string;
  readonly group: string;
}

/**
 * Names for the entities of one run, unique by their time and a random part: `testuser-prod-mf3k2x1c-9a8b7c`. They have the
 * same form whatever this host's clock says, so that teardown and sweep always recognise them.
 *
 * @param random a number in [0, 1)
 */
export function makeNames(namespace: string, now: Date, random: () => number): EntityNames {
  const time = Math.min(Math.max(now.getTime() || 0, 0), 36 ** maxTimeDigits - 1)
    .toString(36)
    .padStart(minTimeDigits, '0');
  const chance = Math.floor(random() * 36 ** randomDigits)
    .toString(36)
    .padStart(randomDigits, '0');
  return { user: `testuser-${namespace}-${time}-${chance}`, group: `testgroup-${namespace}-${time}-${chance}` };
}

/**
 * The ARN of the test policy, in the partition and the account of an entity that this run made.
 *
 * @param entityArn ARN of a user or a group of the account: `arn:aws:iam::123456789012:user/…`
 */
export function testPolicyArn(entityArn: string, namespace: string, region: string): string {
  const [, partition, , , account] = entityArn.split(':');
  return `arn:${partition}:iam::${account}:policy${policyPath}${testPolicyName(namespace, region)}`;
}

/** `prod-us-east-1-awsiam-testpolicy` */
export function testPolicyName(namespace: string, region: string): string {
  return `${namespace}-${region}-awsiam-testpolicy`;
}

/** What identifies a user or a group in the account. */
export interface Entity {
  readonly name: string;
  readonly path: string;
}

/**
 * Matches the names that runs of this namespace give, and those of the original monitor, which had no random part. It
 * matches whole names only, so that `dev` does not match the entities of `dev-eu` or `dev1`.
 */
export function ownNamePattern(kind: 'testuser' | 'testgroup', namespace: string): RegExp {
  return new RegExp(`^${kind}-${RegExp.escape(namespace)}-[0-9a-z]{8,9}(?:-[0-9a-z]{6})?$`);
}

/**
 * The last check before anything is removed.
 *
 * @throws unless the entity has exactly this path and a name of this namespace
 */
export function assertOwn(entity: Entity, path: string, pattern: RegExp): void {
  if (entity.path === path && pattern.test(entity.name)) return;
  throw new Error(`refused to touch ${entity.path}${entity.name}: it is not a test entity of this namespace`);
}
