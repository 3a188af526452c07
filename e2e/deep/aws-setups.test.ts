import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import net, { type AddressInfo } from 'node:net';
import { once } from 'node:events';
import os from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { startConnectProxy } from '../../metrist/testing/connect-proxy.ts';
import { liveEnv, preload, runAwsiam, runVitest } from '../harness/run.ts';
import { metristEnv, startIam, startMetrist } from '../harness/servers.ts';

/** What a live run needs in addition to credentials. */
const withoutKeys = { METRIST_AWS_REGION: 'us-east-1', METRIST_NAMESPACE: 'e2e' };

/** The variables for a new home directory with this AWS config file. */
async function homeWith(config: string): Promise<{ HOME: string; AWS_CONFIG_FILE: string }> {
  const home = await mkdtemp(path.join(os.tmpdir(), 'awsiam-home-'));
  onTestFinished(() => rm(home, { recursive: true }));
  const file = path.join(home, 'config');
  await writeFile(file, config);
  return { HOME: home, AWS_CONFIG_FILE: file };
}

test('a run gives up in seconds on an endpoint that accepts connections and never answers, and reports no leftovers', async () => {
  const server = net.createServer((socket) => void socket.on('error', () => {}).resume()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const startMs = performance.now();
  const run = await runVitest({ env: { ...liveEnv, AWS_ENDPOINT_URL_IAM: `https://127.0.0.1:${port}` } });
  expect(run.junit?.cases[0]).toMatchObject({ name: 'CreateUser', verdict: 'timeout' });
  expect(run.stdout).toContain('within 5 s');
  expect(run.stdout).toContain('Nothing was sent');
  expect(run.everything).not.toMatch(/left behind|may exist|took the connection/);
  // Three attempts of five seconds each, and one connection opened ahead: half a minute at most. It once took 154 s.
  expect(performance.now() - startMs).toBeLessThan(60_000);
});

test('every report names a failing credential_process and shows its message', async () => {
  const metrist = await startMetrist();
  const home = await homeWith('');
  const script = path.join(home.HOME, 'get-credentials');
  await writeFile(script, '#!/bin/sh\necho "the vault is sealed" >&2; exit 1\n', { mode: 0o755 });
  await writeFile(home.AWS_CONFIG_FILE, `[profile dev]\ncredential_process = ${script}\n`);
  const run = await runVitest({ env: { ...withoutKeys, ...metristEnv(metrist), ...home, AWS_PROFILE: 'dev' } });
  const words = 'the credential_process get-credentials of profile dev failed: the vault is sealed';
  expect(run.junit?.cases[0]).toMatchObject({ name: 'CreateUser', verdict: 'credentials' });
  expect(run.stdout.replaceAll(/\s+/g, ' ')).toContain(words);
  expect(metrist.errors).toEqual([expect.objectContaining({ message: expect.stringContaining(words) as unknown })]);
});

test('a run with both a profile and keys prints no SDK warning', async () => {
  const iam = await startIam();
  const home = await homeWith(
    '[profile dev]\naws_access_key_id = AKIAPROFILE\naws_secret_access_key = secretofprofile\n',
  );
  const env = {
    ...withoutKeys,
    ...home,
    AWS_PROFILE: 'dev',
    AWS_ACCESS_KEY_ID: 'AKIAENVIRONMENT',
    AWS_SECRET_ACCESS_KEY: 'secretofenvironment',
    AWS_ENDPOINT_URL_IAM: iam.url,
  };
  const [run, cleanup] = await Promise.all([runVitest({ env }), runAwsiam(['cleanup'], env)]);
  expect(run, run.everything).toMatchObject({ code: 0, stderr: '' });
  expect(cleanup).toMatchObject({ code: 0, stderr: '' });
});

test('a run with FIPS endpoints calls the FIPS endpoint of IAM', async () => {
  const proxy = await startConnectProxy('403 Forbidden');
  const run = await runVitest({
    env: {
      ...liveEnv,
      AWS_USE_FIPS_ENDPOINT: 'true',
      AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: 'true',
      HTTPS_PROXY: `http://${proxy.address}`,
    },
  });
  expect(new Set(proxy.tunnels)).toEqual(new Set(['iam-fips.amazonaws.com:443']));
  expect(run.junit?.cases[0]).toMatchObject({ verdict: 'network' });
});

test('a host with its clock ten minutes ahead reports the true time and says that its clock is wrong', async () => {
  const iam = await startIam('CreateGroup=AccessDenied');
  const metrist = await startMetrist();
  const run = await runVitest({
    env: {
      ...liveEnv,
      ...metristEnv(metrist),
      AWS_ENDPOINT_URL_IAM: iam.url,
      ...preload('fake-date.ts'),
      E2E_DATE_AHEAD_MS: '600000',
    },
  });
  const minutesAhead = (time: unknown): number => Math.round((Date.parse(String(time)) - Date.now()) / 60_000);
  expect(run.stdout.replaceAll(/\s+/g, ' ')).toContain("this host's clock is 10 min ahead of the service's");
  // Far less than ten minutes, however long the run and this test took.
  expect(metrist.errors.map(({ time }) => minutesAhead(`${String(time)}Z`.replace('ZZ', 'Z')))).toEqual([
    expect.toSatisfy((minutes: number) => Math.abs(minutes) < 5),
  ]);
});
