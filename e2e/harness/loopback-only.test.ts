import { once } from 'node:events';
import net from 'node:net';
import { IAM } from '@aws-sdk/client-iam';
import { expect, test } from 'vitest';

test.for(['192.0.2.1', 'iam.amazonaws.com'])('a connection from a test to %s fails at once', async (host) => {
  const [error] = (await once(net.connect({ host, port: 443 }), 'error').catch((reason: unknown) => [reason])) as [
    Error,
  ];
  expect(error.message).toBe(`a test tried to reach ${host}: tests may only reach this machine`);
});

test('a client without an endpoint reaches a closed port of this machine', async () => {
  const credentials = { accessKeyId: 'a', secretAccessKey: 'b' };
  const iam = new IAM({ region: 'us-east-1', credentials, maxAttempts: 1 });
  await expect(iam.listUsers({})).rejects.toMatchObject({ code: 'ECONNREFUSED', address: '127.0.0.1' });
});
