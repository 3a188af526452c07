import type { HttpRequest } from '@smithy/types';
import { proxyNames } from '../../../host/proxy-settings.ts';
import type { Secret } from '../../../text/redact.ts';
import { isUnresolved } from '../../../host/setting-text.ts';
import { configJsonKey, regionName, variables, type Variable } from './variables.ts';

/** AWS credentials from any source. */
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
/** Settings that can hold `user:password@`. */
const addressNames = [
  ...proxyNames,
  ...namesOf(variables.endpoint),
  'AWS_ENDPOINT_URL',
  'AWS_ENDPOINT_URL_STS',
  'METRIST_API_HOST',
  ...namesOfOtlp('ENDPOINT'),
];

/** A variable of OpenTelemetry, for all signals and for each that is sent. */
function namesOfOtlp(suffix: 'ENDPOINT' | 'HEADERS'): string[] {
  return ['', 'METRICS_', 'TRACES_'].map((signal) => `OTEL_EXPORTER_OTLP_${signal}${suffix}`);
}

/** The secrets among the values that the monitor was given, whether or not these make a valid configuration. */
export function secretsOf(values: Readonly<Record<string, string | undefined>>): Secret[] {
  const held = (names: readonly string[]): string[] =>
    names
      .map((name) => (values[name] ?? '').trim())
      // Users have to read the message that the Orchestrator puts in place of a secret that it could not find. And if key
      // and region were swapped, hiding the region would garble the error that explains it.
      .filter((value) => !isUnresolved(value) && !regionName.test(value));
  return [
    ...held(secretNames).map(hidden),
    ...held(keyIdNames).map(masked),
    ...held(addressNames).flatMap(userInfoOf).map(hidden),
    ...held(namesOfOtlp('HEADERS')).flatMap(headerValuesOf).map(hidden),
  ];
}

/** The secrets in credentials that the SDK found. */
export function secretsOfCredentials({ accessKeyId, secretAccessKey, sessionToken }: Credentials): Secret[] {
  return [hidden(secretAccessKey), hidden(sessionToken ?? ''), masked(accessKeyId)];
}

/** The secrets in a request for credentials. They come from a profile, a file or a cache that only the SDK reads. */
export function secretsOfRequest({ headers, body }: Pick<HttpRequest, 'headers' | 'body'>): Secret[] {
  const sent = secretHeaders.map((name) => headers[name] ?? '');
  if (typeof body !== 'string') return sent.map(hidden);
  const form = new URLSearchParams(body);
  const formFields = secretFields.map((name) => form.get(name) ?? '');
  return [...sent.concat(formFields).map(hidden), ...findHidden(body, secretJsonFields)];
}

const secretHeaders = ['x-amz-security-token', 'x-amz-sso_bearer_token'];
/** Parameters of a request to STS. */
const secretFields = ['WebIdentityToken', 'SAMLAssertion', 'TokenCode'];
/** Fields of a request to SSO's OIDC. */
const secretJsonFields = /"(?:refreshToken|clientSecret)"\s*:\s*"([^"]*)"/g;

/** The credentials and tokens in an answer of STS or SSO, even if it breaks off. */
export function secretsOfAnswer(text: string): Secret[] {
  const fields = /(?:SecretAccessKey|SessionToken|accessToken|refreshToken|idToken)(?:>|"\s*:\s*")\s*([^\s"<]+)/gi;
  return findHidden(text, fields);
}

/**
 * The secrets of a `credential_process`, on its command line and in what it printed: values whose option or name says that
 * they are secret.
 */
export function secretsOfProcess(commandLine: string, printed: string): Secret[] {
  return [
    ...findHidden(commandLine, /--?[\w-]*(?:secret|token|passw|key)[\w-]*[= ]+["']?([^\s"']+)/gi),
    ...findHidden(`${commandLine} ${printed}`, /\w*(?:secret|token|passw|key)\w*(?:=|"\s*:\s*)["']?([^\s"',}]+)/gi),
  ];
}

/** The values that a pattern captures. */
function findHidden(text: string, pattern: RegExp): Secret[] {
  return [...text.matchAll(pattern)].map(([, value = '']) => hidden(value));
}

const hidden = (value: string): Secret => ({ value, shownAs: '[redacted]' });

/** A key id is not secret but need not be shown in full: its end is enough to recognise the key. */
const masked = (value: string): Secret => ({ value, shownAs: `****${value.slice(-4)}` });

/**
 * `user:password` in front of a host, in every form: as written, as encoded in a URL, and decoded, which is what a proxy gets
 * in base64. Finds them even if they make the URL invalid.
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
  // Without a password, the name is the secret.
  return pairs.flatMap(([name, word]) => (word === '' ? [name] : [`${name}:${word}`, word]));
}

/** The values of `name=value,name=value`, as written and decoded, and without a scheme such as `Bearer`. */
function headerValuesOf(headers: string): string[] {
  const written = headers.split(',').map((pair) => pair.slice(pair.indexOf('=') + 1).trim());
  return written.flatMap((value) => {
    const decoded = decode(value);
    return [value, decoded, decoded.replace(/^[\w-]+ +/, '')];
  });
}

/** Decodes percent-encoding where that is valid. */
function decode(text: string): string {
  return text.replaceAll(/(?:%[\da-f]{2})+/gi, (encoded) => {
    try {
      return decodeURIComponent(encoded);
    } catch {
      return encoded;
    }
  });
}
