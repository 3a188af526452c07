import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import http from 'node:http';
import { text as readText } from 'node:stream/consumers';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { startConnectProxy } from '../../../metrist/testing/connect-proxy.ts';
import { OpenTimeoutError } from '../../../runner/deadline.ts';
import type { StepError } from '../../../runner/step-result.ts';
import { explainError } from '../errors/explain-error.ts';
import { closeSession, openSession, type Session } from '../session.ts';
import { makeAwsHome } from '../testing/aws-home.ts';
import { deadPort, iamErrorXml, listen, startHttpServer } from '../testing/http-server.ts';
import { testConfig } from '../testing/values.ts';
import type { Config } from '../settings/config.ts';

const { signal: quiet } = new AbortController();

/** Opens a session whose credentials the SDK has to find. @returns the key id */
async function open(overrides: Partial<Config> = {}, signal: AbortSignal = quiet): Promise<string | undefined> {
  return (await openAny(overrides, signal)).credentials?.accessKeyId;
}

async function openAny(overrides: Partial<Config> = {}, signal: AbortSignal = quiet): Promise<Session> {
  const { credentials: _, ...config } = testConfig(overrides);
  const session = await openSession(config, { mode: 'live', signal });
  onTestFinished(() => closeSession(session));
  return session;
}

/** How a run explains that no session could be opened. */
async function failureOf(overrides: Partial<Config> = {}): Promise<StepError> {
  const [result] = await Promise.allSettled([open(overrides)]);
  if (result.status === 'fulfilled') throw new Error('it did not fail');
  return explainError(result.reason, 'CreateUser');
}

const expected = (verdict: string, code: string, message: RegExp, advice = /./): object => ({
  verdict,
  code,
  message: expect.stringMatching(message) as unknown,
  advice: expect.stringMatching(advice) as unknown,
});

describe('a profile with a credential_process', () => {
  const profile = '[profile dev]\ncredential_process = ~/get-credentials --token unknownsecret\n';
  const start = async (lines: string): Promise<string> => {
    const home = await makeAwsHome(profile, { AWS_PROFILE: 'dev' });
    return await home.script('get-credentials', lines);
  };

  test('gives its credentials', async () => {
    await start(`echo '{"Version":1,"AccessKeyId":"AKIAPROCESS","SecretAccessKey":"s"}'`);
    expect(await open()).toBe('AKIAPROCESS');
  });

  test('that fails is named with its stderr, but without its command line and its stdout', async () => {
    await start('echo onlyonstdout; echo "the vault is sealed" >&2; exit 3');
    const failure = await failureOf();
    expect(failure).toMatchObject(
      expected(
        'credentials',
        'CredentialsProviderError',
        /the credential_process get-credentials of profile dev failed: the vault is sealed$/,
      ),
    );
    expect(JSON.stringify(failure)).not.toMatch(/onlyonstdout|unknownsecret/);
  });

  test('that prints secrets shows none of them', async () => {
    await start(`echo '{"SecretAccessKey":"unknownsecretkey"}' "$0 $*" >&2; exit 3`);
    const failure = await failureOf();
    expect(failure.message).toMatch(/failed: \{"SecretAccessKey":"\[redacted\]"\} .* --token \[redacted\]$/);
    expect(JSON.stringify(failure)).not.toContain('unknownsecret');
  });

  test.for([
    ['prints no JSON', 'echo hello', /Profile dev credential_process returned invalid JSON/],
    [
      'gives expired credentials',
      `echo '{"Version":1,"AccessKeyId":"A","SecretAccessKey":"s","Expiration":"2020-01-01T00:00:00Z"}'`,
      /Profile dev credential_process returned expired credentials/,
    ],
    ['gives no key', `echo '{"Version":1}'`, /Profile dev credential_process returned invalid credentials/],
    ['fails without a word', 'exit 1', /get-credentials of profile dev failed: it printed nothing on stderr/],
  ] as const)('that %s is named', async ([, lines, message]) => {
    await start(lines);
    expect(await failureOf()).toMatchObject(expected('credentials', 'CredentialsProviderError', message));
  });

  test('that is missing is named', async () => {
    await makeAwsHome(profile, { AWS_PROFILE: 'dev' });
    expect(await failureOf()).toMatchObject(
      expected('credentials', 'CredentialsProviderError', /get-credentials of profile dev failed: .*not found/),
    );
  });

  test('that hangs is named as what we waited for', async () => {
    const script = await start(': > "$0.started"; exec sleep 10');
    const cancel = new AbortController();
    const opening = Promise.allSettled([open({}, cancel.signal)]);
    await vi.waitUntil(() => existsSync(`${script}.started`), { timeout: 10_000 });
    cancel.abort();
    const [result] = await opening;
    const { reason } = result as PromiseRejectedResult;
    expect(explainError(new OpenTimeoutError(30_000, reason), 'CreateUser')).toMatchObject(
      expected(
        'credentials',
        'OpenTimeout',
        /not open within 30 s; waiting for credentials from the credential_process of profile dev/,
      ),
    );
  });
});

describe('a profile', () => {
  test('that does not exist is named', async () => {
    await makeAwsHome('', { AWS_PROFILE: 'nope' });
    expect(await failureOf()).toMatchObject(
      expected('credentials', 'CredentialsProviderError', /profile: \[nope\]|Profile nope/, /AWS_PROFILE/),
    );
  });

  test('is used without a warning although there are keys in the environment', async () => {
    const said = vi.spyOn(console, 'warn').mockReturnValue();
    onTestFinished(() => said.mockRestore());
    await makeAwsHome('[profile dev]\naws_access_key_id = AKIAPROFILE\naws_secret_access_key = s\n', {
      AWS_PROFILE: 'dev',
      AWS_ACCESS_KEY_ID: 'AKIAENVIRONMENT',
      AWS_SECRET_ACCESS_KEY: 's',
      // The SDK's own warning about this has a dozen lines.
      AWS_SDK_UA_APP_ID: 'x'.repeat(80),
    });
    expect(await open()).toBe('AKIAPROFILE');
    expect(said).not.toHaveBeenCalled();
  });

  test('that names an SSO session which does not exist is a credentials problem', async () => {
    await makeAwsHome('[profile dev]\nsso_session = gone\nsso_account_id = 1\nsso_role_name = r\n', {
      AWS_PROFILE: 'dev',
    });
    expect(await failureOf()).toMatchObject({ verdict: 'credentials' });
  });
});

test('without any source of credentials the message has no further reasons', async () => {
  await makeAwsHome('');
  expect(await failureOf()).toMatchObject(
    expected('credentials', 'CredentialsProviderError', /at CreateUser: no credentials were found$/),
  );
});

test('a missing token file of a web identity is a credentials problem', async () => {
  await makeAwsHome('', { AWS_WEB_IDENTITY_TOKEN_FILE: '/nowhere/token', AWS_ROLE_ARN: 'arn:aws:iam::1:role/r' });
  expect(await failureOf()).toMatchObject(
    expected('credentials', 'CredentialsProviderError', /getting credentials failed; ENOENT.*\/nowhere\/token/),
  );
});

describe('a role whose credentials come from STS', () => {
  const config =
    '[profile dev]\nrole_arn = arn:aws:iam::1:role/r\nsource_profile = base\n' +
    '[profile base]\naws_access_key_id = AKIABASE\naws_secret_access_key = s\n';

  test('gives its credentials', async () => {
    const { url } = await startHttpServer((_request, response) =>
      response.end(
        '<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>s' +
          '</SecretAccessKey><SessionToken>t</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>' +
          '</AssumeRoleResult></AssumeRoleResponse>',
      ),
    );
    await makeAwsHome(config, { AWS_PROFILE: 'dev', AWS_ENDPOINT_URL_STS: url });
    expect(await open()).toBe('ASIAROLE');
  });

  test.for([
    ['AccessDenied', 403, 'permission', /the role/],
    ['ExpiredToken', 403, 'credentials', /AWS_PROFILE/],
    ['Throttling', 400, 'throttled', /./],
    ['InternalFailure', 500, 'service', /gives out credentials/],
  ] as const)('that STS refuses with %s is explained by the refusal', async ([code, status, verdict, advice]) => {
    const { url } = await startHttpServer((_request, response) =>
      response.writeHead(status).end(iamErrorXml(code, 'as STS says')),
    );
    await makeAwsHome(config, { AWS_PROFILE: 'dev', AWS_ENDPOINT_URL_STS: url });
    expect(await failureOf()).toMatchObject(expected(verdict, code, /getting credentials failed; as STS says/, advice));
  });

  test.for([
    ['defaults_mode = bogus', /AWS_DEFAULTS_MODE \(defaults_mode in the AWS config file\).*got bogus/],
    ['use_fips_endpoint = true', /AWS_USE_FIPS_ENDPOINT.*unset it, or the endpoint/],
  ] as const)('that cannot be requested because of %s is a configuration problem', async ([setting, message]) => {
    await makeAwsHome(config.replace('\n', `\n${setting}\n`), { AWS_PROFILE: 'dev' });
    expect(await failureOf()).toMatchObject(expected('configuration', 'ConfigError', message));
  });

  test.for([
    [200, '<html>Sign in</html>', 'service', /failed; the answer is not one of STS's: <html>Sign in<\/html>$/],
    [403, '<html>No</html>', 'service', /failed; the answer is not one of STS's: <html>No<\/html>$/],
    [200, '<AssumeRoleResponse><Assume', 'service', /failed; the answer breaks off: <AssumeRoleResponse><Assume$/],
    [429, '<html>slow</html>', 'throttled', /failed; the answer is not one of STS's: <html>slow<\/html>$/],
    [502, '', 'service', /failed; the answer is empty$/],
  ] as const)(
    'that something other than STS answers for is explained: HTTP %d, %j',
    async ([status, body, verdict, message]) => {
      const { url } = await startHttpServer((_request, response) => response.writeHead(status).end(body));
      await makeAwsHome(config, { AWS_PROFILE: 'dev', AWS_ENDPOINT_URL_STS: url });
      expect(await failureOf()).toMatchObject(expected(verdict, 'ForeignAnswer', message));
    },
  );

  test.for([20, 4, 0])(
    'whose answer breaks off %d characters after the secret does not show the secret',
    async (after) => {
      const before = '<AssumeRoleResponse><SecretAccessKey>';
      const answer = `${before}secretOfTheRole</SecretAccessKey><SessionToken>`.slice(0, before.length + 15 + after);
      const { url } = await startHttpServer((_request, response) => response.end(answer));
      await makeAwsHome(config, { AWS_PROFILE: 'dev', AWS_ENDPOINT_URL_STS: url });
      expect((await failureOf()).message).toMatch(/the answer breaks off: .*\[redacted\]/);
    },
  );

  test('that is refused does not show the session token of the source profile', async () => {
    const { url } = await startHttpServer((request, response) =>
      response
        .writeHead(403)
        .end(iamErrorXml('AccessDenied', `not with ${String(request.headers['x-amz-security-token'])}`)),
    );
    await makeAwsHome(`${config}aws_session_token = tokenOfTheBaseProfile\n`, {
      AWS_PROFILE: 'dev',
      AWS_ENDPOINT_URL_STS: url,
    });
    expect((await failureOf()).message).toMatch(/not with \[redacted\]$/);
  });

  test('is a network failure if STS cannot be reached', async () => {
    await makeAwsHome(config, {
      AWS_PROFILE: 'dev',
      AWS_ENDPOINT_URL_STS: `http://127.0.0.1:${await deadPort()}`,
    });
    expect(await failureOf()).toMatchObject(
      expected('network', 'ECONNREFUSED', /getting credentials from 127\.0\.0\.1 failed; connect ECONNREFUSED/),
    );
  });

  test('names STS as what we waited for if STS does not answer', async () => {
    const cancel = new AbortController();
    const { url } = await startHttpServer(() => cancel.abort());
    await makeAwsHome(config, { AWS_PROFILE: 'dev', AWS_ENDPOINT_URL_STS: url });
    const [result] = await Promise.allSettled([open({}, cancel.signal)]);
    const { reason } = result as PromiseRejectedResult;
    expect(explainError(new OpenTimeoutError(30_000, reason), 'CreateUser')).toMatchObject(
      expected(
        'timeout',
        'OpenTimeout',
        /within 30 s; waiting for credentials from 127\.0\.0\.1/,
        /path from this host/,
      ),
    );
  });
});

describe('an SSO session with a cached token', () => {
  const config =
    '[profile dev]\nsso_session = corp\nsso_account_id = 123456789012\nsso_role_name = r\n' +
    '[sso-session corp]\nsso_start_url = https://corp.example.com/start\nsso_region = eu-west-1\n';
  const start = async (variables: Readonly<Record<string, string>>, expiresAt = '2099-01-01T00:00:00Z') => {
    const home = await makeAwsHome(config, { AWS_PROFILE: 'dev', ...variables });
    const cached = createHash('sha1').update('corp').digest('hex');
    const token = { accessToken: 'cached', expiresAt, clientId: 'c', clientSecret: 's', refreshToken: 'r' };
    await home.write(`.aws/sso/cache/${cached}.json`, JSON.stringify(token));
  };

  test('gives its credentials', async () => {
    const { url } = await startHttpServer((_request, response) =>
      response
        .writeHead(200, { 'content-type': 'application/json' })
        .end(
          '{"roleCredentials":{"accessKeyId":"ASIASSO","secretAccessKey":"s","sessionToken":"t","expiration":4070908800000}}',
        ),
    );
    await start({ AWS_ENDPOINT_URL_SSO: url });
    expect(await open()).toBe('ASIASSO');
  });

  test('is asked through the proxy', async () => {
    const proxy = await startConnectProxy('403 Forbidden');
    await start({ AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: 'true' });
    expect(await failureOf({ proxyEnvironment: { HTTPS_PROXY: `http://${proxy.address}` } })).toMatchObject(
      expected('network', 'ERR_PROXY_TUNNEL', /getting credentials from portal\.sso\.eu-west-1\.amazonaws\.com failed/),
    );
    expect(new Set(proxy.tunnels)).toEqual(new Set(['portal.sso.eu-west-1.amazonaws.com:443']));
  });

  test('whose renewal service cannot be reached is a network failure', async () => {
    await start({ AWS_ENDPOINT_URL_SSO_OIDC: `http://127.0.0.1:${await deadPort()}` }, '2020-01-01T00:00:00Z');
    expect(await failureOf()).toMatchObject(expected('network', 'ECONNREFUSED', /connect ECONNREFUSED/));
  });

  test.for([200, 403])('shows the page if a page with HTTP %d comes instead of an answer', async (status) => {
    const { url } = await startHttpServer((_request, response) => response.writeHead(status).end('<html>No</html>'));
    await start({ AWS_ENDPOINT_URL_SSO: url });
    expect(await failureOf()).toMatchObject(
      expected('service', 'ForeignAnswer', /failed; the answer is not JSON: <html>No<\/html>$/, /look for a proxy/),
    );
  });

  test.for([
    [401, 'credentials', /UnauthorizedException/],
    [503, 'service', /HTTP 503/],
  ] as const)('that is answered with HTTP %d is explained by the answer', async ([status, verdict, message]) => {
    const { url } = await startHttpServer((_request, response) =>
      response
        .writeHead(status, { 'x-amzn-errortype': 'UnauthorizedException', 'content-type': 'application/json' })
        .end('{"message":"Session token not found or invalid"}'),
    );
    await start({ AWS_ENDPOINT_URL_SSO: url });
    const { message: text, verdict: came } = await failureOf();
    expect([came, text]).toEqual([verdict, expect.stringMatching(message)]);
  });
});

describe('a session sees what has changed since the last one of the process:', () => {
  const keys = (id: string): string => `aws_access_key_id = ${id}\naws_secret_access_key = s\n`;
  const role = '[profile dev]\nrole_arn = arn:aws:iam::1:role/r\nsource_profile = base\n[profile base]\n';

  /** Answers as STS does, with a key id made from the request. */
  const startSts = (operation: string, keyOf: (request: string) => string) =>
    listen(
      http.createServer((request, response) => {
        void readText(request).then((body) => {
          const id = keyOf(`${request.headers.authorization} ${body}`);
          response.end(
            `<${operation}Response><${operation}Result><Credentials><AccessKeyId>${id}</AccessKeyId><SecretAccessKey>s` +
              '</SecretAccessKey><SessionToken>t</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>' +
              `</${operation}Result></${operation}Response>`,
          );
        });
      }),
      'http',
    );
  const temporaryKeys = (id: string): string =>
    JSON.stringify({ AccessKeyId: id, SecretAccessKey: 's', Token: 't', Expiration: '2099-01-01T00:00:00Z' });

  test.for(['config', 'credentials'])('keys in ~/.aws/%s', async (file) => {
    const home = await makeAwsHome('');
    await home.write(`.aws/${file}`, `[default]\n${keys('AKIAOLD')}`);
    expect(await open()).toBe('AKIAOLD');
    await home.write(`.aws/${file}`, `[default]\n${keys('AKIANEW')}`);
    expect(await open()).toBe('AKIANEW');
  });

  test('variables of the environment', async () => {
    await makeAwsHome(`[profile dev]\n${keys('AKIAPROFILE')}`, {
      AWS_ACCESS_KEY_ID: 'AKIAOLD',
      AWS_SECRET_ACCESS_KEY: 's',
    });
    expect(await open()).toBe('AKIAOLD');
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIANEW');
    expect(await open()).toBe('AKIANEW');
    vi.stubEnv('AWS_PROFILE', 'dev');
    expect(await open()).toBe('AKIAPROFILE');
  });

  test('the output of a credential_process', async () => {
    const home = await makeAwsHome('[default]\ncredential_process = ~/get-credentials\n');
    const print = (id: string) =>
      home.script('get-credentials', `echo '{"Version":1,"AccessKeyId":"${id}","SecretAccessKey":"s"}'`);
    await print('AKIAOLD');
    expect(await open()).toBe('AKIAOLD');
    await print('AKIANEW');
    expect(await open()).toBe('AKIANEW');
  });

  test('the keys with which a role is assumed', async () => {
    const { url } = await startSts('AssumeRole', (request) => `ASIA${/Credential=AKIA(\w+)/.exec(request)?.[1]}`);
    const home = await makeAwsHome(role + keys('AKIAOLD'), { AWS_PROFILE: 'dev', AWS_ENDPOINT_URL_STS: url });
    expect(await open()).toBe('ASIAOLD');
    await home.write('.aws/config', role + keys('AKIANEW'));
    expect(await open()).toBe('ASIANEW');
  });

  test('the token of a web identity', async () => {
    const { url } = await startSts('AssumeRoleWithWebIdentity', (request) => `ASIA${/Token=(\w+)/.exec(request)?.[1]}`);
    const home = await makeAwsHome('', { AWS_ROLE_ARN: 'arn:aws:iam::1:role/r', AWS_ENDPOINT_URL_STS: url });
    vi.stubEnv('AWS_WEB_IDENTITY_TOKEN_FILE', await home.write('token', 'OLD'));
    expect(await open()).toBe('ASIAOLD');
    await home.write('token', 'NEW');
    expect(await open()).toBe('ASIANEW');
  });

  test('the token and the section of an SSO session', async () => {
    const { url } = await startHttpServer((request, response) =>
      response
        .writeHead(200, { 'content-type': 'application/json' })
        .end(
          `{"roleCredentials":{"accessKeyId":"ASIA${String(request.headers['x-amz-sso_bearer_token'])}","secretAccessKey":"s","sessionToken":"t","expiration":4070908800000}}`,
        ),
    );
    const home = await makeAwsHome('', { AWS_ENDPOINT_URL_SSO: url });
    const logIn = async (session: string, accessToken: string): Promise<void> => {
      await home.write(
        '.aws/config',
        `[default]\nsso_session = ${session}\nsso_account_id = 123456789012\nsso_role_name = r\n` +
          `[sso-session ${session}]\nsso_start_url = https://corp.example.com/start\nsso_region = eu-west-1\n`,
      );
      const cached = createHash('sha1').update(session).digest('hex');
      await home.write(
        `.aws/sso/cache/${cached}.json`,
        JSON.stringify({ accessToken, expiresAt: '2099-01-01T00:00:00Z' }),
      );
    };
    await logIn('corp', 'OLD');
    expect(await open()).toBe('ASIAOLD');
    await logIn('corp', 'NEW');
    expect(await open()).toBe('ASIANEW');
    await logIn('other', 'OTHER');
    expect(await open()).toBe('ASIAOTHER');
  });

  test('the credentials of a container, and the token that it asks with', async () => {
    const { url } = await startHttpServer((request, response) =>
      response.end(temporaryKeys(`ASIA${request.headers.authorization}`)),
    );
    const home = await makeAwsHome('', { AWS_CONTAINER_CREDENTIALS_FULL_URI: `${url}/credentials` });
    vi.stubEnv('AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE', await home.write('token', 'OLD'));
    expect(await open()).toBe('ASIAOLD');
    await home.write('token', 'NEW');
    expect(await open()).toBe('ASIANEW');
  });

  test('the credentials of an instance', async () => {
    let id = 'ASIAOLD';
    const { url } = await startHttpServer(({ url: path = '' }, response) => {
      if (path.endsWith('/token')) response.end('imds-token');
      else if (path.endsWith('/security-credentials/')) response.end('role');
      else response.end(temporaryKeys(id));
    });
    await makeAwsHome('', { AWS_EC2_METADATA_DISABLED: 'false', AWS_EC2_METADATA_SERVICE_ENDPOINT: url });
    expect(await open()).toBe('ASIAOLD');
    id = 'ASIANEW';
    expect(await open()).toBe('ASIANEW');
  });

  test('the endpoint in the AWS config file', async () => {
    const { port } = await startHttpServer((_request, response) => response.end());
    const home = await makeAwsHome('');
    vi.stubEnv('AWS_ENDPOINT_URL', undefined);
    for (const host of ['127.0.0.1', 'localhost']) {
      await home.write('.aws/config', `[default]\n${keys('AKIA')}endpoint_url = http://${host}:${port}\n`);
      expect((await openAny()).transport.host).toBe(host);
    }
  });
});
