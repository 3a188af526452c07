import { abortAfter, settleWithin, OpenTimeoutError } from './deadline.ts';
import { systemClock, type Clock, roundMs } from './clock.ts';
import type { Monitor, Values } from './monitor.ts';
import type { RunMode, SweepReport, TeardownReport } from './monitor-run.ts';
import type { Progress, Remaining } from './progress.ts';
import { hideSecrets, redact } from '../text/redact.ts';
import { runStep, type RunStepOptions } from './run-step.ts';
import { requireConfig, type ParsedSettings } from './settings.ts';
import type { BlockedStep, StepError, StepResult, Verdict } from './step-result.ts';
import { watchForPauses } from './interruption.ts';

export interface MonitorRunnerOptions<Config> {
  /** The monitor's settings, and what else is wrong with how it was started. */
  readonly settings: ParsedSettings<Config>;
  /** What the settings were read from: it may hold secrets, and advice names its variables. */
  readonly values: Values;
  readonly mode: RunMode;
  /** Where settings are made in this front end, as a sentence without its full stop. */
  readonly howToConfigure?: string;
  readonly clock?: Clock;
  /** What the front end began to prepare while it waited for the values. @default prepared when the session is opened */
  readonly prepared?: Promise<void>;
  /** The front end's own limit of a step. @default none beside the monitor's */
  readonly longestStepMs?: number;
  /** For opening the session. @default 30_000 */
  readonly openTimeoutMs?: number;
  /** For all of teardown. @default 60_000 */
  readonly teardownTimeoutMs?: number;
  /** How long teardown looks for what a request without an answer may still make. @default 20_000 */
  readonly watchMs?: number;
  /** For the sweep. @default 60_000 */
  readonly sweepTimeoutMs?: number;
}

/** After these the service still does what it is asked, and a quota is what the sweep is there for. */
const worthSweepingAfter: ReadonlySet<Verdict> = new Set(['quota', 'permission', 'configuration', 'propagation']);

/** A clock that is off by more is corrected in the results and warned about. Answers tell the time in whole seconds. */
const clockToleranceMs = 60_000;

/** What the steps of a run whose session could not be opened fail with. */
interface Unopened {
  readonly error: unknown;
}

/** Something that takes time. */
interface Activity {
  readonly describe: (remaining: readonly Remaining[]) => string;
  readonly sinceMs: number;
  /** `Infinity` if nobody would wait for the limit. */
  readonly limitMs: (remaining: readonly Remaining[]) => number;
}

function describeTeardown(remaining: readonly Remaining[]): string {
  if (remaining.length === 0) return 'ending';
  const names = remaining.map(({ entity }) => entity).join(' and ');
  return `${isOnlyAwaited(remaining) ? 'looking for' : 'removing'} ${names}`;
}

function isOnlyAwaited(remaining: readonly Remaining[]): boolean {
  return remaining.length > 0 && remaining.every(({ isAwaited }) => isAwaited === true);
}

/**
 * One run of a monitor, step by step: what every front end shares. It opens the session, runs each step that is not
 * blocked by an earlier one, tears down. No method throws; all that they return is free of secrets.
 */
export class MonitorRunner<Config, Session> {
  readonly #monitor: Monitor<Config, Session>;
  readonly #options: MonitorRunnerOptions<Config> & Required<Omit<MonitorRunnerOptions<Config>, 'prepared'>>;
  readonly #results = new Map<string, StepResult>();
  #stepTimeoutMs = 0;
  #clockOffsetMs = 0;
  #opened: { readonly session: Session } | Unopened | undefined;
  /** Aborted when the session could not be opened because of a pause of this process. */
  #pausedWhileOpening = new AbortController().signal;
  #activity: Activity;
  /** From the start of the first step to the end of the last one so far, by the monotonic clock. */
  readonly #span = { firstMs: 0, lastMs: 0 };

  constructor(monitor: Monitor<Config, Session>, options: MonitorRunnerOptions<Config>) {
    this.#monitor = monitor;
    this.#options = {
      howToConfigure: 'Set the variables in the environment',
      clock: systemClock,
      longestStepMs: Infinity,
      openTimeoutMs: 30_000,
      teardownTimeoutMs: 60_000,
      watchMs: 20_000,
      sweepTimeoutMs: 60_000,
      ...options,
    };
    hideSecrets(monitor.secrets(options.values));
    this.#activity = this.#begin(() => 'starting');
  }

  /** From the start of the first step to the end of the last one, by the monotonic clock. 0 where no step ran. */
  get durationMs(): number {
    return roundMs(this.#span.lastMs - this.#span.firstMs);
  }

  /** What the run is doing right now. */
  get progress(): Progress {
    const { describe, sinceMs, limitMs } = this.#activity;
    const remaining = this.#remaining();
    const forMs = this.#options.clock.elapsedMs() - sinceMs;
    const limit = limitMs(remaining);
    return redact.value({
      doing: describe(remaining),
      forMs,
      ...(limit !== Infinity && { atMostMs: limit - forMs }),
      remaining,
    });
  }

  #remaining(): readonly Remaining[] {
    if (this.#opened === undefined || !('session' in this.#opened)) return [];
    try {
      return this.#monitor.remaining(this.#opened.session).map((each) => this.#withUsefulCommand(each));
    } catch {
      // It is only shown to a waiting person, so it must not harm the run.
      return [];
    }
  }

  #begin(describe: Activity['describe'], limitMs: number | Activity['limitMs'] = Infinity): Activity {
    const sinceMs = this.#options.clock.elapsedMs();
    return { describe, sinceMs, limitMs: typeof limitMs === 'number' ? () => limitMs : limitMs };
  }

  /**
   * Opens the session. Wrong settings, and whatever fails here, fail the first step.
   *
   * @param signal aborted when the run is cancelled
   */
  async open(signal: AbortSignal): Promise<void> {
    const { settings, mode, openTimeoutMs, prepared, longestStepMs } = this.#options;
    const monitor = this.#monitor;
    const deadline = AbortSignal.timeout(openTimeoutMs);
    const within = AbortSignal.any([signal, deadline]);
    this.#activity = this.#begin(() => 'looking for credentials and opening the connection', openTimeoutMs);
    using pauses = watchForPauses(this.#options.clock);
    try {
      const config = requireConfig(settings);
      this.#stepTimeoutMs = Math.min(monitor.stepTimeoutMs(config), longestStepMs);
      const opening = (prepared ?? monitor.prepare({ mode })).then(() =>
        monitor.openSession(config, { mode, signal: within }),
      );
      const session = await settleWithin(opening, within).catch((error: unknown) => {
        // One that opens when nobody waits for it any more must not stay open.
        opening.then(monitor.closeSession).catch(() => {});
        if (!deadline.aborted || signal.aborted) throw error;
        throw new OpenTimeoutError(openTimeoutMs, error === deadline.reason ? undefined : error);
      });
      hideSecrets(monitor.secrets(this.#options.values, session));
      this.#opened = { session };
    } catch (error) {
      this.#opened = { error };
      this.#pausedWhileOpening = pauses.signal;
    }
  }

  /**
   * Runs a step, or says why it does not run: after a failure or an interruption, when a step before it did not run, and
   * when it has run already.
   *
   * @param signal aborted when the run is cancelled
   */
  async step(name: string, signal: AbortSignal): Promise<StepResult> {
    if (this.#hasRun(name)) return { state: 'blocked', name, reason: `${name} has already run` };
    using pauses = watchForPauses(this.#options.clock);
    const stop = AbortSignal.any([signal, this.#pausedWhileOpening, pauses.signal]);
    const result = redact.value(this.#inServiceTime(await this.#step(name, stop)));
    this.#results.set(name, result);
    return result;
  }

  async #step(name: string, signal: AbortSignal): Promise<StepResult> {
    const index = this.#monitor.steps.findIndex((candidate) => candidate.name === name);
    const step = this.#monitor.steps[index];
    if (step === undefined) return { state: 'blocked', name, reason: `${this.#monitor.name} has no step ${name}` };
    const blocked = this.#blockedBy(index);
    if (blocked !== undefined) return blocked;
    const opened = this.#opened ?? { error: new Error('the session was not opened') };
    const timeoutMs = 'session' in opened ? this.#stepTimeoutMs : 1000;
    const options: RunStepOptions = {
      clock: this.#options.clock,
      timeoutMs,
      signal,
      explain: this.#explain,
      onStart: (context) => {
        this.#activity = this.#begin(() => `${name}: waiting for ${context.waitingFor}`);
      },
    };
    const startMs = this.#options.clock.elapsedMs();
    if (this.#span.lastMs === 0) this.#span.firstMs = startMs;
    const result =
      'session' in opened
        ? await runStep(step, opened.session, options)
        : await runStep({ ...step, run: () => Promise.reject(opened.error) }, undefined, options);
    this.#span.lastMs = startMs + result.durationMs;
    return result;
  }

  readonly #explain = (error: unknown, step: string): StepError => this.#monitor.explain(error, step, this.#options);

  /**
   * Corrects the start of a step where this host's clock is wrong, so that all reports tell the same, true time. The
   * correction stays the same throughout the run unless the clock jumps: steps must not seem to overlap.
   */
  #inServiceTime(result: StepResult): StepResult {
    const opened = this.#opened;
    if (!('startedAt' in result) || opened === undefined || !('session' in opened)) return result;
    const offsetMs = this.#monitor.clockOffsetMs?.(opened.session) ?? 0;
    let startMs = Date.parse(result.startedAt);
    if (Math.abs(offsetMs - this.#clockOffsetMs) > clockToleranceMs) {
      this.#clockOffsetMs = offsetMs;
      // The clock may have jumped since the step began: its new offset belongs to what it says now.
      startMs = this.#options.clock.now().getTime() - result.durationMs;
    }
    return { ...result, startedAt: new Date(startMs + this.#clockOffsetMs).toISOString() };
  }

  get #clockWarnings(): string[] {
    if (this.#clockOffsetMs === 0) return [];
    const amount = describeSpan(Math.abs(this.#clockOffsetMs));
    const direction = this.#clockOffsetMs < 0 ? 'ahead of' : 'behind';
    return [
      `this host's clock is ${amount} ${direction} the service's; the times of the steps are corrected. Set the clock (NTP)`,
    ];
  }

  #hasRun(name: string): boolean {
    const result = this.#results.get(name);
    return result !== undefined && result.state !== 'blocked';
  }

  #blockedBy(index: number): BlockedStep | undefined {
    const { steps } = this.#monitor;
    const name = steps[index]?.name ?? '';
    for (const { name: earlier } of steps.slice(0, index)) {
      const state = this.#results.get(earlier)?.state;
      switch (state) {
        case 'passed':
          break;
        case 'failed':
          return { state: 'blocked', name, reason: `${earlier} failed` };
        case 'interrupted':
          return { state: 'blocked', name, reason: `${earlier} was interrupted` };
        case 'blocked':
        case undefined:
          return { state: 'blocked', name, reason: `${earlier} did not run` };
        default:
          return state satisfies never;
      }
    }
    return undefined;
  }

  /**
   * Removes what the run made. Safe to call twice and after an `open` that failed.
   *
   * @param hurry aborted when there is no more time than this
   */
  async teardown(hurry?: AbortSignal): Promise<TeardownReport> {
    const opened = this.#opened;
    if (opened === undefined || !('session' in opened)) return { leftovers: [], warnings: [] };
    const { teardownTimeoutMs, watchMs } = this.#options;
    const deadline = abortAfter(teardownTimeoutMs, `it took longer than ${teardownTimeoutMs / 1000} s`);
    const signal = hurry === undefined ? deadline : AbortSignal.any([deadline, hurry]);
    this.#activity = this.#begin(describeTeardown, (remaining) =>
      isOnlyAwaited(remaining) ? Math.min(watchMs, teardownTimeoutMs) : teardownTimeoutMs,
    );
    try {
      const report = await settleWithin(this.#monitor.teardown(opened.session, { signal, watchMs }), signal);
      return redact.value({
        leftovers: report.leftovers.map((leftover) => this.#withUsefulCommand(leftover)),
        warnings: [...report.warnings, ...this.#clockWarnings],
      });
    } catch (error) {
      const { message } = this.#explain(error, 'teardown');
      const warnings = [redact.text(`teardown did not finish: ${message}`), ...this.#clockWarnings];
      return { leftovers: [], warnings };
    }
  }

  /** The leftovers of an offline run exist only in its memory, so no command can remove them. */
  #withUsefulCommand<T extends Remaining>(leftover: T): T | Omit<T, 'command'> {
    const { command: _, ...rest } = leftover;
    return this.#options.mode === 'live' ? leftover : rest;
  }

  /**
   * Removes what earlier runs left. Does nothing where the steps showed that the service cannot be reached or relied on:
   * it would only add to its load and to the run's time.
   *
   * @param signal aborted when the run is cancelled
   */
  async sweep(signal: AbortSignal): Promise<SweepReport | undefined> {
    const opened = this.#opened;
    if (opened === undefined || !('session' in opened) || signal.aborted || !this.#isWorthSweeping()) return undefined;
    const { sweepTimeoutMs } = this.#options;
    const deadline = abortAfter(sweepTimeoutMs, `it took longer than ${sweepTimeoutMs / 1000} s`);
    const within = AbortSignal.any([signal, deadline]);
    this.#activity = this.#begin(() => 'looking for what earlier runs left', sweepTimeoutMs);
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
    this.#activity = this.#begin(() => 'ending');
    try {
      if (this.#opened !== undefined && 'session' in this.#opened) this.#monitor.closeSession(this.#opened.session);
    } catch {
      // Everything that counts is done, and the process will end.
    }
  }
}

/** `10 min`, `36 h`, `20784 days` */
function describeSpan(ms: number): string {
  const hours = ms / 3_600_000;
  if (hours < 2) return `${Math.round(ms / 60_000)} min`;
  return hours < 48 ? `${Math.round(hours)} h` : `${Math.round(hours / 24)} days`;
}
