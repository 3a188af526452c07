import { expect, test } from 'vitest';
import { liveEnv, runVitest, secrets } from './harness/run-vitest.ts';
import { metristEnv, startIam, startMetrist } from './harness/start.ts';

/** A server of IAM that puts into its error whatever it was asked with, and more. */
test('secrets reach no output, file or request, also when an error message holds them', async () => {
  const { createServer } = await import('node:http');
  const planted = Object.values(secrets)
    .join(' ')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;');
  const leaky = createServer((request, response) => {
    request.resume().on('end', () => {
      response.writeHead(403, { 'x-amzn-requestid': 'leaky' });
      response.end(
        `<ErrorResponse><Error><Type>Sender</Type><Code>SignatureDoesNotMatch</Code><Message>${planted}</Message></Error><RequestId>leaky</RequestId></ErrorResponse>`,
      );
    });
  });
  await new Promise<void>((resolve) => leaky.listen(0, '127.0.0.1', resolve));
  const { port } = leaky.address() as { port: number };
  const metrist = await startMetrist();
  try {
    const run = await runVitest({
      env: {
        ...liveEnv,
        ...metristEnv(metrist),
        METRIST_AWS_SESSION_TOKEN: secrets.sessionToken,
        AWS_ENDPOINT_URL_IAM: `http://127.0.0.1:${port}`,
      },
    });
    const sent = JSON.stringify(metrist.requests.map(({ path, body }) => [path, body]));
    expect(metrist.errors).toHaveLength(1);
    for (const secret of Object.values(secrets)) {
      expect(run.everything).not.toContain(secret);
      expect(sent).not.toContain(secret);
    }
    expect(run.stdout).toContain('[redacted]');
    expect(run.stdout).toContain(`****${secrets.accessKeyId.slice(-4)}`);
  } finally {
    leaky.closeAllConnections();
    leaky.close();
  }
});

test('the key id is in the signature alone, and the secret nowhere, when all is well', async () => {
  const iam = await startIam();
  const run = await runVitest({ env: { ...liveEnv, AWS_ENDPOINT_URL_IAM: iam.url } });
  expect(run.code, run.everything).toBe(0);
  for (const secret of Object.values(secrets)) expect(run.everything).not.toContain(secret);
});
