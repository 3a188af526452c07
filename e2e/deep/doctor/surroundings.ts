import { execFile } from 'node:child_process';
import { chmod, writeFile } from 'node:fs/promises';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import path from 'node:path';
import { promisify } from 'node:util';
import type { TestContext } from 'vitest';
import { startConnectProxy } from '../../../metrist/testing/connect-proxy.ts';
import { mountSmallDisk, need } from '../../../runner/testing/needs.ts';
import { makeCertificate, type Certificate } from '../../../suites/awsiam/testing/certificate.ts';
import { nowhere } from '../../harness/loopback-only.ts';
import { preload, secrets } from '../../harness/run.ts';
import { startSilentServer } from '../../harness/servers.ts';
import type { Misconfiguration, Place, Variables } from './misconfiguration.ts';

const run = promisify(execFile);

const withoutKeys = { METRIST_AWS_ACCESS_KEY_ID: '', METRIST_AWS_SECRET_ACCESS_KEY: '' };
/** AWS's own endpoints. For tests in which nothing gets past a proxy on this machine. */
const ofAws = { AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: 'true' };

async function withProfile({ home }: Place, config: string): Promise<Variables> {
  const file = path.join(home, 'config');
  await writeFile(file, config);
  return { ...withoutKeys, AWS_CONFIG_FILE: file, AWS_PROFILE: 'dev' };
}

/** A server over TLS that answers every request with an empty page. */
export async function startTlsServer(
  certificate: Certificate,
  { onTestFinished }: Pick<TestContext, 'onTestFinished'>,
): Promise<{ readonly url: string }> {
  const server = https.createServer(certificate, (_, response) => response.end()).listen(0, '127.0.0.1');
  onTestFinished(() => server.close().closeAllConnections());
  await once(server, 'listening');
  return { url: `https://localhost:${(server.address() as AddressInfo).port}` };
}

/** What can be wrong with the settings, this host, the network and the credentials. */
export const surroundings: readonly Misconfiguration[] = [
  // Settings
  {
    name: 'one of the two keys is missing',
    spoil: () => ({ METRIST_AWS_SECRET_ACCESS_KEY: '' }),
    group: 'settings',
    cause: /METRIST_AWS_SECRET_ACCESS_KEY is not set, but METRIST_AWS_ACCESS_KEY_ID is: set both keys, or neither/,
    fix: /Set it in the environment or in .*\.env/,
  },
  {
    name: 'the region is misspelt',
    spoil: () => ({ METRIST_AWS_REGION: 'us-eest-1' }),
    group: 'settings',
    cause: /METRIST_AWS_REGION = us-eest-1 .*no region that this version of the AWS SDK knows/,
    fix: /Did you mean us-east-1 or us-west-1\?/,
  },
  {
    name: 'the region is not the name of a region at all',
    spoil: () => ({ METRIST_AWS_REGION: 'Ireland' }),
    group: 'settings',
    cause: /METRIST_AWS_REGION is "Ireland": expected an AWS region such as us-east-1/,
    fix: /Correct it in the environment/,
  },
  {
    name: 'the namespace is too long',
    spoil: () => ({ METRIST_NAMESPACE: 'n'.repeat(39) }),
    group: 'settings',
    cause: /METRIST_NAMESPACE is a text of 39 characters.*at most 38/,
    fix: /Correct it in the environment/,
  },
  {
    name: "the policy's ARN is malformed",
    spoil: () => ({ METRIST_POLICY_ARN: 'AwsIamPolicy' }),
    group: 'settings',
    cause: /METRIST_POLICY_ARN is "AwsIamPolicy": expected the ARN of a managed policy/,
    fix: /Correct it in the environment/,
  },
  {
    name: 'a proxy variable is not an address',
    spoil: () => ({ HTTPS_PROXY: 'http://proxy.example.com/path' }),
    group: 'settings',
    cause: /HTTPS_PROXY is not the address of a proxy/,
    fix: /Correct it in the environment/,
  },

  // This host
  {
    name: 'the results directory is read-only',
    spoil: async ({ resultsDir, context }) => {
      if (process.getuid?.() !== 0) await chmod(resultsDir, 0o500);
      else {
        await mountSmallDisk(context, resultsDir, '16k');
        await run('mount', ['-o', 'remount,ro', resultsDir]);
      }
      return {};
    },
    group: 'host',
    cause:
      /the results directory \S+ cannot be written to: (the file system is read-only|this user may not write there)/,
    fix: /METRIST_RESULTS_DIR/,
  },
  {
    name: 'the disk is full',
    spoil: async ({ resultsDir, context }) => {
      await mountSmallDisk(context, resultsDir, '16k');
      return {};
    },
    group: 'host',
    cause: /the results directory \S+ cannot be written to: the disk is full/,
    fix: /Make room on it/,
  },

  // Network
  {
    name: 'a name does not resolve',
    // A name with an empty label never reaches a name server.
    spoil: () => ({ AWS_ENDPOINT_URL: 'http://iam..localhost' }),
    group: 'network',
    cause: /(ENOTFOUND|EAI_\w+) at looking up iam\.\.localhost/,
    fix: /Check this host's DNS.*The endpoint comes from AWS_ENDPOINT_URL/,
  },
  {
    name: 'nobody listens at the endpoint',
    spoil: () => ({ AWS_ENDPOINT_URL: nowhere() }),
    group: 'network',
    cause: /ECONNREFUSED at a request to IAM at http:\/\/127\.0\.0\.1:9/,
    fix: /Nobody listens at the endpoint.*The endpoint comes from AWS_ENDPOINT_URL: is it right\?/,
  },
  {
    name: 'the endpoint takes the connection and stays silent',
    spoil: async ({ context }) => ({ AWS_ENDPOINT_URL: (await startSilentServer(context)).url }),
    group: 'network',
    cause: /TimeoutError at a request to IAM at http:\S+: no answer within 5 s/,
    fix: /No answer came in time/,
  },
  {
    name: 'the certificate is of an unknown CA',
    spoil: async ({ context }) => {
      const certificate = need(context, await makeCertificate(), 'the openssl command');
      const { url } = await startTlsServer(certificate, context);
      return { AWS_ENDPOINT_URL: url, NODE_EXTRA_CA_CERTS: '' };
    },
    group: 'network',
    cause: /DEPTH_ZERO_SELF_SIGNED_CERT at a request to IAM.*the certificate was issued by localhost/,
    fix: /NODE_EXTRA_CA_CERTS/,
  },
  {
    name: 'the proxy is dead',
    spoil: () => ({ ...ofAws, HTTPS_PROXY: '127.0.0.1:9' }),
    group: 'network',
    cause: /ECONNREFUSED at connecting to the proxy 127\.0\.0\.1:9/,
    fix: /Check HTTPS_PROXY: no proxy answers there/,
  },
  {
    name: 'the proxy asks for a password',
    spoil: async ({ context }) => {
      const { address } = await startConnectProxy('407 Proxy Authentication Required', context);
      return { ...ofAws, https_proxy: `http://${address}` };
    },
    group: 'network',
    cause: /ERR_PROXY_TUNNEL at a request to IAM at https:\/\/iam\.amazonaws\.com.*407/,
    fix: /The proxy asks for a user name and a password: set HTTPS_PROXY to http:\/\/user:password@host:port/,
  },
  {
    name: 'the proxy refuses the tunnel',
    spoil: async ({ context }) => ({
      ...ofAws,
      HTTPS_PROXY: (await startConnectProxy('403 Forbidden', context)).address,
    }),
    group: 'network',
    cause: /ERR_PROXY_TUNNEL at a request to IAM.*403/,
    fix: /The proxy refused the tunnel: check HTTPS_PROXY and NO_PROXY/,
  },
  {
    name: 'the clock is ten minutes fast',
    spoil: () => ({ ...preload('fake-date.ts'), E2E_DATE_AHEAD_MS: '600000' }),
    group: 'network',
    cause: /this host's clock is 10 min ahead of IAM's/,
    fix: /NTP.*Correct the clock/,
  },
  {
    name: 'the endpoint is in another partition than the region',
    spoil: () => ({ AWS_ENDPOINT_URL: 'https://iam.cn-north-1.amazonaws.com.cn', HTTPS_PROXY: '127.0.0.1:9' }),
    group: 'network',
    cause:
      /IAM's endpoint iam\.cn-north-1\.amazonaws\.com\.cn is in the partition aws-cn, but the region us-east-1 is in aws/,
    fix: /Correct METRIST_AWS_REGION, or unset the endpoint/,
  },

  // Credentials
  {
    name: 'the key id is unknown',
    faults: 'GetCallerIdentity=InvalidClientTokenId',
    group: 'credentials',
    cause: /InvalidClientTokenId \(HTTP 403\) at GetCallerIdentity/,
    fix: /Check METRIST_AWS_ACCESS_KEY_ID.*AWS does not know the key id/,
  },
  {
    name: 'the secret is wrong',
    faults: 'GetCallerIdentity=SignatureDoesNotMatch',
    group: 'credentials',
    cause: /SignatureDoesNotMatch \(HTTP 403\) at GetCallerIdentity/,
    fix: /the secret does not belong to the key id/,
  },
  {
    name: 'the two keys are swapped',
    spoil: () => ({
      METRIST_AWS_ACCESS_KEY_ID: secrets.secretAccessKey,
      METRIST_AWS_SECRET_ACCESS_KEY: secrets.accessKeyId,
    }),
    group: 'credentials',
    cause: /the keys are swapped: METRIST_AWS_SECRET_ACCESS_KEY holds a key id/,
    fix: /Put the key id into METRIST_AWS_ACCESS_KEY_ID, and the secret into METRIST_AWS_SECRET_ACCESS_KEY/,
  },
  {
    name: 'the session token has expired',
    faults: 'GetCallerIdentity=ExpiredToken',
    spoil: () => ({ METRIST_AWS_SESSION_TOKEN: secrets.sessionToken }),
    group: 'credentials',
    cause: /ExpiredToken \(HTTP 403\) at GetCallerIdentity/,
    fix: /The session token has expired: renew it/,
  },
  {
    name: 'the key is temporary and its token is missing',
    spoil: () => ({ METRIST_AWS_ACCESS_KEY_ID: 'ASIAE2ETESTKEYID7Q4X' }),
    group: 'credentials',
    cause: /METRIST_AWS_ACCESS_KEY_ID is a temporary key, but METRIST_AWS_SESSION_TOKEN is not set/,
    fix: /Set METRIST_AWS_SESSION_TOKEN/,
  },
  {
    name: 'the profile does not exist',
    spoil: () => ({ ...withoutKeys, AWS_PROFILE: 'prodd' }),
    group: 'credentials',
    cause: /no credentials were found.*prodd/,
    fix: /give the AWS SDK a profile \(AWS_PROFILE\)/,
  },
  {
    name: 'the credential_process fails',
    spoil: async (place) => {
      const script = path.join(place.home, 'get-credentials');
      await writeFile(script, '#!/bin/sh\necho "the vault is sealed" >&2; exit 1\n', { mode: 0o755 });
      return await withProfile(place, `[profile dev]\ncredential_process = ${script}\n`);
    },
    group: 'credentials',
    cause: /the credential_process get-credentials of profile dev failed: the vault is sealed/,
    fix: /give the AWS SDK a profile/,
  },
  {
    name: 'the region is of another partition than the credentials',
    spoil: () => ({ METRIST_AWS_REGION: 'us-gov-west-1' }),
    group: 'credentials',
    cause: /the credentials are of the partition aws, but the region us-gov-west-1 is in aws-us-gov/,
    fix: /Set METRIST_AWS_REGION to a region of aws, or use the keys of an account in aws-us-gov/,
  },
];
