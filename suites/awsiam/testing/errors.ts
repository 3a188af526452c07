import { IAMServiceException } from '@aws-sdk/client-iam';

/** An error that IAM answered, as the SDK reports it. */
export function iamError(name: string, httpStatusCode: number, message = `${name} happened`): IAMServiceException {
  const $fault = httpStatusCode < 500 ? 'client' : 'server';
  return new IAMServiceException({
    name,
    message,
    $fault,
    $metadata: { httpStatusCode, requestId: `id-of-${name}`, attempts: 1, totalRetryDelay: 0 },
  });
}

/** An error that Node reports, as the SDK passes it on. */
export function nodeError(code: string, { name = 'Error', message = `connect ${code} 192.0.2.1:443` } = {}): Error {
  return Object.assign(new Error(message), { name, code, $metadata: { attempts: 3, totalRetryDelay: 120 } });
}
