import { parseHistorySettings } from '../../../history/history-settings.ts';
import { parseMetristAccess } from '../../../metrist/config.ts';
import {
  defaultTimeoutSecs,
  findRegistrationWarnings,
  type MonitorConfig,
} from '../../../metrist/registration/monitor-config.ts';
import { createMonitorConfigApi, type MonitorStatus } from '../../../metrist/registration/monitor-config-api.ts';
import { findDifferences, type StoredMonitorConfig } from '../../../metrist/registration/stored-monitor-config.ts';
import { fetchThroughProxy, MetristError } from '../../../metrist/request.ts';
import packageJson from '../../../package.json' with { type: 'json' };
import type { Values } from '../../../runner/monitor.ts';
import { awsiam, parseStepTimeout } from '../../../suites/awsiam/monitor.ts';
import { formatAge } from '../../../text/duration.ts';
import { describeMonitorConfig, resolveRegistration } from '../../metrist/config.ts';
import type { CheckGroup } from '../check-group.ts';
import { failure, failureOf, ok, skipped, warning, type Finding } from '../finding.ts';

/** Compares the registration at Metrist with what `awsiam register` would send. Only an Orchestrator needs a registration. */
export const registration: CheckGroup = {
  name: 'registration',
  title: 'registration',
  needsNetwork: true,
  async *check({ values, signal, probe }) {
    const { access, problems } = parseMetristAccess(values);
    if (access === undefined) return yield skipped('the registration', problems.join('; '));
    const api = createMonitorConfigApi({
      ...access,
      userAgent: `${packageJson.name}/${packageJson.version}`,
      fetch: fetchThroughProxy(values, access.baseUrl),
      signal,
    });
    try {
      const { name } = awsiam;
      const { stored, status } = await probe('asking Metrist for the registration', async () => ({
        stored: await api.list(name),
        status: await api.status(name),
      }));
      yield* judgeRegistration(stored, status, values, new Date());
    } catch (error) {
      if (!(error instanceof MetristError) || signal.aborted) throw error;
      yield failureOf(error.message, 'check METRIST_API_HOST and the way to it');
    }
  },
};

export function* judgeRegistration(
  stored: readonly StoredMonitorConfig[],
  status: MonitorStatus | undefined,
  values: Values,
  now: Date,
): Iterable<Finding> {
  const { intervalSecs } = parseHistorySettings(values).settings;
  const { config: wanted, problems } = resolveRegistration(
    { interval: intervalSecs, timeout: defaultTimeoutSecs },
    values,
  );
  for (const problem of problems) yield failure(problem, 'Correct it, so that awsiam register can be compared.');
  if (stored.length === 0) {
    const isForOrchestrator = orchestratorGroups(values).length > 0;
    return yield isForOrchestrator
      ? failure('awsiam is not registered, so no Orchestrator runs it', 'Register it: awsiam register.')
      : ok('awsiam is not registered. Only an Orchestrator needs that');
  }
  for (const each of stored) yield* compare(each, wanted, values);
  if (stored.length > 1) {
    yield warning(
      `awsiam is registered ${stored.length} times, and runs for each of them`,
      'Keep only one: awsiam register.',
    );
  }
  yield* judgeRunGroups(stored, status, values, now);
}

function* compare(stored: StoredMonitorConfig, wanted: MonitorConfig, values: Values): Iterable<Finding> {
  const { id } = stored;
  const isRunnable = namesOf(stored) === namesOf(wanted) && stored.run_spec.name === wanted.run_spec.name;
  // The run groups have a check of their own: they may differ from those of this host.
  const differences = findDifferences({ ...wanted, run_groups: stored.run_groups }, stored);
  if (!isRunnable) {
    yield failure(
      `the registration ${id} does not fit this version, so its runs fail: ${differences.join(', ')}`,
      'Replace it: awsiam register.',
    );
  } else if (differences.length > 0) {
    yield warning(
      `the registration ${id} differs from what awsiam register would send: ${differences.join(', ')}`,
      'If that is not intended, replace it: awsiam register. If the interval is intended, set AWSIAM_INTERVAL_SECS to it.',
    );
  } else yield ok(`registered as ${id}: ${describeMonitorConfig(stored)}`);
  const { stepTimeoutMs } = parseStepTimeout(values);
  for (const text of findRegistrationWarnings({ ...stored, run_groups: ['any'] }, stepTimeoutMs / 1000)) {
    yield warning(`the registration ${id} has ${text}`, 'Register it with other values: awsiam register --help.');
  }
}

const namesOf = ({ steps }: Pick<MonitorConfig, 'steps'> | StoredMonitorConfig): string =>
  steps.map((step) => step.check_logical_name).join(' ');

/** The run groups of an Orchestrator on this host, as it reads them: it does not trim. */
function orchestratorGroups(values: Values): readonly string[] {
  const text = values['METRIST_RUN_GROUPS'] ?? '';
  return text.trim() === '' ? [] : text.split(',');
}

/** A day: Metrist's own state is of the last hour, and an Orchestrator runs the monitor every few minutes. */
const freshMs = 86_400_000;

/**
 * Metrist does not tell which Orchestrators there are, nor their run groups. Known are the groups of the registration, those
 * of this host, and when the last result arrived.
 */
function* judgeRunGroups(
  stored: readonly StoredMonitorConfig[],
  status: MonitorStatus | undefined,
  values: Values,
  now: Date,
): Iterable<Finding> {
  const own = orchestratorGroups(values);
  const registered = [...new Set(stored.flatMap(({ run_groups: groups }) => groups))];
  const shownOwn = JSON.stringify(own);
  const isDelivered = own.length === 0 || own.some((group) => registered.includes(group));
  if (!isDelivered) {
    yield warning(
      registered.length === 0
        ? `the registration has no run groups, so an Orchestrator with run groups does not get it: METRIST_RUN_GROUPS is ${shownOwn} here`
        : `the registration has the run groups ${JSON.stringify(registered)}, of which METRIST_RUN_GROUPS has none here: ${shownOwn}`,
      'An Orchestrator runs it only with a group in common, spelt the same. Correct METRIST_RUN_GROUPS on the host of the Orchestrator, or register again: awsiam register --run-group <name>.',
    );
  } else if (own.length > 0) yield ok(`an Orchestrator with the run groups of this host gets it: ${shownOwn}`);
  const ageMs = now.getTime() - Date.parse(status?.last_checked ?? '1970-01-01T00:00:00Z');
  if (ageMs < freshMs) {
    yield ok(`Metrist has results of it: the last one came ${formatAge(ageMs)} ago`);
  } else if (isDelivered && registered.length > 0) {
    yield warning(
      `Metrist has no recent result of it, so perhaps no Orchestrator has one of the run groups ${JSON.stringify(registered)}`,
      'Metrist does not show the run groups of Orchestrators. Compare METRIST_RUN_GROUPS on their hosts, and look in their logs for "Started child" with awsiam.',
    );
  } else
    yield skipped(
      'whether an Orchestrator runs it',
      'Metrist shows no recent result, and does not show its Orchestrators',
    );
}
