import { partition } from '@aws-sdk/core/client';
import { defaultHistorySettings } from '../../../history/history-settings.ts';
import { productVariables } from '../../../host/setting-text.ts';
import { proxyNames } from '../../../host/proxy-settings.ts';
import { requireConfig } from '../../../runner/settings.ts';
import { awsiam, variables, type Variable } from '../../../suites/awsiam/monitor.ts';
import { endpointSetting, readVariable } from '../../../suites/awsiam/settings/variables.ts';
import { clip } from '../../../text/redact.ts';
import type { CheckGroup, DoctorContext } from '../check-group.ts';
import { failure, ok, warning, type Finding } from '../finding.ts';

/** Each setting of a run with its value and its origin, and all that is wrong with the settings. */
export const settings: CheckGroup = {
  name: 'settings',
  title: 'settings',
  needsNetwork: false,
  *check(context) {
    const problems = context.settings.problems.map((problem) => describeProblem(problem, context));
    yield* problems;
    const refused = new Set(context.settings.problems.map(nameIn));
    for (const setting of listSettings(context))
      if (!refused.has(setting.name)) yield describeSetting(setting, context);
    for (const text of awsiam.findSettingWarnings(context.values, 'live')) yield warning(text);
  },
};

/** A problem with a setting begins with the setting's name. */
const nameIn = (problem: string): string => problem.split(' ', 1)[0] ?? '';

type Origins = Pick<DoctorContext, 'values' | 'environment' | 'envFile' | 'envProblems'>;

/** The finding for a problem that was found when the settings were parsed. */
export function describeProblem(problem: string, context: Origins): Finding {
  const { envFile, envProblems } = context;
  // It says what to do behind the first semicolon.
  const [what = '', ...advice] = problem.split('; ');
  if (envProblems.includes(problem)) return failure(what, advice.join('; '));
  const name = nameIn(problem);
  const isSet = (context.values[name] ?? '').trim() !== '';
  return failure(
    problem,
    isSet ? `Correct it in ${originOf(name, context)}.` : `Set it in the environment or in ${envFile}.`,
  );
}

function originOf(name: string, { environment, envFile }: Pick<Origins, 'environment' | 'envFile'>): string {
  return (environment[name] ?? '').trim() === '' ? envFile : 'the environment';
}

interface ListedSetting {
  /** The name that is set, else the name in the documentation. */
  readonly name: string;
  /** Absent: not set. */
  readonly value?: string;
  /** Why a variable of AWS counts. */
  readonly note?: string;
  /** What holds if it is not set. */
  readonly standard?: string | undefined;
}

/** Settings from outside this product that change where requests go and with which credentials. Listed if they are set. */
const foreignNames = [
  ...proxyNames,
  'NO_PROXY',
  'no_proxy',
  'NODE_EXTRA_CA_CERTS',
  'AWS_PROFILE',
  'AWS_ACCESS_KEY_ID',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'AWS_ENDPOINT_URL',
  'AWS_ENDPOINT_URL_STS',
  'AWS_IGNORE_CONFIGURED_ENDPOINT_URLS',
  'AWS_USE_FIPS_ENDPOINT',
  'AWS_USE_DUALSTACK_ENDPOINT',
  'AWS_DEFAULTS_MODE',
  'GITHUB_STEP_SUMMARY',
];

function listSettings({ values }: DoctorContext): ListedSetting[] {
  const valueOf = (name: string): string => (values[name] ?? '').trim();
  const ofMonitor = Object.values<Variable>(variables).map((variable): ListedSetting => {
    const { name } = variable;
    const setting = readVariable(variable, values);
    if (setting === undefined) {
      const isOverruled = variable === variables.endpoint && endpointSetting(values) !== undefined;
      return { name, standard: isOverruled ? undefined : defaults[name] };
    }
    const { from, value } = setting;
    return { name: from, value, ...(from !== name && { note: `in place of ${name}` }) };
  });
  const ofProduct = productVariables.map((name): ListedSetting => {
    return valueOf(name) === '' ? { name, standard: defaults[name] } : { name, value: valueOf(name) };
  });
  const ofOpenTelemetry = Object.keys(values).filter((name) => name.startsWith('OTEL_'));
  const foreign = [...foreignNames, ...ofOpenTelemetry].filter((name) => valueOf(name) !== '');
  return [...ofMonitor, ...ofProduct, ...foreign.map((name) => ({ name, value: valueOf(name) }))];
}

const byDefault = requireConfig(awsiam.parseConfig({ METRIST_AWS_REGION: 'us-east-1', METRIST_NAMESPACE: 'any' }));

/** What holds if a setting is absent. */
const defaults: Readonly<Record<string, string>> = {
  [variables.accessKeyId.name]: "the AWS SDK's default credential chain",
  [variables.secretAccessKey.name]: "the AWS SDK's default credential chain",
  [variables.policyArn.name]: 'the test policy of the namespace and the region',
  [variables.stepTimeoutSecs.name]: String(byDefault.stepTimeoutMs / 1000),
  [variables.requestTimeoutSecs.name]: String(byDefault.requestTimeoutMs / 1000),
  [variables.propagationTimeoutSecs.name]: String(byDefault.propagationTimeoutMs / 1000),
  [variables.cleanupEnabled.name]: byDefault.cleanupEnabled ? 'on' : 'off',
  [variables.maxTestEntities.name]: String(byDefault.maxTestEntities),
  [variables.endpoint.name]: "AWS's own endpoint",
  METRIST_RESULTS_DIR: 'results',
  METRIST_API_TOKEN: 'none: nothing is posted to Metrist',
  METRIST_API_HOST: 'app.metrist.io',
  METRIST_REQUIRE_DELIVERY: 'off',
  AWSIAM_HISTORY_DAYS: String(defaultHistorySettings.historyDays),
  AWSIAM_INTERVAL_SECS: String(defaultHistorySettings.intervalSecs),
  AWSIAM_SUMMARY: 'off',
};

const maxValueLength = 200;

function describeSetting({ name, value, note, standard }: ListedSetting, context: DoctorContext): Finding {
  if (value === undefined) return ok(standard === undefined ? `${name} is not set` : `${name} = ${standard} (default)`);
  const origins = [`from ${originOf(name, context)}`, ...(note === undefined ? [] : [note])].join(', ');
  const finding = ok(`${name} = ${showValue(value, context)} (${origins})`);
  return name === readVariable(variables.region, context.values)?.from ? checkRegion(value, finding) : finding;
}

/**
 * Also hides a secret that is too short to be hidden wherever it occurs. The end of a key id is shown, but not the end of a
 * secret that stands in its place.
 */
function showValue(value: string, { values }: DoctorContext): string {
  const secret = awsiam.secrets(values).find((each) => each.value === value);
  if (secret === undefined) return clip(value, maxValueLength);
  return /^[A-Z\d]+$/.test(value) ? secret.shownAs : '[redacted]';
}

/** The words before the number of a region. */
const directions = 'north south east west central northeast northwest southeast southwest'.split(' ');

/** A misspelt region of a valid form fails late: its name is part of the test policy's name and of STS's host name. */
function checkRegion(region: string, finding: Finding): Finding {
  if (isKnownRegion(region)) return finding;
  const similar = findSimilarRegions(region);
  const what = `${finding.what}: no region that this version of the AWS SDK knows`;
  const fix = similar.length === 0 ? 'Look for a typing error.' : `Did you mean ${similar.join(' or ')}?`;
  return mayBeNew(region) ? warning(what, fix) : failure(what, fix);
}

/** The SDK describes only regions that it knows. For any other it guesses the partition. */
function isKnownRegion(region: string): boolean {
  return 'description' in partition(region);
}

/** Whether AWS may have opened the region after this version of the SDK: it is made of words of other regions. */
function mayBeNew(region: string): boolean {
  const [, area = '', direction = ''] = /^(.+)-([a-z]+)-\d+$/.exec(region) ?? [];
  const others = directions.flatMap((word) =>
    Array.from({ length: 9 }, (_, number) => `${area}-${word}-${number + 1}`),
  );
  return directions.includes(direction) && others.some(isKnownRegion);
}

/** Up to three regions that differ by one character inserted, removed or replaced, or by two that changed places. */
function findSimilarRegions(region: string): string[] {
  const characters = 'abcdefghijklmnopqrstuvwxyz0123456789-'.split('');
  const variants = Array.from({ length: region.length + 1 }, (_, at) => {
    const [before, first, second] = [region.slice(0, at), region.slice(at, at + 1), region.slice(at + 1, at + 2)];
    const [rest, afterNext] = [region.slice(at + 1), region.slice(at + 2)];
    return [
      before + rest,
      before + second + first + afterNext,
      ...characters.flatMap((character) => [before + character + rest, before + character + first + rest]),
    ];
  });
  return [...new Set(variants.flat().filter(isKnownRegion))].toSorted().slice(0, 3);
}
