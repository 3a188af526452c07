import { endOf } from '../../history/looks.ts';
import { type RunRecord, toRecord } from '../../history/run-record.ts';
import type { OverallState } from '../../history/state.ts';
import { readTotals, Totals } from '../../history/totals.ts';
import { type PrometheusFormat, renderPrometheus } from '../../metrics/prometheus.ts';
import { type KnownTotals, metricsOfTotals } from '../../reporters/prometheus.ts';
import { RunOutput, type RunOutputOptions } from '../../reporters/run-output.ts';
import { headlineOf } from '../../reporters/state-text.ts';
import type { SteadyBeat } from '../../runner/beat.ts';
import { systemClock } from '../../runner/clock.ts';
import type { MonitorRun } from '../../runner/monitor-run.ts';
import { copyError } from '../../text/copy-error.ts';
import { formatAge } from '../../text/duration.ts';
import { oneLine, plural } from '../../text/printable.ts';
import { redact } from '../../text/redact.ts';
import { painter, type Style } from '../../text/terminal.ts';
import { formatSecond } from '../../text/time.ts';
import type { CommandContext } from '../command-context.ts';
import { runOnce } from '../run/run-once.ts';
import { type RunSetup, setUpRun } from '../run/run-setup.ts';

interface WatchOptions extends Pick<RunOutputOptions, 'output' | 'errorOutput' | 'terminal'> {
  readonly beat: Pick<SteadyBeat, 'next' | 'nextMs'>;
  readonly everyMs: number;
  /**
   * Called before each run with what it is about to do.
   *
   * @returns what it is to do, or `undefined` if it must not start. Then the callee has said why
   */
  readonly onBeat?: (setup: RunSetup) => Promise<RunSetup | undefined>;
  /** Called when a run has ended and is reported. */
  readonly onRun?: (run: MonitorRun) => void;
}

/** Whether runs end on time. */
export interface Health {
  readonly ok: boolean;
  /** One line: how it is, or why not. */
  readonly text: string;
}

const maxMessageLength = 500;

const stateStyles: Readonly<Record<OverallState, Style>> = {
  up: ['bold', 'green'],
  degraded: ['bold', 'yellow'],
  issues: ['bold', 'red'],
  down: ['bold', 'red'],
  blind: ['bold', 'yellow'],
  'no fresh data': ['bold', 'yellow'],
};

/**
 * Runs the monitor on each beat, in one process. Each run reads the settings again, finds credentials and opens connections of
 * its own; only code stays in memory, and what the disk has not taken yet. A crash in a run is that run's failure.
 */
export class WatchLoop {
  readonly #options: WatchOptions;
  readonly #context: CommandContext;
  readonly #beganMs = systemClock.elapsedMs();
  readonly #firstBeatMs: number;
  readonly #counts = { passed: 0, failed: 0, interrupted: 0, skippedBeats: 0 };
  readonly #unwritten: RunRecord[] = [];
  readonly #hanging = new Set<Promise<unknown>>();
  #prepared: Promise<void> | undefined;
  #known: KnownTotals | undefined;
  #instance: string | undefined;
  #state: OverallState | undefined;
  #runBeganMs: number | undefined;
  /** When the last run was over, and when its last step had ended. */
  #lastEnd: { readonly elapsedMs: number; readonly dateMs: number } | undefined;

  constructor(options: WatchOptions, context: CommandContext) {
    this.#options = options;
    this.#context = context;
    this.#firstBeatMs = options.beat.nextMs;
  }

  /** Learns what earlier processes counted, for those who ask before the first run ends. */
  async readTotals(resultsDir: string): Promise<void> {
    const read = await readTotals({ resultsDir });
    this.#known ??= read;
  }

  /** Goes on until the signal is aborted. The run of that moment is torn down and reported. Never rejects. */
  async watch(signal: AbortSignal): Promise<void> {
    using _ = this.#context.onUnhandled((error) => {
      const { message } = copyError(error, redact.text);
      this.#options.errorOutput.write(`unhandled error; the watch goes on: ${oneLine(message, maxMessageLength)}\n`);
    });
    let skippedBeats = 0;
    for (let beat; (beat = await this.#options.beat.next(signal)) !== undefined;) {
      skippedBeats += beat.skipped;
      const planned = await this.#setUp();
      const { onBeat } = this.#options;
      const setup = onBeat === undefined ? planned : await onBeat(planned);
      if (signal.aborted) return;
      if (setup === undefined) {
        skippedBeats += 1;
        continue;
      }
      await this.#run(setup, skippedBeats, signal);
      skippedBeats = 0;
    }
  }

  /** Whether a report of an earlier run hangs. It may keep the process from ending. */
  get isHanging(): boolean {
    return this.#hanging.size > 0;
  }

  /** `61 runs in 2 h 3 min: 60 passed, 1 failed · 1 beat skipped` */
  get summary(): string {
    const { skippedBeats, ...states } = this.#counts;
    const runs = Object.values(states).reduce((sum, count) => sum + count, 0);
    const counted = Object.entries(states).flatMap(([state, count]) => (count > 0 ? [`${count} ${state}`] : []));
    const age = formatAge(systemClock.elapsedMs() - this.#beganMs);
    return [
      `${plural(runs, 'run')} in ${age}${counted.length > 0 ? `: ${counted.join(', ')}` : ''}`,
      ...(skippedBeats > 0 ? [`${plural(skippedBeats, 'beat')} skipped`] : []),
    ].join(' · ');
  }

  /** All runs so far, with the state at this moment. */
  metrics(format: PrometheusFormat): string {
    if (this.#known === undefined) return renderPrometheus([], format);
    const instance = this.#instance;
    const source = { nowMs: this.#nowMs, ...(instance !== undefined && { instance }) };
    return renderPrometheus(metricsOfTotals(this.#known, source), format);
  }

  health(): Health {
    const { everyMs, beat } = this.#options;
    const nowMs = systemClock.elapsedMs();
    const silentMs = nowMs - (this.#lastEnd?.elapsedMs ?? this.#firstBeatMs);
    const running =
      this.#runBeganMs === undefined ? undefined : `one has been running for ${formatAge(nowMs - this.#runBeganMs)}`;
    if (silentMs > 2 * everyMs) {
      return {
        ok: false,
        text: `no run has ended for ${formatAge(silentMs)}, and one is due every ${formatAge(everyMs)}; ${running ?? 'none is running'}`,
      };
    }
    const last = this.#lastEnd === undefined ? 'no run has ended yet' : `the last run ended ${formatAge(silentMs)} ago`;
    return { ok: true, text: `${last}, ${running ?? `the next one starts in ${formatAge(beat.nextMs - nowMs)}`}` };
  }

  /**
   * The time that fits those in the history: on from the end of the last run, by the monotonic clock. This host's date may
   * have jumped since, and the times of a run are corrected if it is wrong.
   */
  get #nowMs(): number {
    if (this.#lastEnd === undefined) return systemClock.now().getTime();
    return this.#lastEnd.dateMs + systemClock.elapsedMs() - this.#lastEnd.elapsedMs;
  }

  async #setUp(): Promise<RunSetup> {
    const { values, baseDir, loadEnvFile } = this.#context;
    const { everyMs } = this.#options;
    const envProblems = await loadEnvFile();
    return await setUpRun(values, {
      mode: 'live',
      frontEnd: 'watch',
      baseDir,
      envProblems,
      intervalSecs: everyMs / 1000,
    });
  }

  async #run(setup: RunSetup, skippedBeats: number, signal: AbortSignal): Promise<void> {
    const { output, errorOutput, terminal, onRun } = this.#options;
    this.#runBeganMs = systemClock.elapsedMs();
    this.#instance = setup.instance;
    let reported: KnownTotals | undefined;
    const { run } = await runOnce(
      {
        setup,
        signal,
        skippedBeats,
        prepared: this.#prepare(),
        output: new RunOutput({
          output,
          errorOutput,
          terminal,
          clock: systemClock,
          isBrief: true,
          hanging: this.#hanging,
        }),
        reporting: {
          // It is made when somebody asks for it.
          isPageWanted: false,
          isDiskHanging: () => this.isHanging,
          unwritten: this.#unwritten,
          onTotals: (totals) => (reported = totals),
        },
      },
      this.#context,
    );
    this.#known =
      reported ?? withRun(this.#known, toRecord(run, { intervalSecs: setup.intervalSecs, frontEnd: 'watch' }));
    this.#counts[run.state] += 1;
    this.#counts.skippedBeats += skippedBeats;
    this.#lastEnd = { elapsedMs: systemClock.elapsedMs(), dateMs: endOf(run) };
    this.#runBeganMs = undefined;
    this.#showState(run);
    onRun?.(run);
  }

  /** Loads and warms up the code of the steps, once for all runs. If that fails, the next run tries it again. */
  #prepare(): Promise<void> {
    this.#prepared ??= import('../../suites/awsiam/monitor.ts').then(({ awsiam }) => awsiam.prepare({ mode: 'live' }));
    // A run whose settings are wrong does not wait for it.
    this.#prepared.catch(() => (this.#prepared = undefined));
    return this.#prepared;
  }

  /** Prints a line if the overall state is another one than after the run before. */
  #showState(run: MonitorRun): void {
    const known = this.#known?.totals.find({ ...run, instance: run.instance ?? '' })?.state.read(endOf(run));
    if (known === undefined) return;
    const { state } = known.overall;
    const before = this.#state;
    this.#state = state;
    if (state === before || (before === undefined && state === 'up')) return;
    const { output, terminal } = this.#options;
    const headline = headlineOf({ state: known, mode: run.mode, lastRun: run });
    const was = before === undefined ? '' : ` (before: ${before})`;
    output.write(
      `${formatSecond(systemClock.now().getTime())}Z ${painter(terminal)(stateStyles[state], `» ${headline}`)}${was}\n`,
    );
  }
}

/** Adds a run to the totals in memory, if the disk did not take them. */
function withRun(known: KnownTotals | undefined, run: RunRecord): KnownTotals {
  const { totals = new Totals(), ...others } = known ?? {};
  const { lastRun } = totals.find({ ...run, instance: run.instance ?? '' }) ?? {};
  // Perhaps it was added, and only the disk did not take the result.
  if (lastRun?.startedAt === run.startedAt) return { ...others, totals };
  // To a copy: the totals count the run themselves as soon as the disk has it.
  const copy = totals.copy();
  copy.add(run);
  return { ...others, totals: copy };
}
