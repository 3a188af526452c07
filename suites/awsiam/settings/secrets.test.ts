import { expect, test } from 'vitest';
import { createRedactor } from '../../../runner/redact.ts';
import { secretsOf, secretsOfCredentials } from './secrets.ts';
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
  'METRIST_API_TOKEN',
])('hides what %s holds', (name) => {
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

test('hides every form at once, also those that precedence passes over', () => {
  const { text } = createRedactor(
    secretsOf({
      METRIST_AWS_SECRET_ACCESS_KEY: 'the-weaker-secret',
      METRIST_AWSIAM_A_W_S_SECRET_ACCESS_KEY: 'the-stronger-secret',
    }),
  );
  expect(text('the-weaker-secret the-stronger-secret')).toBe('[redacted] [redacted]');
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

test('shows what the Orchestrator says of a secret that it could not find', () => {
  const missing = '<<ERROR: secret /prod/keys not found>>';
  const values = { METRIST_AWS_SECRET_ACCESS_KEY: missing, METRIST_AWSIAM_A_W_S_ACCESS_KEY_ID: ` ${missing}` };
  expect(createRedactor(secretsOf(values)).text(missing)).toBe(missing);
});
