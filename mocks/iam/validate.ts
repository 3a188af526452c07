import { describeQuota, IamError, validationError } from './aws-error.ts';
import type { IamState } from './state.ts';

/** The longest names that IAM accepts. */
const maxNameLengths = { userName: 64, groupName: 128, policyName: 128 } as const;

/**
 * Checks a name as IAM does.
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
 * @throws ValidationError
 */
export function requireName(parameter: keyof typeof maxNameLengths, value: string | undefined): string {
  const rule = 'It must contain only alphanumeric characters and/or the following: +=,.@_-';
  return requirePattern(
    parameter,
    requireLength(parameter, value, 1, maxNameLengths[parameter]),
    /^[\w+=,.@-]+$/,
    rule,
  );
}

/**
 * Checks that a value is present and has a length that IAM accepts. `parameter` is spelt as in AWS's message: `userName`.
 * @throws ValidationError
 */
export function requireLength(parameter: string, value: string | undefined, min: number, max: number): string {
  if (value === undefined) throw constraintError(parameter, undefined, 'Member must not be null');
  if (value.length < min) {
    throw constraintError(parameter, value, `Member must have length greater than or equal to ${min}`);
  }
  if (value.length > max) {
    throw constraintError(parameter, value, `Member must have length less than or equal to ${max}`);
  }
  return value;
}

/**
 * Checks an entity's path. @default '/'
 * @throws ValidationError
 */
export function requirePath(value = '/'): string {
  const rule = 'It must begin and end with / and contain only alphanumeric characters and/or / characters.';
  return requirePattern('path', requireLength('path', value, 1, 512), /^\/([!-\x7F]+\/)?$/, rule);
}

/**
 * Checks the path that selects the entries of a list. @default '/'
 * @throws ValidationError
 */
export function requirePathPrefix(value = '/'): string {
  const rule = 'It must begin with the / character and contain only alphanumeric characters and/or / characters.';
  return requirePattern('pathPrefix', requireLength('pathPrefix', value, 1, 512), /^\/[!-\x7F]*$/, rule);
}

function requirePattern(parameter: string, value: string, pattern: RegExp, rule: string): string {
  if (pattern.test(value)) return value;
  throw validationError(`The specified value for ${parameter} is invalid. ${rule}`);
}

/**
 * Checks that a quota is not used up.
 * @param quota AWS's name for it: `UsersPerAccount`.
 * @throws LimitExceeded
 */
export function requireRoom(quota: string, limit: number, count: number): void {
  if (count >= limit) throw new IamError('LimitExceeded', 409, describeQuota(quota, limit));
}

/** The parts of a managed policy's ARN. */
export interface PolicyArn {
  readonly arn: string;
  /** Twelve digits, or `aws` for AWS's own policies. */
  readonly account: string;
  /** Begins and ends with a slash. */
  readonly path: string;
  readonly name: string;
}

/**
 * Checks that an ARN is that of a managed policy, in the partition of the account.
 * @throws ValidationError if it is too short or long, InvalidInput if it is not such an ARN
 */
export function requirePolicyArn(state: IamState, value: string | undefined): PolicyArn {
  const arn = requireLength('policyArn', value, 20, 2048);
  const match = /^arn:([\w-]+):iam::(\d{12}|aws):policy(\/(?:[!-\x7F]+\/)?)([\w+=,.@-]{1,128})$/.exec(arn);
  const [, partition, account, path, name] = match ?? [];
  if (partition !== state.partition || !account || !path || !name)
    throw new IamError('InvalidInput', 400, `ARN ${arn} is not valid.`);
  return { arn, account, path, name };
}

/**
 * Checks that a policy's document is JSON, and that each statement has an effect, actions and resources.
 * @throws ValidationError, MalformedPolicyDocument
 */
export function requirePolicyDocument(value: string | undefined): string {
  const document = requireLength('policyDocument', value, 1, 131_072);
  const problem = problemOfDocument(document);
  if (problem === undefined) return document;
  throw new IamError('MalformedPolicyDocument', 400, problem);
}

function problemOfDocument(document: string): string | undefined {
  try {
    const { Statement: statements } = JSON.parse(document) as { Statement?: unknown };
    const isValid = statements !== undefined && [statements].flat().every((statement) => isStatement(statement));
    return isValid ? undefined : 'Syntax errors in policy.';
  } catch {
    return 'The policy is not in the valid JSON format.';
  }
}

function isStatement(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const has = (name: string): boolean => Object.hasOwn(value, name) || Object.hasOwn(value, `Not${name}`);
  return 'Effect' in value && ['Allow', 'Deny'].includes(String(value.Effect)) && has('Action') && has('Resource');
}

/** How many characters of a policy's document count towards IAM's quotas: all but white space. */
export function policySizeOf(document: string): number {
  return document.replace(/\s/g, '').length;
}

/** IAM's error about a parameter that violates its model. */
export function constraintError(parameter: string, value: string | number | undefined, constraint: string): Error {
  const shown = value === undefined ? 'Value null' : `Value '${value}'`;
  return validationError(
    `1 validation error detected: ${shown} at '${parameter}' failed to satisfy constraint: ${constraint}`,
  );
}
