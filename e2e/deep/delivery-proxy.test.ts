import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { startConnectProxy } from '../../metrist/testing/connect-proxy.ts';
import { need } from '../../runner/testing/needs.ts';
import { makeCertificate } from '../../suites/awsiam/testing/certificate.ts';
import { liveEnv, runVitest } from '../harness/run.ts';
import { metristEnv, startIam, startMetrist } from '../harness/servers.ts';

test('results go to Metrist through the proxy that the environment names', async (context) => {
  const tls = need(context, await makeCertificate(), 'the openssl command');
  const dir = await mkdtemp(path.join(os.tmpdir(), 'awsiam-proxy-'));
  context.onTestFinished(() => rm(dir, { recursive: true }));
  const authority = path.join(dir, 'authority.pem');
  await writeFile(authority, tls.cert);
  const [iam, metrist, proxy] = [await startIam(), await startMetrist({ tls }), await startConnectProxy()];
  const { host } = new URL(metrist.url);
  const run = await runVitest({
    env: {
      ...liveEnv,
      ...metristEnv(metrist),
      METRIST_API_HOST: host,
      HTTPS_PROXY: `http://${proxy.address}`,
      NODE_EXTRA_CA_CERTS: authority,
      AWS_ENDPOINT_URL_IAM: iam.url,
    },
  });
  expect(run.code, run.everything).toBe(0);
  expect(metrist.telemetry).toHaveLength(8);
  expect(new Set(proxy.tunnels)).toEqual(new Set([host]));
});
