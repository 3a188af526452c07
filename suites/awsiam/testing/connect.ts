import { IAM } from '@aws-sdk/client-iam';
import { onTestFinished } from 'vitest';
import { refuseUnreadable } from '../client/iam-answer.ts';
import { Transport, type TransportOptions } from '../client/transport.ts';

/** A transport and a client over it, both closed after the test. */
export function connect(
  url: string,
  options: Partial<TransportOptions> = {},
  maxAttempts = 1,
): { transport: Transport; iam: IAM } {
  const transport = new Transport({
    connectionTimeoutMs: 5000,
    requestTimeoutMs: 5000,
    proxyEnvironment: {},
    elapsedMs: () => performance.now(),
    ...options,
  });
  const iam = new IAM({
    endpoint: url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'TESTKEY', secretAccessKey: 'unused' },
    maxAttempts,
    requestHandler: transport.handler,
  });
  iam.middlewareStack.use(refuseUnreadable);
  onTestFinished(() => {
    iam.destroy();
    transport.close();
  });
  return { transport, iam };
}

export const deleteUser = (iam: IAM) => iam.deleteUser({ UserName: 'u' });

/** The error of work that must fail. */
export async function failureOf(work: Promise<unknown>): Promise<unknown> {
  const [result] = await Promise.allSettled([work]);
  if (result.status === 'fulfilled') throw new Error('it did not fail');
  return result.reason;
}
