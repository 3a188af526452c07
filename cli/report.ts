import path from 'node:path';
import { Option, type Command } from 'commander';
import type { Overview } from '../history/overview.ts';
import { makeDir } from '../host/make-dir.ts';
import { replaceFile } from '../host/write-file.ts';
import { shortenPath } from '../host/results-dir.ts';
import packageJson from '../package.json' with { type: 'json' };
import type { RunMode } from '../runner/monitor-run.ts';
import { operations } from '../suites/awsiam/outline.ts';
import { formatCount } from '../text/number.ts';
import { messageOf, oneLine, plural } from '../text/printable.ts';
import { dayMs } from '../text/time.ts';
import type { RunningContext } from './command-context.ts';
import { hideAccountOption, instanceOption, modeOption, readHistoryPlace } from './history-options.ts';
import { wholeNumberOption } from './options.ts';
import { createProgress, type Progress } from './progress.ts';

interface ReportArguments {
  readonly days: number;
  /** A path, or `-` for stdout. @default `report.html` in the results directory; with `csv`, stdout */
  readonly out?: string;
  readonly open?: boolean;
  readonly csv?: boolean;
  readonly mode: RunMode;
  readonly instance?: string;
  readonly hideAccount?: boolean;
}

/** Ten years. */
const maxDays = 3650;
/** How much of a table is written at once. */
const partLength = 65_536;

/** Adds `awsiam report`, which writes the last days of the history as one HTML file or as CSV. */
export function addReportCommand(program: Command, context: RunningContext): void {
  const command = program
    .command('report')
    .description('write the history of the last days as one HTML file with charts, or as CSV')
    .addOption(
      wholeNumberOption(
        '--days <number>',
        'how much to show: so many times 24 hours before now',
        { least: 1, most: maxDays },
        7,
      ),
    )
    .option(
      '--out <file>',
      'where to write; - is stdout (default: report.html in the results directory; with --csv stdout)',
    )
    .option('--open', 'open the file in the browser')
    .addOption(new Option('--csv', 'write CSV: one row for each step of each run').conflicts('open'))
    .addOption(modeOption())
    .addOption(
      instanceOption(
        'show the runs of this METRIST_INSTANCE_ID, "" those without one (default: that variable, or the last run; with --csv all)',
      ),
    )
    .addOption(hideAccountOption())
    .action(async (options: ReportArguments) => {
      if (options.open === true && options.out === '-') {
        command.error("error: option '--open' cannot be used with '--out -'");
      }
      await (options.csv === true ? writeCsv(options, context) : writeReport(options, context));
    });
}

/** @throws ConfigError */
async function writeReport(options: ReportArguments, context: RunningContext): Promise<void> {
  const { output, signal } = context;
  const { days, mode, open = false, hideAccount = false } = options;
  const { resultsDir, instance } = readHistoryPlace(options, context);
  const { out = path.join(resultsDir, 'report.html') } = options;
  const nowMs = Date.now();
  // Loaded here, because no other command needs them.
  const [{ readOverview }, { wholeRun }, { renderReport }, { withMark }] = await Promise.all([
    import('../history/overview.ts'),
    import('../history/run-table.ts'),
    import('../reporters/html/page.ts'),
    import('../reporters/report-file.ts'),
  ]);
  using progress = startProgress(options, context);
  const overview = await readOverview({
    resultsDir,
    mode,
    ...(instance !== undefined && { instance }),
    days,
    nowMs,
    hideAccount,
    signal,
  });
  const { otherInstances } = overview;
  const { runs } = overview.table.figures(wholeRun, overview.window);
  if (isUnreadable(runs, overview, context)) return;
  const page = withMark(
    renderReport(overview, { generatedMs: nowMs, version: packageJson.version, operations }),
    overview,
  );
  const isWritten = out === '-' ? await writeOut(page, context) : await writeFile(out, page, context);
  progress.end();
  if (!isWritten) return;
  if (out !== '-') output.write(`${shownPath(out)}: ${describeRuns(runs, options)}, ${formatBytes(page)}\n`);
  warnOfGaps(overview, context);
  if (otherInstances.length > 0) {
    const names = oneLine(otherInstances.join(', '), 200);
    context.errorOutput.write(`! it does not show the runs of ${names}: choose them with --instance\n`);
  }
  if (open) await openInBrowser(out, context);
}

/** @throws ConfigError */
async function writeCsv(options: ReportArguments, context: RunningContext): Promise<void> {
  const { output, signal } = context;
  const { out = '-', days, mode, instance, hideAccount = false } = options;
  const { resultsDir } = readHistoryPlace(options, context);
  const [{ HistoryReader }, { dayOf }, { csvHeader, renderCsvRows }] = await Promise.all([
    import('../history/read-history.ts'),
    import('../history/day-files.ts'),
    import('../reporters/csv.ts'),
  ]);
  const from = new Date(Date.now() - days * dayMs).toISOString();
  const history = new HistoryReader({
    dir: path.join(resultsDir, 'runs'),
    fromDay: dayOf(from),
    mode,
    hideAccount,
    signal,
  });
  let runs = 0;
  let rows = 0;
  // In parts, so that it needs no more memory for a longer history.
  async function* renderCsv(): AsyncGenerator<string> {
    let part = csvHeader;
    for await (const run of history) {
      if (run.startedAt < from || (instance !== undefined && (run.instance ?? '') !== instance)) continue;
      runs += 1;
      rows += run.steps.length;
      part += renderCsvRows(run);
      if (part.length < partLength) continue;
      yield part;
      part = '';
    }
    yield part;
  }
  using progress = startProgress(options, context);
  if (out === '-') {
    for await (const part of renderCsv()) {
      // Nobody reads on, as after `| head`.
      if (!(await writeOut(part, context))) return;
    }
  } else if (!(await writeFile(out, renderCsv(), context))) return;
  progress.end();
  if (isUnreadable(runs, history, context)) return;
  if (out !== '-') output.write(`${shownPath(out)}: ${describeRuns(runs, options)}, ${plural(rows, 'row')}\n`);
  warnOfGaps(history, context);
}

/** What the history could not give. */
type Gaps = Pick<Overview, 'skipped' | 'problems'>;

/** Prints why the history could not be read and makes the command fail, if it gave no run because of that. */
function isUnreadable(runs: number, { problems }: Gaps, { errorOutput, onFailure }: RunningContext): boolean {
  if (runs > 0 || problems.length === 0) return false;
  for (const problem of problems) errorOutput.write(`error: ${oneLine(problem, 1000)}\n`);
  onFailure();
  return true;
}

function warnOfGaps({ skipped, problems }: Gaps, { errorOutput }: RunningContext): void {
  for (const problem of problems) errorOutput.write(`! ${oneLine(problem, 1000)}\n`);
  if (skipped > 0) errorOutput.write(`! left out of it: ${plural(skipped, 'line')} of the history that are no runs\n`);
}

/** Shows that the command still works, unless it prints to the same terminal. */
function startProgress({ out, csv = false }: ReportArguments, context: RunningContext): Progress & Disposable {
  const isPrinting = out === '-' || (csv && out === undefined);
  const isMixed = isPrinting && context.output.isTTY === true;
  const progress = createProgress(isMixed ? { write: () => {} } : context.errorOutput, 'reading the history');
  return { ...progress, [Symbol.dispose]: () => progress.end() };
}

/** @returns whether it could be written */
async function writeOut(text: string, { output }: RunningContext): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  // Waits until the reader has taken it.
  output.write(text, (error) => resolve(!error));
  return await promise;
}

/** @returns whether the file could be written. If not, it has printed why */
async function writeFile(out: string, data: string | AsyncIterable<string>, context: RunningContext): Promise<boolean> {
  const file = path.resolve(out);
  try {
    await makeDir(path.dirname(file));
    await replaceFile(file, data);
    return true;
  } catch (error) {
    if (context.signal.aborted) throw error;
    const reason = oneLine(messageOf(error), 200);
    context.errorOutput.write(
      `error: ${shownPath(out)} could not be written: ${reason}; name another file with --out\n`,
    );
    context.onFailure();
    return false;
  }
}

async function openInBrowser(out: string, { environment, errorOutput, onFailure }: RunningContext): Promise<void> {
  const { openFile } = await import('../host/open-file.ts');
  const problem = await openFile(path.resolve(out), { values: environment });
  if (problem === undefined) return;
  errorOutput.write(`error: ${shownPath(out)} could not be opened: ${problem}; open it in a browser yourself\n`);
  onFailure();
}

function shownPath(out: string): string {
  return shortenPath(path.resolve(out), process.cwd());
}

/** `5,018 live runs of 7 days` */
function describeRuns(runs: number, { mode, days }: ReportArguments): string {
  const count = formatCount(runs);
  return `${count} ${mode} ${runs === 1 ? 'run' : 'runs'} of ${plural(days, 'day')}`;
}

/** `1.2 MB`, `48 kB` */
function formatBytes(text: string): string {
  const bytes = Buffer.byteLength(text);
  return bytes < 999_500 ? `${Math.ceil(bytes / 1000)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
