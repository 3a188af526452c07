import { proxyNames } from '../../../host/proxy-settings.ts';
import type { Secret } from '../../../text/redact.ts';
import { isUnresolved } from '../../../host/setting-text.ts';
import { configJsonKey, variables, type Variable } from './variables.ts';
import { regionName } from './config.ts';

/** Resolved credentials, whichever way they came. */
export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

const namesOf = ({ orchestrator, name, property }: Variable): string[] => [orchestrator, name, configJsonKey(property)];

const secretNames = [
  ...namesOf(variables.secretAccessKey),
  ...namesOf(variables.sessionToken),
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'AWS_CONTAINER_AUTHORIZATION_TOKEN',
  'METRIST_API_TOKEN',
];
const keyIdNames = [...namesOf(variables.accessKeyId), 'AWS_ACCESS_KEY_ID'];
/** The settings whose values can begin with `user:password@`. */
const addressNames = [
  ...proxyNames,
  ...namesOf(variables.endpoint),
  'AWS_ENDPOINT_URL',
  'AWS_ENDPOINT_URL_STS',
  'METRIST_API_HOST',
];

/** What must not be shown of the values that the monitor was given, whether or not they make a configuration. */
export function secretsOf(values: Readonly<Record<string, string | undefined>>): Secret[] {
  const held = (names: readonly string[]): string[] =>
    names
      .map((name) => (values[name] ?? '').trim())
      // What the Orchestrator puts in place of a secret that it could not find is what has to be read. A region was
      // swapped with the key, and the error says what a region looks like.
      .filter((value) => !isUnresolved(value) && !regionName.test(value));
  return [
    ...held(secretNames).map(hidden),
    ...held(keyIdNames).map(masked),
    ...held(addressNames).flatMap(userInfoOf).map(hidden),
  ];
}

/** What must not be shown of credentials that the SDK found by itself. */
export function secretsOfCredentials({ accessKeyId, secretAccessKey, sessionToken }: Credentials): Secret[] {
  return [hidden(secretAccessKey), hidden(sessionToken ?? ''), masked(accessKeyId)];
}

/** What must not be shown of a request for credentials: what a profile, a file or a cache holds, and only the SDK reads. */
export function secretsOfRequest({ headers, body }: CredentialsRequest): Secret[] {
  const sent = secretHeaders.map((name) => headers[name] ?? '');
  if (typeof body !== 'string') return sent.map(hidden);
  const fields = new URLSearchParams(body);
  return [...sent, ...secretFields.map((name) => fields.get(name) ?? ''), ...jsonFieldsOf(body)].map(hidden);
}

export interface CredentialsRequest {
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

const secretHeaders = ['x-amz-security-token', 'x-amz-sso_bearer_token'];
/** The secret parameters of a request to STS. */
const secretFields = ['WebIdentityToken', 'SAMLAssertion', 'TokenCode'];

/** The same for SSO's OIDC, which takes JSON. */
function jsonFieldsOf(body: string): string[] {
  return [...body.matchAll(/"(?:refreshToken|clientSecret)"\s*:\s*"([^"]*)"/g)].map(([, value = '']) => value);
}

/** The credentials and tokens in an answer of STS or SSO, whole or not. */
export function secretsOfAnswer(text: string): Secret[] {
  const fields = /(?:SecretAccessKey|SessionToken|accessToken|refreshToken|idToken)(?:>|"\s*:\s*")\s*([^\s"<]+)/gi;
  return [...text.matchAll(fields)].map(([, value = '']) => hidden(value));
}

/**
 * What must not be shown of a `credential_process`: values whose option or name says that they are secret, on its command
 * line and in what it printed. Its own messages often quote both.
 */
export function secretsOfProcess(commandLine: string, printed: string): Secret[] {
  return [
    ...commandLine.matchAll(/--?[\w-]*(?:secret|token|passw|key)[\w-]*[= ]+["']?([^\s"']+)/gi),
    ...`${commandLine} ${printed}`.matchAll(/\w*(?:secret|token|passw|key)\w*(?:=|"\s*:\s*)["']?([^\s"',}]+)/gi),
  ].map(([, value = '']) => hidden(value));
}

const hidden = (value: string): Secret => ({ value, shownAs: '[redacted]' });

/** A key id is no secret, but nobody else's business: its end is enough to tell which key it was. */
const masked = (value: string): Secret => ({ value, shownAs: `****${value.slice(-4)}` });

/**
 * `user:password` in front of a host, as it is written, as a URL has it and decoded; also where it makes the URL invalid.
 * The base64 of the decoded pair is what a proxy gets.
 */
function userInfoOf(address: string): string[] {
  const [, written] = /^(?:[a-z][a-z\d+.-]*:\/\/)?(.*)@/is.exec(address) ?? [];
  if (written === undefined) return [];
  const [user = '', ...rest] = written.split(':');
  const password = rest.join(':');
  const url = Object.assign(new URL('http://host'), { username: user, password });
  const pairs = [
    [user, password],
    [url.username, url.password],
    [decode(user), decode(password)],
  ] as const;
  // Without a password the name is the secret.
  return pairs.flatMap(([name, word]) => (word === '' ? [name] : [`${name}:${word}`, word]));
}

/** Decodes what can be decoded. */
function decode(text: string): string {
  return text.replaceAll(/(?:%[\da-f]{2})+/gi, (encoded) => {
    try {
      return decodeURIComponent(encoded);
    } catch {
      return encoded;
    }
  });
}
