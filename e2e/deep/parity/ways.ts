import os from 'node:os';
import path from 'node:path';
import type { TestContext } from 'vitest';
import type { RunRecord } from '../../../history/run-record.ts';
import type { MetristResult } from '../../../metrist/delivery/results.ts';
import { type DriveEvent, isSuccessful, toReportedResults } from '../../../metrist/protocol/drive/drive-report.ts';
import { driveMonitor } from '../../../metrist/protocol/drive/drive-monitor.ts';
import type { MetristStandIn } from '../../../metrist/testing/stand-in.ts';
import { listEntities } from '../../../mocks/iam/seeding.ts';
import { readMockOptions } from '../../../mocks/mock-options.ts';
import type { IamServer } from '../../../mocks/iam/server.ts';
import { createIamState, type IamState } from '../../../mocks/iam/state.ts';
import type { Verdict } from '../../../runner/step-result.ts';
import { outline } from '../../../suites/awsiam/outline.ts';
import type { StepName } from '../../../suites/awsiam/steps.ts';
import { nowhere } from '../../harness/loopback-only.ts';
import { monitorCommand } from '../../harness/orchestrator.ts';
import { readRuns } from '../../harness/read-history.ts';
import {
  cleanEnv,
  liveEnv,
  makeResultsDir,
  projectDir,
  runProgram,
  sharedCompileCache,
  vitestFile,
} from '../../harness/run.ts';
import { RunningWatch } from '../../harness/watch.ts';
import { metristEnv, startIam, startMetrist } from '../../harness/servers.ts';
import type { WayKind } from './mask.ts';
import {
  describeLeftover,
  fromDrivenStep,
  fromStepResult,
  leftoverPrefix,
  type LiveParityRun,
  type ParityRun,
} from './run.ts';

/** A scenario that is run in all ways. */
export interface ParityScenario {
  /** As in AWSIAM_MOCK_FAULTS. @default none */
  readonly faults?: string;
  /** All of the monitor's own settings. @default `liveEnv` */
  readonly settings?: Readonly<Record<string, string>>;
  /** More settings. */
  readonly env?: Readonly<Record<string, string>>;
  /** Replaces `settings` under the Orchestrator, which passes it as its Config. */
  readonly config?: Readonly<Record<string, string>>;
  /** Adds entities to the account before the run. Impossible offline. @default none */
  readonly seed?: (state: IamState) => void;
  /** The endpoint is a closed port in place of the mock. */
  readonly unreachable?: true;
  /** Whether the Orchestrator asks for the cleanup, which the other ways always do. @default false */
  readonly cleanup?: boolean;
  /** Why the scenario is impossible offline. */
  readonly notOffline?: string;
  /** The step that fails, with its verdict and code, because all ways could be wrong alike. @default all steps pass */
  readonly fails?: readonly [step: StepName, verdict: Verdict, code: string];
  /** Whether its runs spend most of their time waiting, so that they can go on at the same time. @default false */
  readonly waits?: true;
  /** What the run says that it leaves behind. @default nothing */
  readonly leaves?: readonly ('user' | 'group')[];
  /** What else the run names, because an unanswered request may still make it. @default nothing */
  readonly mayAppear?: readonly ('user' | 'group')[];
  /** How many warnings there are besides the leftovers. @default 0 */
  readonly warnings?: number;
}

interface Context {
  /** The hook of the test's context. Concurrent tests cannot use the global one. */
  readonly onTestFinished: TestContext['onTestFinished'];
  /** Called when the run has started up: at its first call of IAM. */
  readonly onFirstCall?: () => void;
}

/** A way to run a scenario. */
export interface Way {
  readonly name: string;
  readonly kind: WayKind;
  readonly run: (scenario: ParityScenario, context: Context) => Promise<ParityRun>;
}

/** The reference is `vitest run` over the mock's server: all ways must give the same. */
export const runReference = overServer(startVitest());

export const ways: readonly Way[] = [
  { name: 'under the Orchestrator', kind: 'orchestrated', run: runOrchestrated },
  { name: 'awsiam run', kind: 'live', run: overServer(startAwsiam('run')) },
  { name: 'one beat of awsiam watch', kind: 'live', run: overServer(startWatch) },
  { name: 'vitest run --mode offline', kind: 'offline', run: inMemory(startVitest('--mode', 'offline')) },
  { name: 'awsiam run --offline', kind: 'offline', run: inMemory(startAwsiam('run', '--offline')) },
];

/**
 * The ways of the npm package, which differ from the others in their code.
 *
 * @param project a directory in which it is installed, with a vitest config
 */
export function waysOfPackage(project: string): readonly Way[] {
  const installed = path.join(project, 'node_modules');
  const vitest = [process.execPath, path.join(installed, 'vitest/vitest.mjs'), 'run'];
  const awsiam = [process.execPath, path.join(installed, '.bin/awsiam'), 'run'];
  return [
    { name: 'installed, vitest run', kind: 'live', run: overServer(startProgram(vitest, project)) },
    { name: 'installed, awsiam run', kind: 'live', run: overServer(startProgram(awsiam, project)) },
    {
      name: 'installed, vitest run --mode offline',
      kind: 'offline',
      run: inMemory(startProgram([...vitest, '--mode', 'offline'], project)),
    },
    {
      name: 'installed, awsiam run --offline',
      kind: 'offline',
      run: inMemory(startProgram([...awsiam, '--offline'], project)),
    },
  ];
}

interface Finished {
  readonly everything: string;
  /** Whether it says that all is well. */
  readonly isGood: boolean;
}

/** Starts a front end, and waits for its end. */
type Start = (env: Readonly<Record<string, string>>, context: Context) => Promise<Finished>;

function startVitest(...args: readonly string[]): Start {
  return startProgram([process.execPath, vitestFile, 'run', ...args], projectDir);
}

function startAwsiam(...args: readonly string[]): Start {
  return startProgram([...monitorCommand(), ...args], os.tmpdir());
}

function startProgram([program = '', ...args]: readonly string[], cwd: string): Start {
  return async (env) => {
    const ended = await runProgram(program, args, { cwd, env });
    return { ...ended, isGood: ended.code === 0 };
  };
}

/** Ends the watch after its first run. */
async function startWatch(env: Readonly<Record<string, string>>, { onTestFinished }: Context): Promise<Finished> {
  const watch = new RunningWatch({ env, args: ['--no-listen'], onTestFinished });
  await watch.runs(1);
  const { code, everything } = await watch.stop();
  const [, state] = /^awsiam watch · 1 run in .*: 1 (passed|failed)$/m.exec(watch.stdout) ?? [];
  if (code !== 143 || state === undefined) {
    throw new Error(`the watch did not end in good order, but with code ${code}:\n${everything}`);
  }
  return { everything, isGood: state === 'passed' };
}

function overServer(start: Start) {
  return async (scenario: ParityScenario, context: Context): Promise<LiveParityRun> => {
    const { iam, iamEnv } = await startAccount(scenario, context);
    const metrist = await startMetrist(context);
    const env = { ...settingsOf(scenario), ...iamEnv, ...metristEnv(metrist) };
    const { run, record } = await runAndReadHistory(start, env, context);
    return { ...run, account: listEntities(iam.state), reported: readPosted(metrist), record };
  };
}

function inMemory(start: Start): Way['run'] {
  return async (scenario, context) => {
    const env = { ...settingsOf(scenario), AWSIAM_MOCK_FAULTS: scenario.faults ?? '' };
    return (await runAndReadHistory(start, env, context)).run;
  };
}

/** The packaged monitor, driven as the Orchestrator does. */
async function runOrchestrated(scenario: ParityScenario, context: Context): Promise<LiveParityRun> {
  const { onTestFinished } = context;
  const { iam, iamEnv } = await startAccount(scenario, context);
  const { config, env, cleanup = false } = scenario;
  const warnings: string[] = [];
  const onEvent = (event: DriveEvent): void => {
    if (event.kind === 'log' && event.level === 'Warning') warnings.push(event.text);
  };
  const resultsDir = await makeResultsDir(onTestFinished);
  const reportsEnv = { METRIST_RESULTS_DIR: resultsDir, METRIST_INSTANCE_ID: instance };
  const report = await driveMonitor({
    command: monitorCommand(),
    steps: outline.steps.map(({ name }) => name),
    configJson: JSON.stringify(config ?? {}),
    cleanup,
    env: {
      ...cleanEnv(),
      ...commonEnv,
      ...reportsEnv,
      ...(config === undefined ? settingsOf(scenario) : env),
      ...iamEnv,
    },
    onEvent,
  });
  return {
    isGood: isSuccessful(report) && report.exit.code === 0,
    steps: report.steps.map(fromDrivenStep),
    leftovers: warnings.filter(isLeftover).map((warning) => warning.slice(leftoverPrefix.length)),
    warnings: warnings.filter((warning) => !isLeftover(warning)),
    problems: report.problems,
    account: listEntities(iam.state),
    reported: toReportedResults(report, { monitor: outline.name, instance, now: new Date() }),
    record: await readRecord(resultsDir),
  };
}

function isLeftover(warning: string): boolean {
  return warning.startsWith(leftoverPrefix);
}

function settingsOf({ settings = liveEnv, env }: ParityScenario): Record<string, string> {
  return { ...settings, ...env };
}

async function startAccount(
  { faults, seed, unreachable }: ParityScenario,
  { onTestFinished, onFirstCall }: Context,
): Promise<{ readonly iam: IamServer; readonly iamEnv: Readonly<Record<string, string>> }> {
  // The same seed as offline, so that all ways have the same request ids.
  const state = createIamState({ random: readMockOptions({}).random });
  seed?.(state);
  const iam = await startIam(faults, { state, onTestFinished });
  if (onFirstCall !== undefined) iam.events.once('call', onFirstCall);
  return { iam, iamEnv: { AWS_ENDPOINT_URL_IAM: unreachable ? nowhere() : iam.url } };
}

async function runAndReadHistory(
  start: Start,
  env: Readonly<Record<string, string>>,
  context: Context,
): Promise<{ readonly run: ParityRun; readonly record: RunRecord }> {
  const resultsDir = await makeResultsDir(context.onTestFinished);
  const { isGood, everything } = await start({ ...commonEnv, ...env, METRIST_RESULTS_DIR: resultsDir }, context);
  const record = await readRecord(resultsDir).catch((error: unknown) => {
    throw new Error(`the run left no history:\n${everything}`, { cause: error });
  });
  const { steps, leftovers, warnings, problems } = record;
  return {
    run: {
      isGood,
      steps: steps.map(fromStepResult),
      leftovers: leftovers.map(describeLeftover),
      warnings,
      problems: problems.map(({ kind, message }) => `${kind}: ${message}`),
    },
    record,
  };
}

async function readRecord(resultsDir: string): Promise<RunRecord> {
  const [record, ...more] = await readRuns(resultsDir);
  if (record === undefined || more.length > 0) throw new Error(`${more.length} runs too many in the history, or none`);
  return record;
}

/** Sorted by step, because a run posts its error before everything else. */
function readPosted({ requests, swallowed, problems }: MetristStandIn): MetristResult[] {
  if (swallowed.length + problems.length > 0) throw new Error([...swallowed, ...problems].join('\n'));
  const stepNames: readonly string[] = outline.steps.map(({ name }) => name);
  return requests
    .map(
      ({ path: route, body }) =>
        ({ kind: route.replace('/api/agent/', ''), body: JSON.parse(body) as unknown }) as MetristResult,
    )
    .toSorted(
      (one, other) => stepNames.indexOf(one.body.check_logical_name) - stepNames.indexOf(other.body.check_logical_name),
    );
}

/** As in `metristEnv`. */
const instance = 'e2e-1';

const commonEnv = {
  ...sharedCompileCache,
  // A day, so that a watch begins no second run.
  AWSIAM_INTERVAL_SECS: '86400',
} as const;
