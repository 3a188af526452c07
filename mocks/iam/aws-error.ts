import {
  DeleteConflictException,
  EntityAlreadyExistsException,
  IAMServiceException,
  InvalidInputException,
  LimitExceededException,
  NoSuchEntityException,
} from '@aws-sdk/client-iam';

/** 404: the entity does not exist, or is not visible yet. */
export function noSuchEntity(message: string): NoSuchEntityException {
  return new NoSuchEntityException({ message, $metadata: { httpStatusCode: 404 } });
}

/** 409: the name is taken; IAM compares names without regard to case. */
export function entityAlreadyExists(message: string): EntityAlreadyExistsException {
  return new EntityAlreadyExistsException({ message, $metadata: { httpStatusCode: 409 } });
}

/** 409: the entity still has something that must be removed first. */
export function deleteConflict(message: string): DeleteConflictException {
  return new DeleteConflictException({ message, $metadata: { httpStatusCode: 409 } });
}

/** 409: a quota is used up. `quota` is AWS's name for it: `UsersPerAccount`. */
export function limitExceeded(quota: string, limit: number): LimitExceededException {
  const message = `Cannot exceed quota for ${quota}: ${limit}`;
  return new LimitExceededException({ message, $metadata: { httpStatusCode: 409 } });
}

/** 400: a value that is well formed but not acceptable. */
export function invalidInput(message: string): InvalidInputException {
  return new InvalidInputException({ message, $metadata: { httpStatusCode: 400 } });
}

/** 400: a value that IAM's model forbids. The SDK has no class for this error. */
export function validationError(message: string): IAMServiceException {
  return serviceError('ValidationError', 400, message);
}

/** An error that the SDK has no class for. It becomes an `IAMServiceException` with that name: `AccessDenied`. */
export function serviceError(name: string, httpStatusCode: number, message: string): IAMServiceException {
  const $fault = httpStatusCode < 500 ? 'client' : 'server';
  return new IAMServiceException({ name, message, $fault, $metadata: { httpStatusCode } });
}
