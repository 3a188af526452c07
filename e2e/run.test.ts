import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { type TestContext, test } from 'vitest';
import { readMockOptions } from '../mocks/mock-options.ts';
import { createIamState } from '../mocks/iam/state.ts';
import { seedStaleUsers } from '../suites/awsiam/testing/stale.ts';
import { uniqueName } from './harness/hide-unique.ts';
import { arrival, metristEnv, startIam, startMetrist } from './harness/servers.ts';
import {
  type Ended,
  liveEnv,
  makeResultsDir,
  preload,
  projectDir,
  runAwsiam,
  runProgram,
  type StartOptions,
  vitestFile,
} from './harness/run.ts';

/** What people and their tools see of `awsiam run` is what they see of `vitest run`: the output, the exit code and the files. */

interface Scenario {
  /** As in AWSIAM_MOCK_FAULTS. @default none */
  readonly faults?: string;
  /** @default `liveEnv` */
  readonly settings?: Readonly<Record<string, string>>;
  /** Added to the settings. */
  readonly env?: Readonly<Record<string, string>>;
  readonly isOffline?: true;
  /** How many users of an earlier run are in the account. @default 0 */
  readonly staleUsers?: number;
  /** SIGTERM comes when this operation arrives. */
  readonly stopAt?: string;
  readonly code: number;
  /** Words that both print, because both could print nothing. */
  readonly shows: readonly string[];
}

const scenarios: readonly (readonly [title: string, scenario: Scenario])[] = [
  [
    'a good run, with retries, a slow answer and old leftovers',
    {
      faults: 'CreateUser=ServiceFailure:1,CreateGroup=Throttling:1,AddUserToGroup=slow:3200:1',
      staleUsers: 2,
      code: 0,
      shows: ['8 passed', '2 attempts', '2 old test entities removed', '8 results to Metrist (e2e-1)', 'report.html'],
    },
  ],
  [
    'a failing run',
    {
      faults: 'RemoveUserFromGroup=ServiceFailure:3',
      code: 1,
      shows: ['service: ServiceFailure', '3 attempts', 'blocked · RemoveUserFromGroup failed', '1 failed'],
    },
  ],
  [
    'a run that a signal interrupts',
    {
      faults: 'AddUserToGroup=hang-after:1',
      stopAt: 'AddUserToGroup',
      code: 143,
      shows: ['SIGTERM: stopping', '1 interrupted', 'the run was interrupted by SIGTERM', '5 blocked'],
    },
  ],
  [
    'a run that leaves something behind and has a warning',
    {
      faults: 'DeleteGroup=AccessDenied,DeleteUser=AccessDenied,ListUsers=AccessDenied',
      code: 1,
      shows: ['left behind: group testgroup-', 'remove it with: aws iam delete-group', 'ListUsers'],
    },
  ],
  [
    'wrong settings',
    {
      settings: { ...liveEnv, METRIST_AWS_REGION: 'the moon' },
      env: { AWSIAM_INTERVAL_SECS: 'often', METRIST_REQUIRE_DELIVERY: 'perhaps' },
      code: 1,
      shows: ['METRIST_AWS_REGION', 'AWSIAM_INTERVAL_SECS', 'METRIST_REQUIRE_DELIVERY', 'AWS was not called'],
    },
  ],
  [
    'a run whose results Metrist refuses, though they are required',
    { env: { METRIST_API_TOKEN: 'not-the-token', METRIST_REQUIRE_DELIVERY: 'yes' }, code: 1, shows: ['not delivered'] },
  ],
  [
    'a run with errors that nobody handles, in the steps and in the reports',
    {
      env: preload('throw-unhandled.ts'),
      code: 1,
      shows: [
        'unhandled: thrown in the steps',
        'the run goes on: thrown in the reports',
        '8 results to Metrist (e2e-1)',
      ],
    },
  ],
  ['an offline run', { isOffline: true, settings: {}, code: 0, shows: ['awsiam offline', '8 passed'] }],
];

test.concurrent.for(scenarios)(
  'awsiam run shows and writes what vitest run does: %s',
  async ([, scenario], { expect, onTestFinished }) => {
    const offline = { vitest: ['--mode', 'offline'], run: ['--offline'] };
    const { vitest, run } = scenario.isOffline ? offline : { vitest: [], run: [] };
    const [reference, ours] = await Promise.all([
      watchRun(scenario, { onTestFinished }, (options) =>
        runProgram(process.execPath, [vitestFile, 'run', ...vitest], options),
      ),
      watchRun(scenario, { onTestFinished }, ({ env, ...options }) => runAwsiam(['run', ...run], env, options)),
    ]);
    expect(ours).toEqual(reference);
    expect(reference.code).toBe(scenario.code);
    for (const words of scenario.shows) expect(`${reference.stdout}\n${reference.stderr}`).toContain(words);
  },
);

interface Seen {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** The names of the files in the results directory. */
  readonly files: readonly string[];
  readonly junit: string;
}

/** Starts a run over servers of its own, and returns what can be seen of it, without what differs from run to run. */
async function watchRun(
  scenario: Scenario,
  { onTestFinished }: Pick<TestContext, 'onTestFinished'>,
  start: (options: StartOptions) => Promise<Ended>,
): Promise<Seen> {
  const { faults, settings = liveEnv, env, staleUsers = 0, stopAt } = scenario;
  // The same seed, so that both runs have the same request ids.
  const state = createIamState({ random: readMockOptions({}).random });
  seedStaleUsers(state, liveEnv.METRIST_NAMESPACE, staleUsers);
  const iam = await startIam(faults, { state, onTestFinished });
  const resultsDir = await makeResultsDir(onTestFinished);
  const { code, stdout, stderr } = await start({
    cwd: projectDir,
    env: {
      ...settings,
      ...metristEnv(await startMetrist({ onTestFinished })),
      ...env,
      AWS_ENDPOINT_URL_IAM: iam.url,
      METRIST_RESULTS_DIR: resultsDir,
    },
    onStart: (child) => void (stopAt && arrival(iam, stopAt).then(() => child.kill('SIGTERM'))),
  });
  const names = (await readdir(resultsDir, { recursive: true })).toSorted();
  const hide = (text: string): string => hideUnique(text.replaceAll(resultsDir, '<results>'));
  return {
    code,
    stdout: hide(stdout),
    // How many lines there are about a long wait depends on the machine.
    stderr: hide(stderr.replaceAll(/^ {2}… .*\n/gm, '')),
    // Only `awsiam run` has a lock.
    files: names.filter((name) => !/^run.*\.lock$/.test(name)).map(hide),
    junit: hide(await readFile(path.join(resultsDir, 'junit.xml'), 'utf8')),
  };
}

/** What differs between two equal runs. */
function hideUnique(text: string): string {
  return (
    text
      .replaceAll(uniqueName, '$1-<unique>')
      .replaceAll(/(?<=127\.0\.0\.1:)\d+/g, '<port>')
      .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '<time>')
      // On the terminal, times are aligned.
      .replaceAll(/ +\d+(\.\d+)? m?s\b/g, ' <duration>')
      // The SDK draws the wait before a retry by lot. One of 0 ms is not shown.
      .replaceAll(/(?: ·|,) <duration> (?:of waiting )?between them/g, '')
      .replaceAll(/\btime="[\d.]+"/g, 'time="<seconds>"')
      .replaceAll(/(?<=Ms(?:: |" value="))[\d.]+/g, '<ms>')
      .replaceAll(/(?<=to see the steps run without AWS: ).*/g, '<command>')
  );
}
