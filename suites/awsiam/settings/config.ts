import type { Values } from '../../../runner/monitor.ts';
import type { ParsedSettings } from '../../../runner/settings.ts';
import {
  describeValue,
  describeUnresolved,
  isUnresolved,
  parseDecimal,
  parseSwitch,
  switchRule,
} from '../../../host/setting-text.ts';
import { readProxySettings } from '../../../host/proxy-settings.ts';
import { maxNamespaceLength, nameCharacters } from '../names.ts';
import type { Credentials } from './secrets.ts';
import { endpointSetting, readVariable, regionName, variables, type Setting, type Variable } from './variables.ts';

/** The checked configuration of the monitor. */
export interface Config {
  /** Absent: the SDK's default chain looks for them (environment, profile, SSO, role). */
  readonly credentials?: Credentials;
  readonly region: string;
  readonly namespace: string;
  /** The policy that the user chose. Absent: the test policy, whose ARN follows from the account, namespace and region. */
  readonly policyArn?: string;
  /** The permissions boundary of each test user. @default none */
  readonly permissionsBoundaryArn?: string;
  /** Deadline of one step. @default 900_000 */
  readonly stepTimeoutMs: number;
  /** How long the service may send nothing, from a request to the last byte of its answer. @default 30_000 */
  readonly requestTimeoutMs: number;
  /** How long to wait for an earlier change of the run to become visible. @default 60_000 */
  readonly propagationTimeoutMs: number;
  /** Whether entities of killed runs are removed after the steps. @default true */
  readonly cleanupEnabled: boolean;
  /** A run warns if the namespace has more test entities than this. @default 50 */
  readonly maxTestEntities: number;
  /** An endpoint other than AWS's own, such as from `AWS_ENDPOINT_URL_IAM`. */
  readonly endpoint?: string;
  /** `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`, if set. */
  readonly proxyEnvironment: Readonly<Record<string, string | undefined>>;
}

/** https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-arns */
const managedPolicyArn = /^arn:aws[a-z-]*:iam::(\d{12}|aws):policy\/([\w+=,.@/-]*\/)?[\w+=,.@-]{1,128}$/;

/** What the values that name things in the account have to look like. */
export const settingRules = {
  region: { ok: (value: string) => regionName.test(value), expected: 'an AWS region such as us-east-1' },
  namespace: {
    ok: (value: string) => nameCharacters.test(value) && value.length <= maxNamespaceLength,
    expected: `the first part of the test policy's name, at most ${maxNamespaceLength} of the characters A-Z a-z 0-9 _ + = , . @ -`,
  },
  policyArn: { ok: (value: string) => managedPolicyArn.test(value), expected: 'the ARN of a managed policy' },
} as const;

const trueOrFalse = { ok: /^(true|false)$/, expected: 'true or false' };
/** The SDK ignores wrong values of these settings, or refuses them without naming the variable. */
const awsSettings = {
  AWS_USE_FIPS_ENDPOINT: trueOrFalse,
  AWS_USE_DUALSTACK_ENDPOINT: trueOrFalse,
  AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: trueOrFalse,
  AWS_DEFAULTS_MODE: {
    ok: /^(auto|in-region|cross-region|mobile|standard|legacy)$/i,
    expected: 'auto, in-region, cross-region, mobile, standard or legacy',
  },
};

interface Rule {
  readonly ok: (value: string) => boolean;
  readonly expected: string;
}

const anyValue: Rule = { ok: () => true, expected: 'a value' };

/** Reads settings one by one and collects the problems. */
function readSettings(values: Values) {
  const problems: string[] = [];
  const check = (setting: Setting | undefined, ok: (value: string) => boolean, expected: string): void => {
    if (setting === undefined || setting.value === '' || ok(setting.value)) return;
    problems.push(`${setting.from} is ${describeValue(setting.value)}: expected ${expected}`);
  };
  const read = (variable: Variable, rule: Rule = anyValue): Setting | undefined => {
    const { ok, expected } = rule;
    const setting = readVariable(variable, values);
    if (setting === undefined && variable.required) problems.push(`${variable.name} is not set: expected ${expected}`);
    if (setting === undefined || !isUnresolved(setting.value)) {
      check(setting, ok, expected);
      return setting;
    }
    problems.push(describeUnresolved(setting.from, setting.value));
    return { ...setting, value: '' };
  };
  const seconds = (variable: Variable, fallback: number, max: number): number => {
    const isInRange = (text: string): boolean => parseDecimal(text) >= 0.001 && parseDecimal(text) <= max;
    const expected = `a number of seconds from 0.001 to ${max}, such as 30 or 2.5`;
    const setting = read(variable, { ok: isInRange, expected });
    // Timers take whole milliseconds, and 1.005 * 1000 is not quite 1005.
    return Math.round((setting === undefined ? fallback : parseDecimal(setting.value)) * 1000);
  };
  return { problems, read, check, seconds };
}

/** Reads only the deadline of a step, which a registration needs. */
export function parseStepTimeout(values: Values) {
  const { seconds, problems } = readSettings(values);
  return { stepTimeoutMs: stepTimeout(seconds), problems };
}

/** Reads only what names things in the account, for `awsiam policy`. None of it is required. */
export function parsePolicySettings(values: Values) {
  const { read, problems } = readSettings(values);
  const optional = (variable: Variable, rule: Rule): string | undefined =>
    read({ ...variable, required: false }, rule)?.value;
  return {
    region: optional(variables.region, settingRules.region),
    namespace: optional(variables.namespace, settingRules.namespace),
    policyArn: optional(variables.policyArn, settingRules.policyArn),
    permissionsBoundaryArn: optional(variables.permissionsBoundaryArn, settingRules.policyArn),
    problems,
  };
}

const stepTimeout = (seconds: ReturnType<typeof readSettings>['seconds']): number =>
  seconds(variables.stepTimeoutSecs, 900, 900);

/** Reads the configuration from environment variables or the Orchestrator's Config JSON. Never throws. */
export function parseConfig(values: Values): ParsedSettings<Config> {
  const { problems, read, check, seconds } = readSettings(values);
  const hints: string[] = [];
  const region = read(variables.region, settingRules.region);
  const namespace = read(variables.namespace, settingRules.namespace);
  const policyArn = read(variables.policyArn, settingRules.policyArn);
  const permissionsBoundaryArn = read(variables.permissionsBoundaryArn, settingRules.policyArn);
  const credentials = readCredentials(read, problems, hints);
  const stepTimeoutMs = stepTimeout(seconds);
  const requestTimeoutMs = seconds(variables.requestTimeoutSecs, 30, 300);
  const propagationTimeoutMs = seconds(variables.propagationTimeoutSecs, 60, 600);

  const cleanup = read(variables.cleanupEnabled, {
    ok: (value) => parseSwitch(value) !== undefined,
    expected: switchRule,
  });
  const cleanupEnabled = parseSwitch(cleanup?.value ?? 'on') ?? false;
  const entities = read(variables.maxTestEntities, { ok: isPositiveInteger, expected: 'a whole number above 0' });
  const maxTestEntities = Number(entities?.value ?? 50);

  const isResolved = read(variables.endpoint)?.value !== '';
  const endpoint = isResolved ? endpointSetting(values) : undefined;
  check(endpoint, isHttpUrl, 'a URL such as https://iam.example.com or http://127.0.0.1:4566');

  for (const [name, { ok, expected }] of Object.entries(awsSettings)) {
    const value = (values[name] ?? '').trim();
    check({ from: name, value }, (text) => ok.test(text), expected);
  }

  const proxy = readProxySettings(values);
  problems.push(...proxy.problems);
  if (problems.length > 0) return { problems, hints };
  const config = Object.freeze({
    ...(credentials && { credentials: Object.freeze(credentials) }),
    region: region?.value ?? '',
    namespace: namespace?.value ?? '',
    ...(policyArn && { policyArn: policyArn.value }),
    ...(permissionsBoundaryArn && { permissionsBoundaryArn: permissionsBoundaryArn.value }),
    stepTimeoutMs,
    requestTimeoutMs,
    propagationTimeoutMs,
    cleanupEnabled,
    maxTestEntities,
    ...(endpoint && { endpoint: endpoint.value }),
    proxyEnvironment: Object.freeze(proxy.environment),
  });
  return { config, problems, hints };
}

const isPositiveInteger = (value: string): boolean => /^0*[1-9]\d{0,14}$/.test(value);

function isHttpUrl(value: string): boolean {
  const url = URL.parse(value);
  return url !== null && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '';
}

function readCredentials(
  read: (variable: Variable) => Setting | undefined,
  problems: string[],
  hints: string[],
): Credentials | undefined {
  const id = read(variables.accessKeyId);
  const secret = read(variables.secretAccessKey);
  const token = read(variables.sessionToken);
  if (id !== undefined && secret !== undefined) {
    return {
      accessKeyId: id.value,
      secretAccessKey: secret.value,
      ...(token !== undefined && { sessionToken: token.value }),
    };
  }
  const pair = `${variables.accessKeyId.name} and ${variables.secretAccessKey.name}`;
  const orNeither = "set both keys, or neither to use the AWS SDK's default credential chain";
  if (id !== undefined) problems.push(`${variables.secretAccessKey.name} is not set, but ${id.from} is: ${orNeither}`);
  else if (secret !== undefined)
    problems.push(`${variables.accessKeyId.name} is not set, but ${secret.from} is: ${orNeither}`);
  else if (token !== undefined) problems.push(`${token.from} is set without ${pair}: ${orNeither}`);
  else
    hints.push(`${pair} are not set either: the AWS SDK's default credential chain (profile, SSO, role) would be used`);
  return undefined;
}
