// No message and no log line of the monitor under the Orchestrator shows a secret.
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { expect } from 'vitest';
import { goodConfig, leaksOf, runSteps, completeHandshake, test } from '../../harness/conformance.ts';
import { secrets } from '../../harness/run.ts';

/** An IAM whose errors contain secrets, after `padding` characters. */
async function startLeakyIam(onTestFinished: (fn: () => void) => void, padding = 0): Promise<string> {
  const leaked = [
    secrets.secretAccessKey,
    secrets.sessionToken,
    secrets.accessKeyId,
    Buffer.from(secrets.secretAccessKey).toString('base64'),
  ];
  const escaped = leaked.join(' ').replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  const body = `<ErrorResponse><Error><Type>Sender</Type><Code>SignatureDoesNotMatch</Code><Message>${'.'.repeat(padding)}${escaped}</Message></Error><RequestId>${escaped}</RequestId></ErrorResponse>`;
  const leaky = createServer((request, response) => {
    request.resume().on('end', () => response.writeHead(403, { 'x-amzn-requestid': leaked.join(' ') }).end(body));
  }).listen(0, '127.0.0.1');
  onTestFinished(() => leaky.closeAllConnections());
  onTestFinished(() => void leaky.close());
  await once(leaky, 'listening');
  return `http://127.0.0.1:${(leaky.address() as AddressInfo).port}`;
}

const { accessKeyId, secretAccessKey, sessionToken } = secrets;
const bare = { AWSRegion: 'us-east-1', Namespace: 'e2e' };

/** Where credentials can come from. Those of a profile are known only to the SDK. */
const sources = [
  ['the Config', { ...goodConfig, AWSSessionToken: sessionToken }, {}],
  [
    "the monitor's variables",
    bare,
    {
      METRIST_AWS_ACCESS_KEY_ID: accessKeyId,
      METRIST_AWS_SECRET_ACCESS_KEY: secretAccessKey,
      METRIST_AWS_SESSION_TOKEN: sessionToken,
    },
  ],
  [
    "AWS's variables",
    bare,
    { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey, AWS_SESSION_TOKEN: sessionToken },
  ],
  ['a profile', bare, 'profile'],
] as const;

test.concurrent.for(sources)(
  'credentials from %s are not in the answer when an error contains them',
  async ([, config, env], { scenario, onTestFinished }) => {
    const url = await startLeakyIam(onTestFinished);
    const dir = await mkdtemp(path.join(os.tmpdir(), 'awsiam-profile-'));
    onTestFinished(() => rm(dir, { recursive: true }));
    const profile = path.join(dir, 'credentials');
    if (env === 'profile') {
      await writeFile(
        profile,
        `[default]\naws_access_key_id=${accessKeyId}\naws_secret_access_key=${secretAccessKey}\naws_session_token=${sessionToken}\n`,
      );
    }
    const monitor = await scenario.start(undefined, {
      env: { AWS_ENDPOINT_URL_IAM: url, ...(env === 'profile' ? { AWS_SHARED_CREDENTIALS_FILE: profile } : env) },
    });
    await completeHandshake(monitor, config);
    const [answer] = await runSteps(monitor, ['CreateUser']);
    expect(answer).toMatchObject({
      kind: 'Error',
      metadata: { verdict: 'credentials', code: 'SignatureDoesNotMatch' },
    });
    expect(answer?.rest).toContain('[redacted] [redacted] ****7Q4X [redacted]');
    expect(leaksOf(JSON.stringify(answer?.metadata))).toEqual([]);
    expect(answer?.metadata['requestId']).toContain('[redacted]');
    monitor.giveUp();
    await monitor.ended;
  },
);

test.concurrent.for([
  ['the Config', goodConfig, {}],
  [
    'the environment',
    { Namespace: 'e2e' },
    {
      METRIST_AWS_SECRET_ACCESS_KEY: secrets.secretAccessKey,
      METRIST_AWS_ACCESS_KEY_ID: secrets.accessKeyId,
      AWS_REGION: 'us-east-1',
    },
  ],
] as const)(
  'credentials from %s are not shown when a quoted setting contains them',
  async ([, config, env], { scenario }) => {
    const monitor = await scenario.start(await scenario.account(), { env });
    await completeHandshake(monitor, {
      ...config,
      Namespace: `${secrets.secretAccessKey} ${secrets.accessKeyId}`,
      [`${secrets.secretAccessKey}!`]: 'x',
    });
    const [answer] = await runSteps(monitor, ['CreateUser']);
    expect(answer).toMatchObject({ kind: 'Error', metadata: { verdict: 'configuration' } });
    expect(answer?.rest).toContain('Namespace in the Config JSON is a text of 64 characters (not shown');
    monitor.giveUp();
    await monitor.ended;
  },
);

/** Paddings with which the limits for an error's text and for a whole message cut through a secret. */
test.concurrent.for([1930, 1960, 3910, 3930, 3960])(
  'no part of a secret that begins %d characters into a message is shown',
  async (padding, { scenario, onTestFinished }) => {
    const url = await startLeakyIam(onTestFinished, padding);
    const monitor = await scenario.start(undefined, { env: { AWS_ENDPOINT_URL_IAM: url } });
    await completeHandshake(monitor, { ...goodConfig, AWSSessionToken: sessionToken });
    const [answer] = await runSteps(monitor, ['CreateUser']);
    expect(leaksOf(`${answer?.rest} ${JSON.stringify(answer?.metadata)}`)).toEqual([]);
    monitor.giveUp();
    await monitor.ended;
  },
);

test.concurrent.for([
  ['HTTPS_PROXY', 'http://svc-user:Pa55/word@proxy:8080'],
  ['http_proxy', 'http://svc-user:a6%6qPa55@proxy:8080'],
] as const)('an unusable proxy in %s is a configuration error, and is not shown', async ([name, url], { scenario }) => {
  const monitor = await scenario.start(await scenario.account(), { env: { [name]: url } });
  await completeHandshake(monitor);
  const [answer] = await runSteps(monitor, ['CreateUser']);
  expect(answer).toMatchObject({ kind: 'Error', metadata: { verdict: 'configuration' } });
  expect(answer?.rest).toContain(`${name} is not the address of a proxy`);
  monitor.giveUp();
  await monitor.ended;
  expect(`${monitor.stdout}${monitor.stderr}`).not.toMatch(/svc-user|Pa55|a6%6q/);
});
