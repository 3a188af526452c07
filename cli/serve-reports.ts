import { parseHistorySettings } from '../history/history-settings.ts';
import { resultsDirText } from '../host/last-resort.js';
import { parseResultsDir } from '../host/results-dir.ts';
import { readInstance } from '../metrist/config.ts';
import type { Reporting } from '../metrist/protocol/serve/conversation.ts';
import packageJson from '../package.json' with { type: 'json' };
import { createReporters } from '../reporters/create-reporters.ts';
import { reportRun } from '../reporters/report-run.ts';
import type { RunReporter } from '../reporters/run-reporter.ts';
import type { Values } from '../runner/monitor.ts';
import { operations } from '../suites/awsiam/outline.ts';
import { otlpReports } from './otlp-reports.ts';

interface CreateReportingOptions {
  /** The directory where a relative `METRIST_RESULTS_DIR` starts. */
  readonly baseDir: string;
  /** Called with `true` while reports are written. It stays `true` if one of them hangs, which may keep the process from ending. */
  readonly onHang: (isHanging: boolean) => void;
}

/**
 * The reports of a run under the Orchestrator. A wrong setting of theirs is no reason not to watch IAM: the run goes on with
 * the default, or without files, and the log says so.
 */
export function createReporting(values: Values, { baseDir, onHang }: CreateReportingOptions): Reporting {
  const results = parseResultsDir(values, baseDir);
  const history = parseHistorySettings(values);
  const instance = readInstance(values);
  // The Orchestrator's host has no default directory: whoever wants files says where.
  const resultsDir = resultsDirText(values) === '' || results.problems.length > 0 ? undefined : results.dir;
  const create = async (): Promise<readonly RunReporter[]> =>
    await createReporters({
      mode: 'live',
      frontEnd: 'orchestrator',
      history: history.settings,
      operations,
      ...(resultsDir !== undefined && { resultsDir }),
      ...otlpReports(values),
    });
  return {
    version: packageJson.version,
    ...(instance.value !== undefined && { instance: instance.value }),
    problems: [
      ...results.problems.map((problem) => `${problem}; no file is written`),
      ...history.problems.map((problem) => `${problem}; the default is used`),
      ...(instance.problem === undefined ? [] : [`${instance.problem}; it is left out of the reports`]),
    ],
    report: async (run, signal) => {
      onHang(true);
      const { outcomes, isHanging } = await reportRun(create, run, { signal });
      onHang(isHanging);
      return outcomes.filter(({ ok }) => !ok).map(({ text }) => text);
    },
  };
}
