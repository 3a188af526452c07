import { parseHistorySettings } from '../../history/history-settings.ts';
import type { FrontEnd } from '../../history/run-record.ts';
import { removeReport } from '../../host/last-resort.js';
import { parseResultsDir } from '../../host/results-dir.ts';
import { parseSummarySettings } from '../../host/summary-settings.ts';
import { parseMetristConfig } from '../../metrist/config.ts';
import packageJson from '../../package.json' with { type: 'json' };
import type { CreateReportersOptions } from '../../reporters/create-reporters.ts';
import type { RunReporter } from '../../reporters/run-reporter.ts';
import type { MonitorRun, RunMode } from '../../runner/monitor-run.ts';
import type { Values } from '../../runner/monitor.ts';
import { operations, outline } from '../../suites/awsiam/outline.ts';
import { hideSecrets } from '../../text/redact.ts';
import { otlpReports } from '../otlp-reports.ts';

type ParsedMonitorSettings = ReturnType<typeof outline.parseConfig>;

interface RunSetupOptions {
  readonly mode: RunMode;
  readonly frontEnd: FrontEnd;
  /** The directory where a relative `METRIST_RESULTS_DIR` starts. */
  readonly baseDir: string;
  /** Why `.env` could not be read. */
  readonly envProblems: readonly string[];
  /** The time from one run to the next, where the caller knows better than `AWSIAM_INTERVAL_SECS`. */
  readonly intervalSecs?: number;
}

/** What a run needs to know before it starts. */
export interface RunSetup extends Pick<MonitorRun, 'monitor' | 'version' | 'mode' | 'instance' | 'warnings'> {
  readonly stepNames: readonly string[];
  /** The monitor's settings. Their problems include those of all other settings, because each of them fails the run. */
  readonly settings: ParsedMonitorSettings;
  /** The expected time from the start of one run to the start of the next. */
  readonly intervalSecs: number;
  /** Absolute. */
  readonly resultsDir: string;
  /** Makes the reporters of the run. Loads only those that are wanted. */
  readonly createReporters: (more?: Partial<CreateReportersOptions>) => Promise<readonly RunReporter[]>;
}

/**
 * Reads all settings of a run, for every front end but the Orchestrator's: those of the monitor, the results directory,
 * Metrist and the reports. Never throws. From now on the secrets among them are hidden.
 *
 * @param values the environment with what `.env` adds
 */
export async function setUpRun(values: Values, options: RunSetupOptions): Promise<RunSetup> {
  const { mode, frontEnd, baseDir, envProblems } = options;
  hideSecrets(outline.secrets(values));
  const results = parseResultsDir(values, baseDir);
  const metrist = parseMetristConfig(values);
  const history = parseHistorySettings(values);
  const summary = parseSummarySettings(values);
  const parsed = outline.parseConfig(mode === 'live' ? values : await withOfflineDefaults(values));
  const problems = [
    ...parsed.problems,
    ...envProblems,
    ...results.problems,
    ...history.problems,
    ...summary.problems,
    // An offline run sends nothing.
    ...(mode === 'live' ? metrist.problems : []),
  ];
  const { name, version } = packageJson;
  const { intervalSecs = history.settings.intervalSecs } = options;
  return {
    monitor: outline.name,
    stepNames: outline.steps.map((step) => step.name),
    version,
    mode,
    ...(metrist.instance !== undefined && { instance: metrist.instance }),
    warnings: outline.findSettingWarnings(values, mode),
    settings: { ...parsed, problems },
    intervalSecs,
    resultsDir: results.dir,
    createReporters: async (more = {}) => {
      try {
        // Loaded here, so that it does not delay the start of the steps.
        const { createReporters } = await import('../../reporters/create-reporters.ts');
        const { config } = metrist;
        return await createReporters({
          mode,
          frontEnd,
          resultsDir: results.dir,
          history: { ...history.settings, intervalSecs },
          operations,
          stepsFile: 'suites/awsiam/steps.ts',
          ...(mode === 'live' && config && { metrist: { config, userAgent: `${name}/${version}`, values } }),
          summary: summary.settings,
          ...(mode === 'live' && otlpReports(values)),
          ...more,
        });
      } catch (error) {
        // This run has no report, and the report of an earlier run would look like this run's.
        removeReport(results.dir);
        throw error;
      }
    },
  };
}

/** Offline, each setting that is missing has a default. */
async function withOfflineDefaults(values: Values): Promise<Values> {
  const { offlineDefaults } = await import('../../mocks/offline-defaults.ts');
  return { ...values, ...offlineDefaults(values) };
}
