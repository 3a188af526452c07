import path from 'node:path';
import { Option, type Command } from 'commander';
import { readOverview, type Overview } from '../../history/overview.ts';
import { shortenPath } from '../../host/results-dir.ts';
import type { MonitorStatus } from '../../metrist/registration/monitor-config-api.ts';
import type { RunMode } from '../../runner/monitor-run.ts';
import { outline } from '../../suites/awsiam/outline.ts';
import { oneLine } from '../../text/printable.ts';
import { columnsOf } from '../../text/terminal.ts';
import type { RunningContext } from '../command-context.ts';
import { hideAccountOption, instanceOption, modeOption, readHistoryPlace } from '../history-options.ts';
import { createProgress } from '../progress.ts';
import { renderNagios } from './render-nagios.ts';
import { renderStatus } from './render-status.ts';
import { statusJson } from './status-json.ts';

interface StatusArguments {
  readonly json?: boolean;
  readonly nagios?: boolean;
  readonly remote?: boolean;
  readonly mode: RunMode;
  readonly instance?: string;
  readonly hideAccount?: boolean;
}

/** Adds `awsiam status`, which shows the state of the monitor from its history. */
export function addStatusCommand(program: Command, context: RunningContext): void {
  const command = program
    .command('status')
    .description('show the state of IAM by the history of the runs in METRIST_RESULTS_DIR; writes nothing')
    .option('--json', 'print JSON')
    .option('--remote', "also show Metrist's own view")
    .addOption(
      new Option(
        '--nagios',
        'print one line for Nagios or Icinga; exits 0 up, 1 degraded, 2 issues or down, 3 unknown',
      ).conflicts(['json', 'remote']),
    )
    .addOption(modeOption())
    .addOption(
      instanceOption(
        'show the runs of this METRIST_INSTANCE_ID, "" those without one (default: that variable, or the last run)',
      ),
    )
    .addOption(hideAccountOption())
    .action(async (options: StatusArguments) => {
      if (options.remote === true && options.mode === 'offline') {
        command.error(
          "error: option '--remote' cannot be used with '--mode offline': offline runs are not sent to Metrist",
        );
      }
      await showStatus(options, context);
    });
}

/** @throws ConfigError */
async function showStatus(options: StatusArguments, context: RunningContext): Promise<void> {
  const { output, errorOutput, values, onFailure } = context;
  const { resultsDir, instance } = readHistoryPlace(options, context);
  const progress = createProgress(errorOutput, 'reading the history');
  let overview: Overview;
  try {
    overview = await readOverview({
      resultsDir,
      mode: options.mode,
      ...(instance !== undefined && { instance }),
      days: 7,
      nowMs: Date.now(),
      hideAccount: options.hideAccount === true,
    });
  } finally {
    progress.end();
  }
  // What could not be read may be newer than all that was.
  if (overview.state.overall.state === 'no fresh data' && overview.problems.length > 0) {
    for (const problem of overview.problems) errorOutput.write(`error: ${oneLine(problem, 1000)}\n`);
    onFailure();
    return;
  }
  if (options.nagios === true) {
    const { line, exitCode } = renderNagios(overview);
    output.write(line);
    if (exitCode !== 0) onFailure(exitCode);
    return;
  }
  const remote = options.remote === true ? await askMetrist(context) : undefined;
  if (options.json === true) {
    const asked = options.remote === true ? (remote?.status ?? null) : undefined;
    output.write(`${JSON.stringify(statusJson(overview, asked), undefined, 2)}\n`);
  } else {
    output.write(
      renderStatus(overview, {
        columns: columnsOf(output, values),
        color: output.hasColors?.() ?? false,
        runsDir: shortenPath(path.join(resultsDir, 'runs'), process.cwd()),
        ...(remote?.status !== undefined && { remote: remote.status }),
      }),
    );
  }
  if (remote?.problem !== undefined) {
    errorOutput.write(remote.problem);
    onFailure();
  }
}

interface MetristAnswer {
  readonly status?: MonitorStatus;
  /** Why there is no status, for stderr. */
  readonly problem?: string;
}

/** Asks Metrist for its view. What goes wrong is kept, so that our own view comes first. */
async function askMetrist(context: RunningContext): Promise<MetristAnswer> {
  const { withMetrist } = await import('../metrist/with-metrist.ts');
  let problem = '';
  let status: MonitorStatus | undefined;
  let hasAnswered = false;
  const errorOutput = { write: (text: string) => (problem += text) };
  await withMetrist({ ...context, errorOutput }, async (api) => {
    status = await api.status(outline.name);
    hasAnswered = true;
  });
  if (status !== undefined) return { status };
  const reason = 'no result has reached it yet, or it has not loaded the last one yet: try again in a minute';
  return { problem: hasAnswered ? `error: Metrist has no state of ${outline.name}; ${reason}\n` : problem };
}
