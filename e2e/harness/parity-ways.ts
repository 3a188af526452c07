import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import type { MetristResult } from '../../metrist/delivery/results.ts';
import { type DriveEvent, isSuccessful, toReportedResults } from '../../metrist/protocol/drive/drive-report.ts';
import { driveMonitor } from '../../metrist/protocol/drive/drive-monitor.ts';
import { type MetristStandIn, startMetristStandIn } from '../../metrist/testing/stand-in.ts';
import { createFaultPlan } from '../../mocks/iam/faults.ts';
import { listEntities } from '../../mocks/iam/seeding.ts';
import { readMockOptions } from '../../mocks/mock-options.ts';
import { type IamServer, startIamServer } from '../../mocks/iam/server.ts';
import { createIamState } from '../../mocks/iam/state.ts';
import type { MonitorRun } from '../../runner/monitor-run.ts';
import { outline } from '../../suites/awsiam/outline.ts';
import { nowhere } from './loopback-only.ts';
import { monitorCommand } from './orchestrator.ts';
import {
  describeLeftover,
  fromDrivenStep,
  fromStepResult,
  leftoverPrefix,
  type LiveParityRun,
  type ParityRun,
} from './parity-run.ts';
import type { ParityScenario } from './parity-scenario.ts';
import { cleanEnv, liveEnv, projectDir, secrets } from './run-vitest.ts';
import { metristEnv } from './start.ts';

/** `vitest run`, over the mock's server. */
export async function runLive(scenario: ParityScenario): Promise<LiveParityRun> {
  return await withIam(scenario, async (iam, iamEnv) => {
    const metrist = await startMetristStandIn({ token: secrets.apiToken });
    try {
      const env = { ...settingsOf(scenario), ...iamEnv, ...metristEnv(metrist) };
      const run = await runVitest([], env);
      return { ...run, account: listEntities(iam.state), reported: readPosted(metrist) };
    } finally {
      await metrist.close();
    }
  });
}

/** The packaged monitor, driven as the Orchestrator does. */
export async function runOrchestrated(scenario: ParityScenario): Promise<LiveParityRun> {
  return await withIam(scenario, async (iam, iamEnv) => {
    const { config, env, cleanup = false } = scenario;
    const warnings: string[] = [];
    const onEvent = (event: DriveEvent): void => {
      if (event.kind === 'log' && event.level === 'Warning') warnings.push(event.text);
    };
    const report = await driveMonitor({
      command: monitorCommand(),
      steps: outline.steps.map(({ name }) => name),
      configJson: JSON.stringify(config ?? {}),
      cleanup,
      env: {
        ...processEnv(),
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
      reported: toReportedResults(report, { monitor: outline.name, instance: 'e2e-1', now: new Date() }),
    };
  });
}

/** `vitest run --mode offline`, over the mock in memory. */
export async function runOffline(scenario: ParityScenario): Promise<ParityRun> {
  return await runVitest(['--mode', 'offline'], {
    ...settingsOf(scenario),
    AWSIAM_MOCK_FAULTS: scenario.faults ?? '',
  });
}

function isLeftover(warning: string): boolean {
  return warning.startsWith(leftoverPrefix);
}

function settingsOf({ settings = liveEnv, env }: ParityScenario): Record<string, string> {
  return { ...settings, ...env };
}

async function withIam<Result>(
  { faults = '', seed, unreachable }: ParityScenario,
  run: (iam: IamServer, env: Readonly<Record<string, string>>) => Promise<Result>,
): Promise<Result> {
  // Of the same seed as offline: then all ways have the same request ids.
  const state = createIamState({ random: readMockOptions({}).random });
  seed?.(state);
  const iam = await startIamServer({ state, faults: createFaultPlan(faults) });
  try {
    return await run(iam, { AWS_ENDPOINT_URL_IAM: unreachable ? nowhere() : iam.url });
  } finally {
    await iam.close();
  }
}

/** Cleans up after itself, where a test that runs beside others could not. */
async function runVitest(args: readonly string[], env: Readonly<Record<string, string>>): Promise<ParityRun> {
  const resultsDir = await mkdtemp(path.join(os.tmpdir(), 'awsiam-parity-'));
  try {
    const child = spawn(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', ...args], {
      cwd: projectDir,
      env: { ...processEnv(), METRIST_RESULTS_DIR: resultsDir, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
    const run = await readHistory(path.join(resultsDir, 'runs')).catch((error: unknown) => {
      throw new Error(`the run left no history:\n${stdout}\n${stderr}`, { cause: error });
    });
    return {
      isGood: child.exitCode === 0,
      steps: run.steps.map(fromStepResult),
      leftovers: run.leftovers.map(describeLeftover),
      warnings: run.warnings,
      problems: run.problems.map(({ kind, message }) => `${kind}: ${message}`),
    };
  } finally {
    await rm(resultsDir, { recursive: true, force: true });
  }
}

async function readHistory(dir: string): Promise<MonitorRun> {
  const [file = ''] = await readdir(dir);
  return JSON.parse(await readFile(path.join(dir, file), 'utf8')) as MonitorRun;
}

/** In the order of the steps: a run posts its error before everything else. */
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

/** Compiled code outlives a run's own temporary directory. */
function processEnv(): Record<string, string> {
  return { ...cleanEnv(), NODE_COMPILE_CACHE: path.join(os.tmpdir(), 'node-compile-cache') };
}
