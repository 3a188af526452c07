import {
  DeleteConflictException,
  EntityAlreadyExistsException,
  IAMServiceException,
  InvalidInputException,
  LimitExceededException,
  NoSuchEntityException,
} from '@aws-sdk/client-iam';

/** 404: what the request is about is not there, or not yet visible. */
export function noSuchEntity(message: string): NoSuchEntityException {
  return new NoSuchEntityException({ message, $metadata: { httpStatusCode: 404 } });
}

/** 409: the name is taken; IAM compares names without regard to case. */
export function entityAlreadyExists(message: string): EntityAlreadyExistsException {
  return new EntityAlreadyExistsException({ message, $metadata: { httpStatusCode: 409 } });
}

/** 409: something still hangs on what shall be deleted. */
export function deleteConflict(message: string): DeleteConflictException {
  return new DeleteConflictException({ message, $metadata: { httpStatusCode: 409 } });
}

/** 409: the account's quota is used up. `quota` is AWS's name of it: `UsersPerAccount`. */
export function limitExceeded(quota: string, limit: number): LimitExceededException {
  const message = `Cannot exceed quota for ${quota}: ${limit}`;
  return new LimitExceededException({ message, $metadata: { httpStatusCode: 409 } });
}

/** 400: a value that is well-formed and still not acceptable. */
export function invalidInput(message: string): InvalidInputException {
  return new InvalidInputException({ message, $metadata: { httpStatusCode: 400 } });
}

/** 400: a value that IAM's model forbids. Not in the SDK's model, so the SDK knows it by name alone. */
export function validationError(message: string): IAMServiceException {
  return serviceError('ValidationError', 400, message);
}

/** An error that the SDK has no class for and reports as an `IAMServiceException` of that name: `AccessDenied`. */
export function serviceError(name: string, httpStatusCode: number, message: string): IAMServiceException {
  const $fault = httpStatusCode < 500 ? 'client' : 'server';
  return new IAMServiceException({ name, message, $fault, $metadata: { httpStatusCode } });
}

/**
 * The code that IAM writes into its answer for this error. IAM drops the `Exception` of those that the SDK has classes
 * for (`NoSuchEntityException` is `NoSuchEntity` on the wire) and keeps that of the others (`ThrottlingException`).
 */
export function wireCode(error: IAMServiceException): string {
  const isModelled = error.constructor !== IAMServiceException;
  return isModelled ? error.name.replace(/Exception$/, '') : error.name;
}
