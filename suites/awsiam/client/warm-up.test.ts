import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import net from 'node:net';
import { IAMClient, type IAMClientConfig } from '@aws-sdk/client-iam';
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { explainError } from '../errors/explain-error.ts';
import { closeSession, openSession, prepare } from '../session.ts';
import { requireConfig } from '../../../runner/settings.ts';
import { parseConfig } from '../settings/config.ts';
import { makeAwsHome } from '../testing/aws-home.ts';
import { startHttpServer, type TestServer } from '../testing/http-server.ts';
import { testValues } from '../testing/values.ts';
import { Transport } from './transport.ts';
import { prepareFirstCall, warmUp } from './warm-up.ts';

const { signal: quiet } = new AbortController();

describe('warmUp', () => {
  test('opens no connection', async () => {
    const connecting = vi.spyOn(net.Socket.prototype, 'connect');
    onTestFinished(() => connecting.mockRestore());
    await warmUp();
    expect(connecting).not.toHaveBeenCalled();
  });

  test('leaves nothing open that keeps a process alive', async () => {
    const script = `import('${new URL('warm-up.ts', import.meta.url).href}').then(({ warmUp }) => warmUp())`;
    await expect(promisify(execFile)(process.execPath, ['--eval', script], { timeout: 50_000 })).resolves.toMatchObject(
      { stderr: '' },
    );
  });
});

describe('warmUp in an odd environment', () => {
  test.for(['AWS_USE_FIPS_ENDPOINT=true', 'AWS_USE_DUALSTACK_ENDPOINT=true', 'AWS_DEFAULTS_MODE=bogus'])(
    'works under %s',
    async (variable) => {
      const [name = '', value = ''] = variable.split('=');
      await makeAwsHome('', { [name]: value });
      await expect(warmUp()).resolves.toBeUndefined();
    },
  );

  test('reads no variable of AWS and no AWS config file', async () => {
    // The config file counts as well, and the SDK first looks for the name of its profile.
    await makeAwsHome('[default]\nuse_fips_endpoint = true\ndefaults_mode = bogus\n');
    const read: string[] = [];
    const { env } = process;
    onTestFinished(() => void (process.env = env));
    process.env = new Proxy(env, {
      get: (target, name) => {
        if (String(name).startsWith('AWS_')) read.push(String(name));
        return Reflect.get(target, name) as unknown;
      },
    });
    await warmUp();
    // These only control warnings and the headers of a Lambda function.
    const harmless = /^AWS_(SDK_JS_NODE_VERSION|ENABLE_DEFAULT_SOCKET_TIMEOUT|LAMBDA_FUNCTION_NAME)/;
    expect(read.filter((name) => !harmless.test(name))).toEqual([]);
  });
});

/** The host that the real client would connect to with these settings. */
async function originOf(config: string, variables: Readonly<Record<string, string>>): Promise<unknown> {
  await makeAwsHome(config, { AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: 'true', ...variables });
  const openAhead = vi.spyOn(Transport.prototype, 'openAhead').mockResolvedValue();
  onTestFinished(() => openAhead.mockRestore());
  await prepare({ mode: 'live' });
  const session = await openSession(requireConfig(parseConfig({ ...testValues(), ...process.env })), {
    mode: 'live',
    signal: quiet,
  });
  closeSession(session);
  return openAhead.mock.lastCall?.[0].hostname;
}

describe('the endpoint of the first call', () => {
  test.for<[setting: string, host: string, config: string, variables: Readonly<Record<string, string>>]>([
    ['nothing', 'iam.amazonaws.com', '', {}],
    ['AWS_USE_FIPS_ENDPOINT', 'iam-fips.amazonaws.com', '', { AWS_USE_FIPS_ENDPOINT: 'true' }],
    ['AWS_USE_DUALSTACK_ENDPOINT', 'iam.global.api.aws', '', { AWS_USE_DUALSTACK_ENDPOINT: 'true' }],
    ['use_fips_endpoint in the config file', 'iam-fips.amazonaws.com', '[default]\nuse_fips_endpoint = true\n', {}],
    [
      'AWS_IGNORE_CONFIGURED_ENDPOINT_URLS',
      'iam.amazonaws.com',
      '',
      { AWS_ENDPOINT_URL_IAM: 'http://127.0.0.1:9', AWS_ENDPOINT_URL: 'http://127.0.0.1:9' },
    ],
    [
      'AWS_ENDPOINT_URL_IAM',
      '127.0.0.1',
      '',
      { AWS_ENDPOINT_URL_IAM: 'http://127.0.0.1:9', AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: 'false' },
    ],
    ['the Orchestrator', '127.0.0.1', '', { METRIST_AWSIAM_ENDPOINT_URL: 'http://127.0.0.1:9' }],
  ])('with %s is %s', async ([, host, config, variables]) => {
    expect(await originOf(config, variables)).toBe(host);
  });

  test.for<[setting: RegExp, config: string, variables: Readonly<Record<string, string>>]>([
    [/AWS_DEFAULTS_MODE is "bogus": expected auto, /, '', { AWS_DEFAULTS_MODE: 'bogus' }],
    [
      /AWS_USE_FIPS_ENDPOINT.*unset it, or the endpoint \(AWS_ENDPOINT_URL_IAM/,
      '',
      { AWS_USE_FIPS_ENDPOINT: 'true', METRIST_AWSIAM_ENDPOINT_URL: 'http://127.0.0.1:9' },
    ],
    [
      /use_dualstack_endpoint.*unset it/,
      '[default]\nuse_dualstack_endpoint = true\n',
      { METRIST_AWSIAM_ENDPOINT_URL: 'http://127.0.0.1:9' },
    ],
    [
      /AWS_ENDPOINT_URL is "nowhere"/,
      '',
      { AWS_ENDPOINT_URL: 'nowhere', AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: 'false' },
    ],
    [/AWS_USE_FIPS_ENDPOINT is "banana"/, '', { AWS_USE_FIPS_ENDPOINT: 'banana' }],
  ])('is a configuration problem if the SDK refuses it: %s', async ([message, config, variables]) => {
    const [result] = await Promise.allSettled([originOf(config, variables)]);
    const { reason } = result as PromiseRejectedResult;
    expect(explainError(reason, 'CreateUser')).toMatchObject({
      verdict: 'configuration',
      message: expect.stringMatching(message) as unknown,
    });
  });
});

test('a warm-up that fails does not fail the run', async () => {
  const send = vi.spyOn(IAMClient.prototype, 'send').mockRejectedValue(new Error('cold'));
  onTestFinished(() => send.mockRestore());
  await expect(warmUp()).rejects.toThrow('cold');
  await expect(prepare({ mode: 'live' })).resolves.toBeUndefined();
});

describe('prepareFirstCall', () => {
  afterEach(() => void vi.unstubAllEnvs());

  function connect({ url }: TestServer, config: IAMClientConfig = {}) {
    const transport = new Transport({
      connectionTimeoutMs: 5000,
      requestTimeoutMs: 5000,
      proxyEnvironment: {},
      elapsedMs: () => performance.now(),
    });
    const client = new IAMClient({ region: 'us-east-1', endpoint: url, requestHandler: transport.handler, ...config });
    onTestFinished(() => {
      client.destroy();
      transport.close();
    });
    return { client, transport };
  }

  test('finds the credentials and opens a connection, but sends nothing', async () => {
    const server = await startHttpServer((_request, response) => response.end());
    const credentials = { accessKeyId: 'TESTKEY', secretAccessKey: 'unused' };
    const { client, transport } = connect(server, { credentials });
    expect(await prepareFirstCall(client, transport, quiet)).toMatchObject(credentials);
    await vi.waitUntil(() => server.sockets.length === 1);
    expect(server.bytes()).toBe(0);
    expect(transport.takeConnectMs()).toBeUndefined();
  });

  test('rejects if there are no credentials, and opens no connection', async () => {
    for (const name of Object.keys(process.env).filter((each) => each.startsWith('AWS_'))) vi.stubEnv(name, undefined);
    vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
    vi.stubEnv('AWS_CONFIG_FILE', '/nowhere/config');
    vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/nowhere/credentials');
    const server = await startHttpServer((_request, response) => response.end());
    const { client, transport } = connect(server);
    const [result] = await Promise.allSettled([prepareFirstCall(client, transport, quiet)]);
    expect(result.status).toBe('rejected');
    const { reason } = result as PromiseRejectedResult;
    expect(explainError(reason, 'CreateUser')).toMatchObject({
      verdict: 'credentials',
      code: 'CredentialsProviderError',
    });
    expect(server.sockets).toHaveLength(0);
  });
});
