import { accessSync, constants } from 'node:fs';
import type { ViteUserConfig } from 'vitest/config';
import { parseHistorySettings, type HistorySettings } from '../history/history-settings.ts';
import { readEnvFile } from '../host/env-file.ts';
import { removeReport } from '../host/last-resort.js';
import { surviveOutputErrors } from '../host/output-errors.ts';
import { chooseBaseDir, parseResultsDir } from '../host/results-dir.ts';
import { describeValue } from '../host/setting-text.ts';
import { parseSummarySettings, type SummarySettings } from '../host/summary-settings.ts';
import { parseMetristConfig, type ParsedMetristConfig } from '../metrist/config.ts';
import packageJson from '../package.json' with { type: 'json' };
import { MonitorReporter } from '../reporters/monitor-reporter.ts';
import { systemClock } from '../runner/clock.ts';
import type { RunMode } from '../runner/monitor-run.ts';
import { addReporter, avoidApiToken, listSteps, provideToSuite } from '../runner/vitest/plugins.ts';
import { takeOverSignals } from '../runner/vitest/take-over-signals.ts';
import { keepUnhandledErrors } from '../runner/vitest/unhandled-errors.ts';
import { operations, outline } from '../suites/awsiam/outline.ts';
import { hideSecrets } from '../text/redact.ts';
import { columnsOf } from '../text/terminal.ts';
import { otlpReports } from './otlp-reports.ts';

/** What `--mode` can be for a run of the monitor. vitest calls it `test` if no mode was given. */
const runModes: Readonly<Record<string, RunMode>> = { test: 'live', offline: 'offline' };

/** A process that hangs ends itself this long after the run. vitest closes what it has open in the meantime. */
const hangGraceMs = 1000;

/**
 * Returns the vitest config for a run of the monitor. A problem that keeps the run from starting is reported as a failure of
 * its first step.
 *
 * @param root the project's directory
 * @param modeName what the user gave as `--mode`
 */
export async function configureMonitorRun(root: string, modeName: string): Promise<ViteUserConfig> {
  surviveOutputErrors(process);
  leaveClosedDirectory(root);
  const baseDir = chooseBaseDir(root, process.cwd());
  const envFile = await readEnvFile(baseDir, process.env);
  // The AWS SDK reads the environment of the worker thread, which is a copy of this one.
  Object.assign(process.env, envFile.added);
  const values = process.env;
  const mode = runModes[modeName] ?? 'offline';
  const results = parseResultsDir(values, baseDir);
  const metrist = parseMetristConfig(values);
  const history = parseHistorySettings(values);
  const summary = parseSummarySettings(values);
  const reporter = createMonitorReporter(root, mode, results.dir, {
    metrist,
    history: history.settings,
    summary: summary.settings,
  });
  // vitest itself may still refuse to start, for example because of a reporter that does not exist.
  process.once('exit', (code) => {
    if (code !== 0 && !reporter.isReporting) removeReport(results.dir);
  });
  const problem = runModes[modeName] === undefined ? describeUnknownMode(modeName) : findMissingPackage(mode);
  if (problem !== undefined) {
    await reporter.failToStart({ name: 'ConfigError', code: 'ConfigError', message: problem });
    process.exit(1);
  }
  const parsed = outline.parseConfig(mode === 'live' ? values : await addOfflineDefaults(values));
  const productProblems = [...envFile.problems, ...results.problems, ...history.problems, ...summary.problems];
  const otherProblems = [...productProblems, ...(mode === 'live' ? metrist.problems : [])];
  const settings = { ...parsed, problems: [...parsed.problems, ...otherProblems] };
  return {
    // Set, because `--config` can name our vitest.config.ts from another working directory.
    root,
    // Otherwise Vite would read .env as well, for variables that it puts into web pages.
    envDir: false,
    plugins: [
      takeOverSignals({ errorOutput: process.stderr }),
      keepUnhandledErrors(process.stderr),
      avoidApiToken(),
      provideToSuite({ mode, settings }),
      addReporter(reporter),
      listSteps(),
    ],
    test: {
      include: ['suites/**/*.suite.ts'],
      setupFiles: mode === 'offline' ? ['mocks/install.ts'] : [],
      reporters: [reporter],
      watch: false,
      // Nothing is written to the project's directory.
      cache: false,
      fsModuleCache: false,
      // One worker is enough, and it needs no Vite to run TypeScript that Node runs as it is.
      pool: 'threads',
      maxWorkers: 1,
      server: { deps: { external: [/\/(history|host|metrics|metrist|mocks|runner|suites|text)\/.*\.ts$/] } },
    },
  };
}

interface ReportSettings {
  readonly metrist: ParsedMetristConfig;
  readonly history: HistorySettings;
  readonly summary: SummarySettings;
}

/** Connects the reporter of the monitor to this process: environment, streams, exit code. */
function createMonitorReporter(
  root: string,
  mode: RunMode,
  resultsDir: string,
  { metrist, history, summary }: ReportSettings,
): MonitorReporter {
  const values = process.env;
  const { name, version } = packageJson;
  hideSecrets(outline.secrets(values));
  return new MonitorReporter({
    monitor: outline.name,
    stepNames: outline.steps.map((step) => step.name),
    version,
    mode,
    ...(metrist.instance !== undefined && { instance: metrist.instance }),
    warnings: outline.findSettingWarnings(values, mode),
    root,
    createReporters: async () => {
      try {
        const [{ createReporters }, { vitestReporters }] = await Promise.all([
          import('../reporters/create-reporters.ts'),
          import('../reporters/vitest-reporters.ts'),
        ]);
        const ours = vitestReporters({
          stepsFile: 'suites/awsiam/steps.ts',
          // An offline run sends nothing.
          metrist: mode === 'live' ? metrist.config : undefined,
          summary,
          userAgent: `${name}/${version}`,
          values,
        });
        // An offline run sends nothing.
        const otlp = mode === 'live' ? otlpReports(values) : {};
        return await createReporters({ mode, frontEnd: 'vitest', resultsDir, history, operations, ...ours, ...otlp });
      } catch (error) {
        // This run has no report, and the report of an earlier run would look like this run's.
        removeReport(resultsDir);
        throw error;
      }
    },
    terminal: {
      color: process.stdout.hasColors?.() ?? false,
      // Read each time, because a window can be resized during a run.
      get columns() {
        return columnsOf(process.stdout, values);
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

async function addOfflineDefaults(values: NodeJS.ProcessEnv): Promise<NodeJS.ProcessEnv> {
  const { offlineDefaults } = await import('../mocks/offline-defaults.ts');
  return { ...values, ...offlineDefaults(values) };
}
