import { describeValue } from '../../../runner/describe-value.ts';
import { readProxySettings } from '../../../runner/proxy-environment.ts';
import { longestNamespace, nameCharacters } from '../names.ts';
import { isUnresolved, readVariable, variables, type Setting, type Variable } from './variables.ts';

/** What the monitor needs to know, checked. */
export interface Config {
  /** Absent: the SDK's default chain (environment, profile, SSO, role) finds them. */
  readonly credentials?: {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly sessionToken?: string;
  };
  readonly region: string;
  readonly namespace: string;
  /** The user's own choice. Absent: derived from the account, the namespace and the region. */
  readonly policyArn?: string;
  /** @default 900_000 */
  readonly stepTimeoutMs: number;
  /** For one request. @default 30_000 */
  readonly requestTimeoutMs: number;
  /** For an earlier change of the run to become visible. @default 60_000 */
  readonly propagationTimeoutMs: number;
  /** Whether entities of killed runs are removed after the steps. @default true */
  readonly cleanupEnabled: boolean;
  /** More test entities of the namespace than this are warned about. @default 50 */
  readonly mostTestEntities: number;
  /** Another endpoint than AWS's own, from `AWS_ENDPOINT_URL_IAM`. */
  readonly endpoint?: string;
  /** `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`, as far as they are set. */
  readonly proxyEnvironment: Readonly<Record<string, string | undefined>>;
}

/** Everything that is wrong with the configuration, in terms of the variables that the user set. */
export class ConfigError extends Error {
  readonly code = 'ConfigError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[], hints: readonly string[] = []) {
    const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
    super([`${count} with the settings:`, ...[...problems, ...hints].map((line) => `- ${line}`)].join('\n'));
    this.problems = problems;
  }
}

/** Region names of every partition: `us-east-1`, `us-gov-west-1`, `cn-north-1`, `us-isob-east-1`. */
export const regionName = /^[a-z]{2,}(-[a-z]+)+-\d{1,2}$/;
/** https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-arns */
const managedPolicyArn = /^arn:aws[a-z-]*:iam::(\d{12}|aws):policy\/([\w+=,.@/-]*\/)?[\w+=,.@-]{1,128}$/;

type Values = Readonly<Record<string, string | undefined>>;

/**
 * Reads the configuration from environment variables or the Orchestrator's Config JSON.
 *
 * @param otherProblems what is wrong with settings outside of the monitor
 * @throws {ConfigError} with every problem at once
 */
export function parseConfig(values: Values, otherProblems: readonly string[] = []): Config {
  const problems: string[] = [];
  const hints: string[] = [];
  const read = (variable: Variable): Setting | undefined => {
    const setting = readVariable(variable, values);
    if (setting === undefined || !isUnresolved(setting.value)) return setting;
    problems.push(
      `${setting.from} could not be resolved by the Orchestrator, which put this in its place: ${setting.value}`,
    );
    return { ...setting, value: '' };
  };
  const check = (setting: Setting | undefined, ok: (value: string) => boolean, expected: string): void => {
    if (setting === undefined || setting.value === '' || ok(setting.value)) return;
    problems.push(`${setting.from} is ${describeValue(setting.value)}: expected ${expected}`);
  };
  const require = (setting: Setting | undefined, variable: Variable, expected: string): void => {
    if (setting === undefined) problems.push(`${variable.name} is not set: expected ${expected}`);
  };
  const seconds = (variable: Variable, fallback: number, most: number): number => {
    const setting = read(variable);
    const value = Number(setting?.value ?? fallback);
    check(setting, () => value > 0 && value <= most, `a number of seconds above 0 and at most ${most}`);
    return value * 1000;
  };

  const region = read(variables.region);
  require(region, variables.region, 'an AWS region such as us-east-1');
  check(region, (value) => regionName.test(value), 'an AWS region such as us-east-1');

  const namespace = read(variables.namespace);
  const namespaceRule = `at most ${longestNamespace} of the characters A-Z a-z 0-9 _ + = , . @ -`;
  require(namespace, variables.namespace, `the first part of the test policy's name, ${namespaceRule}`);
  check(namespace, (value) => nameCharacters.test(value) && value.length <= longestNamespace, namespaceRule);

  const policyArn = read(variables.policyArn);
  check(policyArn, (value) => managedPolicyArn.test(value), 'the ARN of a managed policy');

  const credentials = readCredentials(read, problems, hints);
  const stepTimeoutMs = seconds(variables.stepTimeoutSecs, 900, 900);
  const requestTimeoutMs = seconds(variables.requestTimeoutSecs, 30, 300);
  const propagationTimeoutMs = seconds(variables.propagationTimeoutSecs, 60, 600);

  const cleanupEnabled = !/^(0|false)$/i.test(read(variables.cleanupEnabled)?.value ?? '');
  const mostTestEntitiesSetting = read(variables.mostTestEntities);
  const mostTestEntities = Number(mostTestEntitiesSetting?.value ?? 50);
  check(
    mostTestEntitiesSetting,
    () => Number.isInteger(mostTestEntities) && mostTestEntities > 0,
    'a whole number above 0',
  );

  const endpoint = read(variables.endpoint);
  check(endpoint, isHttpUrl, 'a URL such as https://iam.example.com or http://127.0.0.1:4566');

  const proxy = readProxySettings(values);
  problems.push(...proxy.problems, ...otherProblems);
  if (problems.length > 0) {
    throw new ConfigError(problems, hints);
  }
  return Object.freeze({
    ...(credentials && { credentials: Object.freeze(credentials) }),
    region: region?.value ?? '',
    namespace: namespace?.value ?? '',
    ...(policyArn && { policyArn: policyArn.value }),
    stepTimeoutMs,
    requestTimeoutMs,
    propagationTimeoutMs,
    cleanupEnabled,
    mostTestEntities,
    ...(endpoint && { endpoint: endpoint.value }),
    proxyEnvironment: Object.freeze(proxy.environment),
  });
}

function isHttpUrl(value: string): boolean {
  const url = URL.parse(value);
  return url !== null && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '';
}

function readCredentials(
  read: (variable: Variable) => Setting | undefined,
  problems: string[],
  hints: string[],
): Config['credentials'] {
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
