import { expect, test } from 'vitest';
import { createRedactor } from '../../../text/redact.ts';
import { secretsOf, secretsOfCredentials, secretsOfProcess, secretsOfRequest } from './secrets.ts';
import { accessKeyId, secretAccessKey } from '../testing/values.ts';

const forms = (suffix: string, name: string, property: string) => [
  `METRIST_AWSIAM_${suffix}`,
  name,
  `${property} in the Config JSON`,
];

test.for([
  ...forms('A_W_S_SECRET_ACCESS_KEY', 'METRIST_AWS_SECRET_ACCESS_KEY', 'AWSSecretAccessKey'),
  ...forms('A_W_S_SESSION_TOKEN', 'METRIST_AWS_SESSION_TOKEN', 'AWSSessionToken'),
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'AWS_CONTAINER_AUTHORIZATION_TOKEN',
  'METRIST_API_TOKEN',
])('hides the value of %s', (name) => {
  const { text } = createRedactor(secretsOf({ [name]: ` ${secretAccessKey}\n` }));
  expect(text(`it is ${secretAccessKey}.`)).toBe('it is [redacted].');
});

test.for([...forms('A_W_S_ACCESS_KEY_ID', 'METRIST_AWS_ACCESS_KEY_ID', 'AWSAccessKeyId'), 'AWS_ACCESS_KEY_ID'])(
  'leaves the end of the key id that %s holds',
  (name) => {
    const { text } = createRedactor(secretsOf({ [name]: accessKeyId }));
    expect(text(`key ${accessKeyId}`)).toBe('key ****ABCD');
  },
);

test('hides every form at once, even those that a stronger name overrules', () => {
  const { text } = createRedactor(
    secretsOf({
      METRIST_AWS_SECRET_ACCESS_KEY: 'the-weaker-secret',
      METRIST_AWSIAM_A_W_S_SECRET_ACCESS_KEY: 'the-stronger-secret',
    }),
  );
  expect(text('the-weaker-secret the-stronger-secret')).toBe('[redacted] [redacted]');
});

test.for(['', 'METRICS_', 'TRACES_'])('hides the headers and the password for OpenTelemetry: %s', (signal) => {
  const { text } = createRedactor(
    secretsOf({
      [`OTEL_EXPORTER_OTLP_${signal}HEADERS`]: 'x-tenant=tenant-number-4711,authorization=Bearer%20otlp-token-0815',
      [`OTEL_EXPORTER_OTLP_${signal}ENDPOINT`]: 'https://otlp-user:otlp-password@collector:4318',
    }),
  );
  expect(text('tenant-number-4711 Bearer otlp-token-0815 (otlp-token-0815) and otlp-password')).toBe(
    '[redacted] [redacted] ([redacted]) and [redacted]',
  );
});

test('leaves innocent settings readable', () => {
  const { text } = createRedactor(secretsOf({ METRIST_NAMESPACE: 'production', METRIST_AWS_REGION: 'us-east-1' }));
  expect(text('production in us-east-1')).toBe('production in us-east-1');
});

test('hides credentials that the SDK found, with and without a session token', () => {
  const found = { accessKeyId, secretAccessKey, sessionToken: 'the-session-token' };
  const { text } = createRedactor(secretsOfCredentials(found));
  expect(text(`${accessKeyId} ${secretAccessKey} the-session-token`)).toBe('****ABCD [redacted] [redacted]');
  expect(createRedactor(secretsOfCredentials({ accessKeyId, secretAccessKey })).text(secretAccessKey)).toBe(
    '[redacted]',
  );
});

test('shows the Orchestrator’s message about a secret that it could not find', () => {
  const missing = '<<ERROR: secret /prod/keys not found>>';
  const values = { METRIST_AWS_SECRET_ACCESS_KEY: missing, METRIST_AWSIAM_A_W_S_ACCESS_KEY_ID: ` ${missing}` };
  expect(createRedactor(secretsOf(values)).text(missing)).toBe(missing);
});

/** Settings with an address, and how its user and password can be written. */
const addresses = [
  [
    'HTTPS_PROXY',
    'http://svc:Pa55/word@proxy:8080',
    ['svc:Pa55/word', 'svc:Pa55%2Fword', 'svc%3APa55%2Fword', 'Pa55/word'],
  ],
  ['https_proxy', 'http://svc:Pa55%2Fword@proxy', ['svc:Pa55/word', 'svc:Pa55%2Fword', 'Pa55%2Fword', 'Pa55/word']],
  [
    'HTTP_PROXY',
    "svc:Pa55!word's@proxy:1",
    ["svc:Pa55!word's", 'svc%3APa55%21word%27s', "Pa55!word's", 'Pa55%21word%27s'],
  ],
  ['http_proxy', 'http://bob:PW@proxy', ['bob:PW', 'bob%3APW']],
  ['HTTPS_PROXY', 'http://bob:a6%6qPw@proxy', ['bob:a6%6qPw']],
  ['HTTPS_PROXY', 'http://bob:p@ss@w0rd@proxy', ['bob:p@ss@w0rd', 'bob:p%40ss%40w0rd', 'p@ss@w0rd']],
  ['HTTPS_PROXY', 'http://ghp_0123456789@proxy', ['ghp_0123456789']],
  ['AWS_ENDPOINT_URL_IAM', 'https://user:hunter2hunter2@iam.example', ['user:hunter2hunter2', 'hunter2hunter2']],
  ['AWS_ENDPOINT_URL', 'https://user:hunter2hunter2@aws.example', ['hunter2hunter2']],
  ['METRIST_API_HOST', 'user:hunter2hunter2@metrist.example', ['hunter2hunter2']],
] as const;

test.for(addresses)('hides user and password of %s=%s', ([name, address, written]) => {
  const { text } = createRedactor(secretsOf({ [name]: address }));
  for (const form of written) {
    expect(text(`at ${form} here`)).toBe('at [redacted] here');
  }
  expect(text(`Basic ${btoa(written[0])}`).replace(/=+$/, '')).toBe('Basic [redacted]');
});

test.for(['http://proxy:8080', 'proxy:8080', 'https://iam.example.com:8443/path'])('hides nothing in %s', (address) => {
  expect(
    secretsOf({ HTTPS_PROXY: address, AWS_ENDPOINT_URL_IAM: address }).filter(({ value }) => value !== ''),
  ).toEqual([]);
});

test('does not hide a region in the place of the key, so that the error can explain it', () => {
  const { text } = createRedactor(secretsOf({ METRIST_AWS_SECRET_ACCESS_KEY: 'us-east-1' }));
  expect(text('expected a region such as us-east-1')).toBe('expected a region such as us-east-1');
});

test.for([
  ['the session token of a source profile', { headers: { 'x-amz-security-token': secretAccessKey } }],
  ['the cached token of SSO', { headers: { 'x-amz-sso_bearer_token': secretAccessKey } }],
  [
    'the token of a web identity',
    { headers: {}, body: new URLSearchParams({ Action: 'A', WebIdentityToken: secretAccessKey }).toString() },
  ],
  ["what renews SSO's token", { headers: {}, body: JSON.stringify({ refreshToken: secretAccessKey }) }],
] as const)('hides %s when it is sent', ([, request]) => {
  expect(createRedactor(secretsOfRequest(request)).text(`it is ${secretAccessKey}.`)).toBe('it is [redacted].');
});

test.for([
  ['vault --token hvs.CAESsecret read aws', 'unknown: hvs.CAESsecret', 'unknown: [redacted]'],
  ['VAULT_TOKEN=hvs.CAESsecret vault', 'unknown: hvs.CAESsecret', 'unknown: [redacted]'],
  ['get', '+ echo {"SecretAccessKey": "wJalrXUtnF/"}', '+ echo {"SecretAccessKey": "[redacted]"}'],
  ['get', 'AWS_SECRET_ACCESS_KEY=wJalrXUtnF/', 'AWS_SECRET_ACCESS_KEY=[redacted]'],
  ['get --role deployment', 'the token of deployment: expired yesterday', 'the token of deployment: expired yesterday'],
] as const)('hides the secrets of the process %j that prints %j', ([command, printed, shown]) => {
  expect(createRedactor(secretsOfProcess(command, printed)).text(printed)).toBe(shown);
});
