/**
 * An error as IAM sends it. `name` is the code on the wire: the SDK turns `NoSuchEntity` into its `NoSuchEntityException`.
 */
export class IamError extends Error {
  override readonly name: string;
  readonly status: number;

  constructor(name: string, status: number, message: string) {
    super(message);
    this.name = name;
    this.status = status;
  }
}

/** The entity does not exist, or is not visible yet. */
export function noSuchEntity(message: string): IamError {
  return new IamError('NoSuchEntity', 404, message);
}

/** The name is taken; IAM compares names without regard to case. */
export function entityAlreadyExists(message: string): IamError {
  return new IamError('EntityAlreadyExists', 409, message);
}

/** A value that IAM's model forbids. */
export function validationError(message: string): IamError {
  return new IamError('ValidationError', 400, message);
}

/** Nobody has the access key. */
export function invalidClientTokenId(): IamError {
  return new IamError('InvalidClientTokenId', 403, 'The security token included in the request is invalid.');
}

/** The message of `LimitExceeded`. `quota` is AWS's name for it: `UsersPerAccount`. */
export function describeQuota(quota: string, limit: number): string {
  return `Cannot exceed quota for ${quota}: ${limit}`;
}
