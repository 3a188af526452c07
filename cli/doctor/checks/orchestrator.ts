import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import path from 'node:path';
import { proxyNames } from '../../../host/proxy-settings.ts';
import { describeValue, parseSwitch } from '../../../host/setting-text.ts';
import { readInstance } from '../../../metrist/config.ts';
import { parseRunGroups } from '../../../metrist/registration/monitor-config.ts';
import type { Values } from '../../../runner/monitor.ts';
import { awsiam } from '../../../suites/awsiam/monitor.ts';
import type { CheckGroup } from '../check-group.ts';
import { failure, ok, skipped, warning, type Finding } from '../finding.ts';

/**
 * Checks the variables that the Metrist Orchestrator on this host, and the monitor that it starts, read. They come from the
 * environment alone: the Orchestrator knows no `.env`.
 */
export const orchestrator: CheckGroup = {
  name: 'orchestrator',
  title: 'Orchestrator',
  needsNetwork: false,
  async *check({ environment, values, envFile }) {
    if (!isOnItsHost(environment)) {
      return yield {
        ...skipped('the Orchestrator', 'the environment has none of the variables that only it has'),
        fix: 'On its host, check with its variables:',
        command: 'set -a; . /etc/default/metrist-orchestrator; ./awsiam doctor --only orchestrator',
      };
    }
    yield* checkStart(environment);
    yield* checkRunGroups(environment);
    yield await checkExecutable(environment);
    yield* checkSwitches(environment);
    yield* checkProxies(environment);
    yield* compareWithEnvFile(environment, values, envFile);
  },
};

/** Variables that only an Orchestrator has. Runs post with METRIST_API_TOKEN, too, and awsiam register reads METRIST_RUN_GROUPS. */
const ownVariables = [
  'METRIST_EXE_LOCAL_PATH',
  'METRIST_EXE_DISABLE_CACHE',
  'METRIST_CACHE_DIR',
  'METRIST_PREVIEW_MODE',
  'METRIST_SECRETS_SOURCE',
  'METRIST_LOGGING_LEVEL',
  'METRIST_DISABLE_TLS_VERIFICATION',
];

const isOnItsHost = (environment: Values): boolean => ownVariables.some((name) => environment[name] !== undefined);

const textOf = (environment: Values, name: string): string => (environment[name] ?? '').trim();

/** Without these an Orchestrator does not start. https://github.com/Metrist-Software/orchestrator */
function* checkStart(environment: Values): Iterable<Finding> {
  for (const name of ['METRIST_API_TOKEN', 'METRIST_INSTANCE_ID']) {
    if (textOf(environment, name) === '') {
      yield failure(`${name} is not set: the Orchestrator does not start`, `Set it in the Orchestrator's environment.`);
    }
  }
  const { value, problem } = readInstance(environment);
  if (problem !== undefined) {
    yield failure(
      problem,
      'The Orchestrator puts it into an address as it is. Use letters, digits and . _ ~ : - only.',
    );
  } else if (value !== undefined) yield ok(`its instance is ${value}`);
  const level = textOf(environment, 'METRIST_LOGGING_LEVEL');
  if (level !== '' && !loggingLevels.includes(level.toLowerCase())) {
    yield failure(
      `METRIST_LOGGING_LEVEL is ${describeValue(level)}: the Orchestrator does not start`,
      `Use one of ${loggingLevels.join(', ')}.`,
    );
  }
}

const loggingLevels = 'all none debug info information notice warning error critical alert emergency'.split(' ');

function* checkRunGroups(environment: Values): Iterable<Finding> {
  const { runGroups, problems, warnings } = parseRunGroups(environment['METRIST_RUN_GROUPS']);
  for (const problem of problems)
    yield failure(problem, "Correct it in the Orchestrator's environment, and restart it.");
  for (const text of warnings)
    yield warning(text, 'The Orchestrator looks for a run group with the blank, and finds none.');
  if (problems.length > 0) return;
  yield ok(
    runGroups.length === 0
      ? 'it has no run groups, so it runs every registration of the account'
      : `its run groups are ${runGroups.join(', ')}: it runs the registrations that have one of them`,
  );
}

async function checkExecutable(environment: Values): Promise<Finding> {
  const dir = textOf(environment, 'METRIST_EXE_LOCAL_PATH');
  const fix = 'Copy dist/local/awsiam there (npm run package makes it; docs/orchestrator.md).';
  if (dir === '') {
    return failure(
      'METRIST_EXE_LOCAL_PATH is not set, so the Orchestrator downloads its monitors, and this one is not among them',
      'Set it to the directory that holds awsiam/awsiam.',
    );
  }
  const file = path.join(dir, 'awsiam', 'awsiam');
  if (/\s/.test(file)) {
    return failure(
      `${file} has a space in its path: the Orchestrator's shell cannot start it`,
      'Use another directory.',
    );
  }
  try {
    if (!(await stat(file)).isFile()) return failure(`${file} is not a file`, fix);
    await access(file, constants.X_OK);
    return ok(`${file} can be started`);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EACCES'
      ? failure(`${file} cannot be started by this user`, `chmod +x ${file}, if that is also the Orchestrator's user.`)
      : failure(`${file} does not exist`, fix);
  }
}

function* checkSwitches(environment: Values): Iterable<Finding> {
  const cleanup = textOf(environment, 'METRIST_CLEANUP_ENABLED');
  if (environment['METRIST_CLEANUP_ENABLED'] === undefined) {
    yield warning(
      'METRIST_CLEANUP_ENABLED is not set: under the Orchestrator, what killed runs leave behind is not removed',
      'Set METRIST_CLEANUP_ENABLED=1, or schedule awsiam cleanup.',
    );
  } else if (cleanup === '' || parseSwitch(cleanup) === false) {
    yield warning(
      `METRIST_CLEANUP_ENABLED is ${JSON.stringify(cleanup)}: the Orchestrator takes any value for a yes, this monitor takes it for a no`,
      'Set it to 1, or remove it.',
    );
  } else yield ok('leftovers of killed runs are removed (METRIST_CLEANUP_ENABLED)');
  if (environment['METRIST_DISABLE_TLS_VERIFICATION'] !== undefined) {
    yield warning(
      'METRIST_DISABLE_TLS_VERIFICATION is set: the Orchestrator gives the token to any server, whatever its value',
      'Remove the variable.',
    );
  }
}

/** Only these two. The first one wins. */
function* checkProxies(environment: Values): Iterable<Finding> {
  for (const name of proxyNames.filter((each) => /^https_proxy$/i.test(each))) {
    if (textOf(environment, name).includes('://')) {
      yield warning(
        `${name} begins with a scheme, which the Orchestrator cannot read`,
        'Write host:port. That is enough for this monitor, too.',
      );
    }
  }
}

/** Settings that only `.env` has are missing under the Orchestrator, unless the registration's extra_config has them. */
function* compareWithEnvFile(environment: Values, values: Values, envFile: string): Iterable<Finding> {
  const { problems } = awsiam.parseConfig(values);
  const missing = awsiam.parseConfig(environment).problems.filter((problem) => !problems.includes(problem));
  for (const problem of missing) {
    yield warning(
      `${problem} (the Orchestrator does not read ${envFile})`,
      "Set it in the Orchestrator's environment, unless extra_config of the registration has it.",
    );
  }
}
