import { abortAfter, abortLater, abortWith, openInTime, settleWithin } from './deadline.ts';
import { systemClock, type Clock, roundMs } from './clock.ts';
import type { Monitor, Values } from './monitor.ts';
import type { RunFacts, RunMode, SweepReport, TeardownReport } from './monitor-run.ts';
import type { Progress, Remaining } from './progress.ts';
import { formatLimit, formatSpan } from '../text/duration.ts';
import { forgetOldSecrets, hideSecrets, redact } from '../text/redact.ts';
import { runStep, type RunStepOptions } from './run-step.ts';
import { requireConfig, type ParsedSettings } from './settings.ts';
import type { StepError, StepResult, Verdict } from './step-result.ts';
import { watchForPauses } from './interruption.ts';

export interface MonitorRunnerOptions<Config> {
  /** The monitor's settings. Their problems include everything else that is wrong with how the run was started. */
  readonly settings: ParsedSettings<Config>;
  /** What the settings were read from. It may hold secrets, and advice names its variables. */
  readonly values: Values;
  readonly mode: RunMode;
  /** How to set the settings in this front end, as a sentence without its full stop. */
  readonly howToConfigure?: string;
  readonly clock?: Clock;
  /** Given by a front end that calls the monitor's `prepare` itself. @default `open` calls it */
  readonly prepared?: Promise<void>;
  /** A limit of the front end, in addition to the monitor's step timeout. @default none */
  readonly longestStepMs?: number;
  /** Time limit for opening the session. @default 30_000 */
  readonly openTimeoutMs?: number;
  /** Time limit for teardown. @default 60_000 */
  readonly teardownTimeoutMs?: number;
  /** How long teardown looks for what a request without an answer may still create. @default 20_000 */
  readonly watchMs?: number;
  /** How long it goes on looking once the run has to stop. @default 4_000 */
  readonly stoppedWatchMs?: number;
  /** Time limit for the sweep. @default 60_000 */
  readonly sweepTimeoutMs?: number;
}

interface TeardownOptions {
  readonly stop?: AbortSignal;
  readonly timeUp?: AbortSignal;
}

/** A sweep can still succeed after a failure with one of these verdicts. It may even free what a quota limits. */
const worthSweepingAfter: ReadonlySet<Verdict> = new Set(['quota', 'permission', 'configuration', 'propagation']);

/** Why a step blocks the steps after it, by its state. */
export const blockingReasons = {
  failed: 'failed',
  interrupted: 'was interrupted',
  blocked: 'did not run',
} as const satisfies Record<Exclude<StepResult['state'], 'passed'>, string>;

/** If this host's clock is off by more, the results are corrected and a warning is given. Dates in answers are whole seconds. */
const clockToleranceMs = 60_000;

/** What the run is doing right now. */
interface Activity {
  readonly sinceMs: number;
  readonly describe: (remaining: readonly Remaining[]) => { readonly doing: string; readonly limitMs?: number };
}

/**
 * One run of a monitor, step by step, shared by all front ends. It opens the session, runs each step unless an earlier one
 * blocks it, and tears down. No method throws, and nothing that they return contains secrets.
 */
export class MonitorRunner<Config, Session> {
  readonly #monitor: Monitor<Config, Session>;
  readonly #options: MonitorRunnerOptions<Config> & Required<Omit<MonitorRunnerOptions<Config>, 'prepared'>>;
  readonly #results = new Map<string, StepResult>();
  #stepTimeoutMs = 0;
  #clockOffsetMs = 0;
  #opened: { readonly session: Session } | undefined;
  /** Why the session is not open. The first step fails with it. */
  #openError: unknown = new Error('the session was not opened');
  /** Aborted if a pause of this process kept the session from opening. */
  #pausedWhileOpening = new AbortController().signal;
  #activity: Activity;
  /** Start of the first step and end of the last one so far, by the monotonic clock. */
  #span: { readonly firstMs: number; readonly lastMs: number } | undefined;

  constructor(monitor: Monitor<Config, Session>, options: MonitorRunnerOptions<Config>) {
    this.#monitor = monitor;
    this.#options = {
      howToConfigure: 'Set the variables in the environment',
      clock: systemClock,
      longestStepMs: Infinity,
      openTimeoutMs: 30_000,
      teardownTimeoutMs: 60_000,
      watchMs: 20_000,
      // Docker and CI systems kill ten seconds after they have asked a run to stop, and the reports are still to come.
      stoppedWatchMs: 4000,
      sweepTimeoutMs: 60_000,
      ...options,
    };
    forgetOldSecrets();
    hideSecrets(monitor.secrets(options.values));
    this.#activity = { sinceMs: this.#options.clock.elapsedMs(), describe: () => ({ doing: 'starting' }) };
  }

  /** From the start of the first step to the end of the last one, by the monotonic clock. 0 if no step ran. */
  get durationMs(): number {
    return this.#span === undefined ? 0 : roundMs(this.#span.lastMs - this.#span.firstMs);
  }

  /** The results so far, in the order in which the steps were asked for. */
  get results(): readonly StepResult[] {
    return [...this.#results.values()];
  }

  /** Where the run works, as far as it is known. */
  get facts(): RunFacts {
    const { config } = this.#options.settings;
    if (config === undefined) return {};
    try {
      return redact.value(this.#monitor.facts?.(config, this.#opened?.session) ?? {});
    } catch {
      // These only complete the record, so a bug here must not harm the run.
      return {};
    }
  }

  /** What the run is doing right now. */
  get progress(): Progress {
    const remaining = this.#remaining();
    const { doing, limitMs } = this.#activity.describe(remaining);
    const forMs = this.#options.clock.elapsedMs() - this.#activity.sinceMs;
    return redact.value({ doing, forMs, ...(limitMs !== undefined && { atMostMs: limitMs - forMs }), remaining });
  }

  #remaining(): readonly Remaining[] {
    if (this.#opened === undefined) return [];
    try {
      return this.#monitor.remaining(this.#opened.session).map((each) => this.#withoutUselessCommand(each));
    } catch {
      // This is only for display, so a bug here must not harm the run.
      return [];
    }
  }

  #begin(describe: Activity['describe']): void {
    this.#activity = { sinceMs: this.#options.clock.elapsedMs(), describe };
  }

  /**
   * Opens the session. Wrong settings, and everything that fails here, make the first step fail.
   *
   * @param signal aborted when the run is cancelled
   */
  async open(signal: AbortSignal): Promise<void> {
    const { settings, mode, openTimeoutMs, prepared, longestStepMs } = this.#options;
    const monitor = this.#monitor;
    this.#begin(() => ({
      doing: 'looking for credentials and opening the connection',
      limitMs: openTimeoutMs,
    }));
    using pauses = watchForPauses(this.#options.clock);
    try {
      const config = requireConfig(settings);
      this.#stepTimeoutMs = Math.min(monitor.stepTimeoutMs(config), longestStepMs);
      const open = async (within: AbortSignal): Promise<Session> => {
        await (prepared ?? monitor.prepare({ mode }));
        return await monitor.openSession(config, { mode, signal: within });
      };
      const session = await openInTime(open, monitor.closeSession, openTimeoutMs, signal);
      hideSecrets(monitor.secrets(this.#options.values, session));
      this.#opened = { session };
    } catch (error) {
      this.#openError = error;
      this.#pausedWhileOpening = pauses.signal;
    }
  }

  /**
   * Runs a step, or says why it does not run: it has already run, or a step before it did not pass.
   *
   * @param signal aborted when the run is cancelled
   */
  async step(name: string, signal: AbortSignal): Promise<StepResult> {
    if (this.#stateOf(name) !== 'blocked') return { state: 'blocked', name, reason: `${name} has already run` };
    using pauses = watchForPauses(this.#options.clock);
    using stop = abortWith(signal, this.#pausedWhileOpening, pauses.signal);
    const result = redact.value(this.#inServiceTime(await this.#step(name, stop.signal)));
    this.#results.set(name, result);
    return result;
  }

  async #step(name: string, signal: AbortSignal): Promise<StepResult> {
    const { steps } = this.#monitor;
    const index = steps.findIndex((candidate) => candidate.name === name);
    const step = steps[index];
    if (step === undefined) return { state: 'blocked', name, reason: `${this.#monitor.name} has no step ${name}` };
    for (const { name: earlier } of steps.slice(0, index)) {
      const state = this.#stateOf(earlier);
      if (state !== 'passed') return { state: 'blocked', name, reason: `${earlier} ${blockingReasons[state]}` };
    }
    const opened = this.#opened;
    const options: RunStepOptions = {
      clock: this.#options.clock,
      timeoutMs: opened === undefined ? 1000 : this.#stepTimeoutMs,
      signal,
      explain: this.#explain,
      onStart: (context) => this.#begin(() => ({ doing: `${name}: waiting for ${context.waitingFor}` })),
    };
    const startMs = this.#options.clock.elapsedMs();
    const result =
      opened === undefined
        ? await runStep({ ...step, run: () => Promise.reject(this.#openError) }, undefined, options)
        : await runStep(step, opened.session, options);
    this.#span = { firstMs: this.#span?.firstMs ?? startMs, lastMs: startMs + result.durationMs };
    return result;
  }

  readonly #explain = (error: unknown, step: string): StepError => this.#monitor.explain(error, step, this.#options);

  /**
   * Corrects the start of a step if this host's clock is wrong. The correction stays the same for the whole run unless the
   * clock jumps, so that steps do not seem to overlap.
   */
  #inServiceTime(result: StepResult): StepResult {
    if (!('startedAt' in result) || this.#opened === undefined) return result;
    const offsetMs = this.#monitor.clockOffsetMs?.(this.#opened.session) ?? 0;
    let startMs = Date.parse(result.startedAt);
    if (Math.abs(offsetMs - this.#clockOffsetMs) > clockToleranceMs) {
      this.#clockOffsetMs = offsetMs;
      // The clock may have jumped during the step. Its new offset is only right for its current time.
      startMs = this.#options.clock.now().getTime() - result.durationMs;
    }
    return { ...result, startedAt: new Date(startMs + this.#clockOffsetMs).toISOString() };
  }

  get #clockWarnings(): string[] {
    if (this.#clockOffsetMs === 0) return [];
    const amount = formatSpan(Math.abs(this.#clockOffsetMs));
    const direction = this.#clockOffsetMs < 0 ? 'ahead of' : 'behind';
    return [
      `this host's clock is ${amount} ${direction} the service's; the times of the steps are corrected. Set the clock (NTP)`,
    ];
  }

  /** The state of a step so far. It is `blocked` also before the step is requested. */
  #stateOf(name: string): StepResult['state'] {
    return this.#results.get(name)?.state ?? 'blocked';
  }

  /**
   * Removes what the run made. May be called twice, and after `open` failed.
   *
   * @param options.stop aborted when the run has to stop. Teardown then removes what exists, and soon stops looking for what
   * may still appear: whoever stopped the run may kill it before it has reported its results
   * @param options.timeUp aborted when teardown has to end at once
   */
  async teardown({ stop, timeUp }: TeardownOptions = {}): Promise<TeardownReport> {
    const opened = this.#opened;
    if (opened === undefined) return { leftovers: [], warnings: [] };
    const { clock, teardownTimeoutMs, watchMs, stoppedWatchMs } = this.#options;
    const tooLong = `it took longer than ${formatLimit(teardownTimeoutMs)}`;
    using deadline = abortAfter(teardownTimeoutMs, tooLong, ...(timeUp === undefined ? [] : [timeUp]));
    const { signal } = deadline;
    const begunMs = clock.elapsedMs();
    let watchEndMs = watchMs;
    using stopped = abortLater(stoppedWatchMs, stop, () => {
      watchEndMs = Math.min(watchMs, clock.elapsedMs() - begunMs + stoppedWatchMs);
    });
    using watch = abortAfter(watchMs, `gave up after ${formatLimit(watchMs)}`, stopped.signal);
    this.#begin((remaining) => {
      if (remaining.length === 0) return { doing: 'ending', limitMs: teardownTimeoutMs };
      const names = remaining.map(({ entity }) => entity).join(' and ');
      return remaining.every(({ isAwaited }) => isAwaited === true)
        ? { doing: `looking for ${names}`, limitMs: Math.min(watchEndMs, teardownTimeoutMs) }
        : { doing: `removing ${names}`, limitMs: teardownTimeoutMs };
    });
    try {
      const tearingDown = this.#monitor.teardown(opened.session, { signal, watch: watch.signal });
      const report = await settleWithin(tearingDown, signal);
      return redact.value({
        leftovers: report.leftovers.map((leftover) => this.#withoutUselessCommand(leftover)),
        warnings: [...report.warnings, ...this.#clockWarnings],
      });
    } catch (error) {
      const { message } = this.#explain(error, 'teardown');
      const warnings = [redact.text(`teardown did not finish: ${message}`), ...this.#clockWarnings];
      return { leftovers: [], warnings };
    }
  }

  /** No command can remove the leftovers of an offline run: they exist only in its memory. */
  #withoutUselessCommand<T extends Remaining>(leftover: T): T | Omit<T, 'command'> {
    const { command: _, ...rest } = leftover;
    return this.#options.mode === 'live' ? leftover : rest;
  }

  /**
   * Removes what earlier runs left. Does nothing if the steps showed that the service is unreachable or unreliable: the
   * sweep would only add load and take time.
   *
   * @param signal aborted when the run is cancelled
   */
  async sweep(signal: AbortSignal): Promise<SweepReport | undefined> {
    const opened = this.#opened;
    if (opened === undefined || signal.aborted || !this.#isWorthSweeping()) return undefined;
    const { sweepTimeoutMs } = this.#options;
    using deadline = abortAfter(sweepTimeoutMs, `it took longer than ${formatLimit(sweepTimeoutMs)}`, signal);
    const within = deadline.signal;
    this.#begin(() => ({ doing: 'looking for what earlier runs left', limitMs: sweepTimeoutMs }));
    try {
      return redact.value(await settleWithin(this.#monitor.sweep(opened.session, { signal: within }), within));
    } catch (error) {
      const { message } = this.#explain(error, 'sweep');
      return { removed: 0, remaining: 0, warnings: [redact.text(`the sweep did not finish: ${message}`)] };
    }
  }

  #isWorthSweeping(): boolean {
    const failed = [...this.#results.values()].find((result) => result.state === 'failed');
    return failed === undefined || worthSweepingAfter.has(failed.error.verdict);
  }

  /** Closes the session. Nothing runs afterwards. */
  close(): void {
    this.#begin(() => ({ doing: 'ending' }));
    try {
      if (this.#opened !== undefined) this.#monitor.closeSession(this.#opened.session);
    } catch {
      // The results are complete, and the process will end.
    }
  }
}
