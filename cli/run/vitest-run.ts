import { accessSync, constants } from 'node:fs';
import path from 'node:path';
import type { ViteUserConfig } from 'vitest/config';
import { readEnvFile } from '../../host/env-file.ts';
import { chooseBaseDir, removeReport } from '../../host/last-resort.js';
import { surviveOutputErrors } from '../../host/output-errors.ts';
import { describeValue } from '../../host/setting-text.ts';
import { MonitorReporter } from '../../reporters/monitor-reporter.ts';
import type { RunReporter } from '../../reporters/run-reporter.ts';
import { systemClock } from '../../runner/clock.ts';
import type { RunMode } from '../../runner/monitor-run.ts';
import { addReporter, avoidApiToken, listSteps, provideToSuite } from '../../runner/vitest/plugins.ts';
import { takeOverSignals } from '../../runner/vitest/take-over-signals.ts';
import { keepUnhandledErrors } from '../../runner/vitest/unhandled-errors.ts';
import { columnsOf } from '../../text/terminal.ts';
import { type RunSetup, setUpRun } from './run-setup.ts';

/** What `--mode` can be for a run of the monitor. vitest calls it `test` if no mode was given. */
const runModes: Readonly<Record<string, RunMode>> = { test: 'live', offline: 'offline' };

/** Of the program's files: `js` in an npm package. */
const extension = path.extname(import.meta.filename).slice(1);

/** A process that hangs ends itself this long after the run. vitest closes what it has open in the meantime. */
const hangGraceMs = 1000;

/**
 * Returns the vitest config for a run of the monitor. A problem that keeps the run from starting is reported as a failure of
 * its first step.
 *
 * @param root the directory of this program
 * @param modeName what the user gave as `--mode`
 * @param moreReporters get the run after our own
 */
export async function configureMonitorRun(
  root: string,
  modeName: string,
  moreReporters: readonly RunReporter[] = [],
): Promise<ViteUserConfig> {
  surviveOutputErrors(process);
  leaveClosedDirectory(root);
  const baseDir = chooseBaseDir(root, process.cwd());
  const envFile = await readEnvFile(baseDir, process.env);
  // The AWS SDK reads the environment of the worker thread, which is a copy of this one.
  Object.assign(process.env, envFile.added);
  const mode = runModes[modeName] ?? 'offline';
  const setup = await setUpRun(process.env, { mode, frontEnd: 'vitest', baseDir, envProblems: envFile.problems });
  const reporter = createMonitorReporter(root, {
    ...setup,
    createReporters: async () => [...(await setup.createReporters()), ...moreReporters],
  });
  // vitest itself may still refuse to start, for example because of a reporter that does not exist.
  process.once('exit', (code) => {
    if (code !== 0 && !reporter.isReporting) removeReport(setup.resultsDir);
  });
  const problem = runModes[modeName] === undefined ? describeUnknownMode(modeName) : findMissingPackage(mode);
  if (problem !== undefined) {
    await reporter.failToStart({ name: 'ConfigError', code: 'ConfigError', message: problem });
    process.exit(1);
  }
  return {
    // Set, because `--config` can name our vitest.config.ts from another working directory.
    root,
    // Otherwise Vite would read .env as well, for variables that it puts into web pages.
    envDir: false,
    plugins: [
      takeOverSignals({ errorOutput: process.stderr }),
      keepUnhandledErrors(process.stderr),
      avoidApiToken(),
      provideToSuite({ mode, settings: setup.settings }),
      addReporter(reporter),
      listSteps(),
    ],
    test: {
      include: [`suites/**/*.suite.${extension}`],
      setupFiles: mode === 'offline' ? [`mocks/install.${extension}`] : [],
      reporters: [reporter],
      watch: false,
      // Nothing is written to the project's directory.
      cache: false,
      fsModuleCache: false,
      // One worker is enough, and it needs no Vite to run TypeScript that Node runs as it is.
      pool: 'threads',
      maxWorkers: 1,
      server: { deps: { external: [/\/(history|host|metrics|metrist|mocks|runner|suites|text)\/.*\.[jt]s$/] } },
    },
  };
}

/** Connects the reporter of the monitor to this process: environment, streams, exit code. */
function createMonitorReporter(root: string, setup: RunSetup): MonitorReporter {
  return new MonitorReporter({
    ...setup,
    root,
    terminal: {
      color: process.stdout.hasColors?.() ?? false,
      // Read each time, because a window can be resized during a run.
      get columns() {
        return columnsOf(process.stdout, process.env);
      },
    },
    output: process.stdout,
    errorOutput: process.stderr,
    clock: systemClock,
    setExitCode: (code) => {
      process.exitCode = code;
    },
    onHang: () => {
      // Before it ends, Node waits for every thread, even for one that waits for a disk.
      process.once('exit', () => process.kill(process.pid, 'SIGKILL'));
      setTimeout(() => process.exit(), hangGraceMs).unref();
    },
  });
}

/** Leaves a directory that this user may not enter, as after `sudo -u awsiam` in root's home: Node.js starts no worker there. */
function leaveClosedDirectory(root: string): void {
  try {
    accessSync(process.cwd(), constants.X_OK);
  } catch {
    process.chdir(root);
  }
}

function describeUnknownMode(mode: string): string {
  return `unknown mode ${describeValue(mode)}: give no --mode for a live run, or --mode offline for a run over the mock`;
}

/** The mock is made of development dependencies, because a monitoring host does not need it. */
function findMissingPackage(mode: RunMode): string | undefined {
  if (mode === 'live') return undefined;
  try {
    import.meta.resolve('aws-sdk-client-mock');
    return undefined;
  } catch {
    return 'an offline run needs the development packages: install with "npm ci", without --omit=dev';
  }
}
