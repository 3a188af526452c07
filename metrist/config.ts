import { describeValue } from '../runner/describe-value.ts';
import type { Values } from '../runner/monitor.ts';
import { clip, shortestSecret } from '../runner/redact.ts';

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
  /** One sentence each: the variable, what came, what was expected. Never the token. */
  readonly problems: readonly string[];
}

const defaultHost = 'app.metrist.io';
const maxInstanceLength = 255;
const instancePattern = /^(?=.*[A-Za-z\d])[\w.~:-]+$/;
const hostPattern = /^(?:[a-z\d](?:[\w.-]*[a-z\d])?|\[[\da-f:.]+\])(?::\d{1,5})?$/i;
const loopbackPattern = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;
const variables = ['METRIST_API_TOKEN', 'METRIST_INSTANCE_ID', 'METRIST_API_HOST', 'METRIST_REQUIRE_DELIVERY'] as const;

const requiredWithoutToken =
  "METRIST_API_TOKEN is not set, but METRIST_REQUIRE_DELIVERY is: expected your Metrist account's API token";

/**
 * Reads `METRIST_API_TOKEN`, `METRIST_INSTANCE_ID`, `METRIST_API_HOST` (`host[:port]`, over https; `http://` in front is
 * accepted for a loopback host alone) and `METRIST_REQUIRE_DELIVERY` (`0`, `false` or nothing for no). An empty value
 * counts as absent. Never throws.
 */
export function parseMetristConfig(values: Values): ParsedMetristConfig {
  const [token, instance, host, required] = variables.map((name) => values[name]?.trim() || undefined);
  const unresolved = variables.filter((name) => values[name]?.trim().startsWith('<<ERROR'));
  if (unresolved.length > 0) {
    return { problems: unresolved.map((name) => describeUnresolved(name, values[name])) };
  }
  const requireDelivery = required !== undefined && !/^(0|false)$/i.test(required);
  if (token === undefined) return { problems: requireDelivery ? [requiredWithoutToken] : [] };

  const baseUrl = parseHost(host ?? defaultHost);
  const problems = [...checkToken(token), ...checkInstance(instance)];
  if (baseUrl === undefined) problems.push(describeHostProblem(host ?? defaultHost));
  if (problems.length > 0 || instance === undefined || baseUrl === undefined) return { problems };
  return { config: { token, instance: stripAws(instance), baseUrl, requireDelivery }, problems };
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
  if (problems.length > 0) return { problems };
  return { problems: ["METRIST_API_TOKEN is not set: expected your Metrist account's API token"] };
}

function describeUnresolved(name: string, value = ''): string {
  return `${name} could not be resolved by the Orchestrator, which put this in its place: ${JSON.stringify(clip(value, 200))}`;
}

function checkToken(token: string): string[] {
  if (token.length < shortestSecret) {
    return [`METRIST_API_TOKEN has only ${token.length} characters: expected your Metrist account's API token`];
  }
  if (/^[!-~]+$/.test(token)) return [];
  return ['METRIST_API_TOKEN has spaces or other characters that no token has: expected the token alone'];
}

function checkInstance(instance: string | undefined): string[] {
  const expected = `the place that this runs at, such as us-east-1 (letters, digits and . _ ~ : -, at most ${maxInstanceLength})`;
  if (instance === undefined) {
    return [`METRIST_INSTANCE_ID is not set, but METRIST_API_TOKEN is: expected ${expected}`];
  }
  const stored = stripAws(instance);
  if (instancePattern.test(stored) && stored.length <= maxInstanceLength) return [];
  return [`METRIST_INSTANCE_ID is ${describeValue(instance)}: expected ${expected}`];
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

function describeHostProblem(host: string): string {
  return `METRIST_API_HOST is ${describeValue(host)}: expected host or host:port, which means https; http:// in front is for loopback hosts alone`;
}
