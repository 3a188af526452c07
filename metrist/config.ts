import {
  describeValue,
  describeUnresolved,
  isUnresolved,
  parseSwitch,
  type productVariables,
  switchRule,
} from '../host/setting-text.ts';
import type { Values } from '../runner/monitor.ts';
import { shortestSecret } from '../text/redact.ts';

/** Where Metrist is, and who asks. */
export interface MetristAccess {
  /** `METRIST_API_TOKEN`: a secret. */
  readonly token: string;
  /** Origin of the API, without a path: `https://app.metrist.io`. */
  readonly baseUrl: string;
}

/** Where and as whom results are posted. */
export interface MetristConfig extends MetristAccess {
  /** `METRIST_INSTANCE_ID` as Metrist stores it, without a leading `aws:`. */
  readonly instance: string;
  /** `METRIST_REQUIRE_DELIVERY`: whether a run fails whose results were not delivered. */
  readonly requireDelivery: boolean;
}

/** What is needed to ask Metrist anything: no instance, but a token. */
export interface ParsedMetristAccess {
  readonly access?: MetristAccess;
  /** As in {@link ParsedMetristConfig}. */
  readonly problems: readonly string[];
}

/** What reading the variables gave. Without a token there is no `config`, and that alone is no problem. */
export interface ParsedMetristConfig {
  readonly config?: MetristConfig;
  /** `METRIST_INSTANCE_ID` alone. Reports show it even if nothing is posted. */
  readonly instance?: string;
  /** One sentence each: the variable, what came, what was expected. Never the token. */
  readonly problems: readonly string[];
}

const defaultBaseUrl = 'https://app.metrist.io';
const maxInstanceLength = 255;
const instanceRule = `the place that this runs at, such as us-east-1 (letters, digits and . _ ~ : -, at most ${maxInstanceLength})`;
const hostRule = 'host or host:port, which means https; http:// in front is for loopback hosts alone';
const instancePattern = /^(?=.*[A-Za-z\d])[\w.~:-]+$/;
const hostPattern = /^(?:[a-z\d](?:[\w.-]*[a-z\d])?|\[[\da-f:.]+\])(?::\d{1,5})?$/i;
const loopbackPattern = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

const missingToken = "METRIST_API_TOKEN is not set: expected your Metrist account's API token";
const requiredWithoutToken =
  "METRIST_API_TOKEN is not set, but METRIST_REQUIRE_DELIVERY is: expected your Metrist account's API token";

/**
 * Reads `METRIST_API_TOKEN`, `METRIST_INSTANCE_ID`, `METRIST_API_HOST` (`host[:port]`, over https; `http://` in front is
 * accepted for a loopback host alone) and `METRIST_REQUIRE_DELIVERY`. An empty value counts as absent. Never throws.
 *
 * A configuration with which results can be posted is there even if `METRIST_REQUIRE_DELIVERY` is wrong, so that Metrist
 * hears of the problem.
 */
export function parseMetristConfig(values: Values): ParsedMetristConfig {
  const token = readSetting(values, 'METRIST_API_TOKEN', {
    parse: parseToken,
    rule: 'the token alone',
    show: hideToken,
  });
  const instance = readInstance(values);
  const host = readSetting(values, 'METRIST_API_HOST', { parse: parseHost, rule: hostRule });
  const required = readSetting(values, 'METRIST_REQUIRE_DELIVERY', { parse: parseSwitch, rule: switchRule });
  const problems = [token, instance, host, required].flatMap(({ problem }) => problem ?? []);
  if (token.isSet && !instance.isSet) {
    problems.push(`METRIST_INSTANCE_ID is not set, but METRIST_API_TOKEN is: expected ${instanceRule}`);
  }
  if (!token.isSet && required.value === true) problems.push(requiredWithoutToken);
  const baseUrl = host.isSet ? host.value : defaultBaseUrl;
  const shown = instance.value === undefined ? {} : { instance: instance.value };
  if (token.value === undefined || instance.value === undefined || baseUrl === undefined) return { ...shown, problems };
  const requireDelivery = required.value ?? false;
  return { config: { token: token.value, instance: instance.value, baseUrl, requireDelivery }, ...shown, problems };
}

/** Reads `METRIST_INSTANCE_ID` alone. Never throws. */
export function readInstance(values: Values): ReadSetting<string> {
  return readSetting(values, 'METRIST_INSTANCE_ID', { parse: parseInstance, rule: instanceRule });
}

/** One setting: absent, or set to something that was understood, or set to something that was not. */
export interface ReadSetting<Value> {
  readonly isSet: boolean;
  readonly value?: Value;
  readonly problem?: string;
}

interface SettingForm<Value> {
  readonly parse: (text: string) => Value | undefined;
  /** What a valid value looks like. */
  readonly rule: string;
  /** Shows a text that was not understood. @default describeValue */
  readonly show?: (text: string) => string;
}

function readSetting<Value>(
  values: Values,
  name: (typeof productVariables)[number],
  { parse, rule, show = describeValue }: SettingForm<Value>,
): ReadSetting<Value> {
  const text = values[name]?.trim() ?? '';
  if (text === '') return { isSet: false };
  if (isUnresolved(text)) return { isSet: true, problem: describeUnresolved(name, text) };
  const value = parse(text);
  return {
    isSet: true,
    ...(value === undefined ? { problem: `${name} is ${show(text)}: expected ${rule}` } : { value }),
  };
}

/** Reads `METRIST_API_TOKEN` and `METRIST_API_HOST` as {@link parseMetristConfig} does; no token is a problem here. Never throws. */
export function parseMetristAccess(values: Values): ParsedMetristAccess {
  // Any instance will do: it is not used, and nothing is delivered.
  const { config, problems } = parseMetristConfig({
    ...values,
    METRIST_INSTANCE_ID: 'none',
    METRIST_REQUIRE_DELIVERY: '',
  });
  if (config !== undefined) return { access: { token: config.token, baseUrl: config.baseUrl }, problems };
  const isMissing = (values['METRIST_API_TOKEN'] ?? '').trim() === '';
  return { problems: [...(isMissing ? [missingToken] : []), ...problems] };
}

function parseToken(text: string): string | undefined {
  return /^[!-~]+$/.test(text) && text.length >= shortestSecret && !hostName.test(text) ? text : undefined;
}

/** A host name in the token's place. The token may then be in the host's place, where messages would show it. */
const hostName = /^[a-z\d-]+(\.[a-z\d-]+)*\.[a-z]{2,}(:\d+)?$/;

function hideToken(text: string): string {
  // A token that is too short could not be hidden either.
  if (text.length < shortestSecret) return `a text of only ${text.length} characters`;
  if (hostName.test(text)) return 'the name of a host (swapped with METRIST_API_HOST?)';
  return '[redacted], with spaces or other characters that no token has';
}

function parseInstance(text: string): string | undefined {
  const stored = stripAws(text);
  return instancePattern.test(stored) && stored.length <= maxInstanceLength ? stored : undefined;
}

/** Metrist strips it too (Metrist-Software/backend `agent_controller.ex`): so what we say here is what is shown there. */
function stripAws(instance: string): string {
  return instance.replace(/^aws:/, '');
}

/** The origin that a host means, or nothing for anything that is not allowed. */
function parseHost(value: string): string | undefined {
  const isHttp = /^http:\/\//i.test(value);
  const host = isHttp ? value.slice('http://'.length) : value;
  const url = hostPattern.test(host) ? URL.parse(`${isHttp ? 'http' : 'https'}://${host}`) : null;
  if (url === null || (isHttp && !loopbackPattern.test(url.hostname))) return undefined;
  return url.origin;
}
