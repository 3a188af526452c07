/** Everything the monitor makes lies under these paths; nothing outside of them is ever touched. */
export const userPath = '/AwsIamMonitorTestUsers/';
export const groupPath = '/AwsIamMonitorTestGroups/';
export const policyPath = '/AwsIamMonitorTestPolicies/';

/** IAM's limit of a user name, the shorter of the two. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html */
const longestUserName = 64;
/** Milliseconds to the base of 36 have 8 digits from 1972 to 2059, and 9 until the year 5188. */
const shortestTime = 8;
const longestTime = 9;
const randomLength = 6;

/** What is left for the namespace in the name of a user. */
export const longestNamespace = longestUserName - 'testuser--'.length - longestTime - '-'.length - randomLength;

/** The characters IAM takes in names. */
export const nameCharacters = /^[\w+=,.@-]+$/;

export interface EntityNames {
  readonly user: string;
  readonly group: string;
}

/**
 * Names for the entities of one run, unique by time and by chance: `testuser-prod-mf3k2x1c-9a8b7c`. They have the same
 * form whatever the clock of this host says, so that teardown and sweep always know them for what they are.
 *
 * @param random a number in [0, 1)
 */
export function makeNames(namespace: string, now: Date, random: () => number): EntityNames {
  const time = Math.min(Math.max(now.getTime() || 0, 0), 36 ** longestTime - 1)
    .toString(36)
    .padStart(shortestTime, '0');
  const chance = Math.floor(random() * 36 ** randomLength)
    .toString(36)
    .padStart(randomLength, '0');
  return { user: `testuser-${namespace}-${time}-${chance}`, group: `testgroup-${namespace}-${time}-${chance}` };
}

/**
 * The test policy's ARN where none was given: in the partition and account of the user that was just made.
 *
 * @param entityArn ARN of a user or a group of the account: `arn:aws:iam::123456789012:user/…`
 */
export function testPolicyArn(entityArn: string, namespace: string, region: string): string {
  const [, partition, , , account] = entityArn.split(':');
  return `arn:${partition}:iam::${account}:policy${policyPath}${namespace}-${region}-awsiam-testpolicy`;
}

/** Where an entity stands in the account. */
export interface Entity {
  readonly name: string;
  readonly path: string;
}

/**
 * The names that runs in this namespace give, and the original monitor gave, which had no random part. The pattern is
 * whole: `dev` must not match the entities of `dev-eu` or `dev1`.
 */
export function ownNamePattern(kind: 'testuser' | 'testgroup', namespace: string): RegExp {
  return new RegExp(`^${kind}-${RegExp.escape(namespace)}-[0-9a-z]{8,9}(?:-[0-9a-z]{6})?$`);
}

/** A deletion was asked for that this monitor must never make: a bug, not a fault of the account. */
export class ForeignEntityError extends Error {
  override readonly name = 'ForeignEntity';

  constructor({ path, name }: Entity) {
    super(`refused to touch ${path}${name}: it is not a test entity of this namespace`);
  }
}

/**
 * The last gate before anything is removed.
 *
 * @throws {ForeignEntityError} unless the entity lies under exactly this path and has a name of this namespace
 */
export function assertOwn(entity: Entity, path: string, pattern: RegExp): void {
  if (entity.path !== path || !pattern.test(entity.name)) throw new ForeignEntityError(entity);
}
