import type { Secret } from '../../../runner/redact.ts';
import { isUnresolved } from '../../../runner/setting-text.ts';
import { configJsonKey, variables, type Variable } from './variables.ts';

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
  'METRIST_API_TOKEN',
];
const keyIdNames = [...namesOf(variables.accessKeyId), 'AWS_ACCESS_KEY_ID'];

/** What must not be shown of the values that the monitor was given, whether or not they make a configuration. */
export function secretsOf(values: Readonly<Record<string, string | undefined>>): Secret[] {
  const held = (names: readonly string[]): string[] =>
    // What the Orchestrator puts in place of a secret that it could not find is what has to be read.
    names.map((name) => (values[name] ?? '').trim()).filter((value) => !isUnresolved(value));
  return [...held(secretNames).map(hidden), ...held(keyIdNames).map(masked)];
}

/** What must not be shown of credentials that the SDK found by itself. */
export function secretsOfCredentials({ accessKeyId, secretAccessKey, sessionToken }: Credentials): Secret[] {
  return [hidden(secretAccessKey), hidden(sessionToken ?? ''), masked(accessKeyId)];
}

const hidden = (value: string): Secret => ({ value, shownAs: '[redacted]' });

/** A key id is no secret, but nobody else's business: its end is enough to tell which key it was. */
const masked = (value: string): Secret => ({ value, shownAs: `****${value.slice(-4)}` });
