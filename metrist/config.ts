import {
  describeValue,
  describeUnresolved,
  isUnresolved,
  parseSwitch,
  type productVariables,
  switchRule,
} from '../host/setting-text.ts';
import { isLoopback } from '../host/proxy-settings.ts';
import type { Values } from '../runner/monitor.ts';
import { plural } from '../text/printable.ts';
import { shortestSecret } from '../text/redact.ts';

/** Where results are sent, and from which instance. */
export interface MetristConfig {
  /** `METRIST_API_TOKEN`: a secret. */
  readonly token: string;
  /** Origin of the API, without a path: `https://app.metrist.io`. */
  readonly baseUrl: string;
  /** `METRIST_INSTANCE_ID` as Metrist stores it, without a leading `aws:`. */
  readonly instance: string;
  /** `METRIST_REQUIRE_DELIVERY`: whether a run fails if its results were not delivered. */
  readonly requireDelivery: boolean;
}

/** The settings for Metrist. Without a token there is no `config`; that alone is not a problem. */
export interface ParsedMetristConfig {
  readonly config?: MetristConfig;
  /** `METRIST_INSTANCE_ID`, which reports show even if nothing is posted. */
  readonly instance?: string;
  /** Each one says the variable, its value and what was expected. None shows the token. */
  readonly problems: readonly string[];
}

const defaultBaseUrl = 'https://app.metrist.io';
const maxInstanceLength = 255;
const instanceRule = `the place where this runs, such as us-east-1 (letters, digits and . _ ~ : -, at most ${maxInstanceLength})`;
const hostRule = 'host or host:port, which means https; http:// in front is only for loopback hosts';
const instancePattern = /^(?=.*[A-Za-z\d])[\w.~:-]+$/;
const hostPattern = /^(?:[a-z\d](?:[\w.-]*[a-z\d])?|\[[\da-f:.]+\])(?::\d{1,5})?$/i;

const tokenRule = "expected your Metrist account's API token";

/**
 * Reads `METRIST_API_TOKEN`, `METRIST_INSTANCE_ID`, `METRIST_API_HOST` (`host[:port]`, over https; `http://` only in front of
 * a loopback host) and `METRIST_REQUIRE_DELIVERY`. An empty value counts as absent. Never throws.
 *
 * A wrong `METRIST_REQUIRE_DELIVERY` does not prevent delivery, so that Metrist learns of the problem.
 */
export function parseMetristConfig(values: Values): ParsedMetristConfig {
  const token = readSetting(values, 'METRIST_API_TOKEN', parseToken, 'the token alone', hideToken);
  const instance = readInstance(values);
  const host = readSetting(values, 'METRIST_API_HOST', parseHost, hostRule);
  const required = readSetting(values, 'METRIST_REQUIRE_DELIVERY', parseSwitch, switchRule);
  const problems = [token, instance, host, required].flatMap(({ problem }) => problem ?? []);
  if (token.isSet && !instance.isSet) {
    problems.push(`METRIST_INSTANCE_ID is not set, but METRIST_API_TOKEN is: expected ${instanceRule}`);
  }
  if (!token.isSet && required.value === true) {
    problems.push(`METRIST_API_TOKEN is not set, but METRIST_REQUIRE_DELIVERY is: ${tokenRule}`);
  }
  const baseUrl = host.isSet ? host.value : defaultBaseUrl;
  const shown = instance.value === undefined ? {} : { instance: instance.value };
  if (token.value === undefined || instance.value === undefined || baseUrl === undefined) return { ...shown, problems };
  const requireDelivery = required.value ?? false;
  return { config: { token: token.value, instance: instance.value, baseUrl, requireDelivery }, ...shown, problems };
}

/** Reads `METRIST_INSTANCE_ID` alone. Never throws. */
export function readInstance(values: Values): ReadSetting<string> {
  return readSetting(values, 'METRIST_INSTANCE_ID', parseInstance, instanceRule);
}

/** One setting. If it is set but invalid, it has a `problem`. */
interface ReadSetting<Value> {
  readonly isSet: boolean;
  readonly value?: Value;
  readonly problem?: string;
}

/**
 * @param rule what a valid value looks like
 * @param show how a message shows an invalid text
 */
function readSetting<Value>(
  values: Values,
  name: (typeof productVariables)[number],
  parse: (text: string) => Value | undefined,
  rule: string,
  show = describeValue,
): ReadSetting<Value> {
  const text = values[name]?.trim() ?? '';
  if (text === '') return { isSet: false };
  if (isUnresolved(text)) return { isSet: true, problem: describeUnresolved(name, text) };
  const value = parse(text);
  if (value === undefined) return { isSet: true, problem: `${name} is ${show(text)}: expected ${rule}` };
  return { isSet: true, value };
}

/**
 * Reads `METRIST_API_TOKEN` and `METRIST_API_HOST`, which are all that a request to Metrist needs. A missing token is a
 * problem here. Never throws.
 */
export function parseMetristAccess(values: Values): {
  readonly access?: Pick<MetristConfig, 'token' | 'baseUrl'>;
  readonly problems: readonly string[];
} {
  // The instance is not used, so any valid one will do.
  const { config, problems } = parseMetristConfig({
    ...values,
    METRIST_INSTANCE_ID: 'none',
    METRIST_REQUIRE_DELIVERY: '',
  });
  if (config !== undefined) return { access: { token: config.token, baseUrl: config.baseUrl }, problems };
  const isMissing = (values['METRIST_API_TOKEN'] ?? '').trim() === '';
  return { problems: [...(isMissing ? [`METRIST_API_TOKEN is not set: ${tokenRule}`] : []), ...problems] };
}

function parseToken(text: string): string | undefined {
  return /^[!-~]+$/.test(text) && text.length >= shortestSecret && !hostName.test(text) ? text : undefined;
}

/** Finds a host name in place of the token: if the two are swapped, messages would show the token as a wrong host. */
const hostName = /^[a-z\d-]+(\.[a-z\d-]+)*\.[a-z]{2,}(:\d+)?$/;

function hideToken(text: string): string {
  // A text this short cannot be redacted.
  if (text.length < shortestSecret) return `a text of only ${plural(text.length, 'character')}`;
  if (hostName.test(text)) return 'the name of a host (swapped with METRIST_API_HOST?)';
  return '[redacted], with spaces or other characters that no token has';
}

/**
 * Removes a leading `aws:`, as Metrist does (Metrist-Software/backend `agent_controller.ex`), so that we show the same name
 * as Metrist.
 */
function parseInstance(text: string): string | undefined {
  const stored = text.replace(/^aws:/, '');
  return instancePattern.test(stored) && stored.length <= maxInstanceLength ? stored : undefined;
}

/** The origin of a host. @returns `undefined` for anything that is not allowed */
function parseHost(value: string): string | undefined {
  const isHttp = /^http:\/\//i.test(value);
  const host = isHttp ? value.slice('http://'.length) : value;
  const url = hostPattern.test(host) ? URL.parse(`${isHttp ? 'http' : 'https'}://${host}`) : null;
  if (url === null || (isHttp && !isLoopback(url.hostname))) return undefined;
  return url.origin;
}
