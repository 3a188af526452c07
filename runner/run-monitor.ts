import { settleWithin } from './abort.ts';
import { systemClock, type Clock } from './clock.ts';
import { explainSafely } from './explain-safely.ts';
import type { Monitor, Values } from './monitor.ts';
import type { RunMode, SweepReport, TeardownReport } from './monitor-run.ts';
import { OpenTimeoutError } from './open-timeout-error.ts';
import { hideSecrets, redact } from './redact.ts';
import { runStep } from './run-step.ts';
import type { BlockedStep, StepResult } from './step-result.ts';
import type { Verdict } from './verdict.ts';

export interface MonitorRunnerOptions {
  readonly values: Values;
  readonly mode: RunMode;
  /** What is wrong with the front end's own settings. */
  readonly otherProblems?: readonly string[];
  readonly clock?: Clock;
  /** What the front end began to prepare while it waited for the values. @default prepared when the session is opened */
  readonly prepared?: Promise<void>;
  /** The front end's own limit of a step. @default none beside the monitor's */
  readonly longestStepMs?: number;
  /** For opening the session. @default 30_000 */
  readonly openTimeoutMs?: number;
  /** For all of teardown. @default 60_000 */
  readonly teardownTimeoutMs?: number;
  /** For the sweep. @default 60_000 */
  readonly sweepTimeoutMs?: number;
}

/** After these the service still does what it is asked, and a quota is what the sweep is there for. */
const worthSweepingAfter: ReadonlySet<Verdict> = new Set(['quota', 'permission', 'configuration', 'propagation']);

/** What the steps of a run whose session could not be opened fail with. */
interface Unopened {
  readonly error: unknown;
}

/**
 * One run of a monitor, step by step: what every front end shares. It opens the session, runs each step that is not
 * blocked by an earlier one, tears down. No method throws; all that they return is free of secrets.
 */
export class MonitorRunner<Config, Session> {
  readonly #monitor: Monitor<Config, Session>;
  readonly #options: MonitorRunnerOptions & Required<Omit<MonitorRunnerOptions, 'prepared'>>;
  readonly #results = new Map<string, StepResult>();
  #stepTimeoutMs = 0;
  #opened: { readonly session: Session } | Unopened | undefined;

  constructor(monitor: Monitor<Config, Session>, options: MonitorRunnerOptions) {
    this.#monitor = monitor;
    this.#options = {
      otherProblems: [],
      clock: systemClock,
      longestStepMs: Infinity,
      openTimeoutMs: 30_000,
      teardownTimeoutMs: 60_000,
      sweepTimeoutMs: 60_000,
      ...options,
    };
    hideSecrets(monitor.secrets(options.values));
  }

  /**
   * Parses the configuration and opens the session. What fails here fails the first step.
   *
   * @param signal aborted when the run is cancelled
   */
  async open(signal: AbortSignal): Promise<void> {
    const { values, mode, otherProblems, openTimeoutMs, prepared, longestStepMs } = this.#options;
    const monitor = this.#monitor;
    const deadline = AbortSignal.timeout(openTimeoutMs);
    const within = AbortSignal.any([signal, deadline]);
    try {
      const config = monitor.parseConfig(values, otherProblems);
      this.#stepTimeoutMs = Math.min(monitor.stepTimeoutMs(config), longestStepMs);
      const opening = (prepared ?? monitor.prepare({ mode })).then(() =>
        monitor.openSession(config, { mode, signal: within }),
      );
      const session = await settleWithin(opening, within).catch((error: unknown) => {
        // One that opens when nobody waits for it any more must not stay open.
        opening.then(monitor.closeSession).catch(() => {});
        throw deadline.aborted && !signal.aborted ? new OpenTimeoutError(openTimeoutMs, error) : error;
      });
      hideSecrets(monitor.secrets(values, session));
      this.#opened = { session };
    } catch (error) {
      this.#opened = { error };
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
    const result = redact.value(await this.#step(name, signal));
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
    const options = { clock: this.#options.clock, signal, explain: this.#monitor.explain };
    if ('session' in opened) {
      return await runStep(step, opened.session, { ...options, timeoutMs: this.#stepTimeoutMs });
    }
    const failing = { ...step, run: () => Promise.reject(opened.error) };
    return await runStep(failing, undefined, { ...options, timeoutMs: 1000 });
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
    const deadline = AbortSignal.timeout(this.#options.teardownTimeoutMs);
    const signal = hurry === undefined ? deadline : AbortSignal.any([deadline, hurry]);
    try {
      const report = await settleWithin(this.#monitor.teardown(opened.session, { signal }), signal);
      return redact.value(report);
    } catch (error) {
      const { message } = explainSafely(this.#monitor.explain, error, 'teardown');
      return { leftovers: [], warnings: [redact.text(`teardown did not finish: ${message}`)] };
    }
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
    const within = AbortSignal.any([signal, AbortSignal.timeout(this.#options.sweepTimeoutMs)]);
    try {
      return redact.value(await settleWithin(this.#monitor.sweep(opened.session, { signal: within }), within));
    } catch (error) {
      const { message } = explainSafely(this.#monitor.explain, error, 'sweep');
      return { removed: 0, remaining: 0, warnings: [redact.text(`the sweep did not finish: ${message}`)] };
    }
  }

  #isWorthSweeping(): boolean {
    const failed = [...this.#results.values()].find((result) => result.state === 'failed');
    return failed === undefined || worthSweepingAfter.has(failed.error.verdict);
  }

  /** Closes the session. Nothing runs afterwards. */
  close(): void {
    try {
      if (this.#opened !== undefined && 'session' in this.#opened) this.#monitor.closeSession(this.#opened.session);
    } catch {
      // Everything that counts is done, and the process will end.
    }
  }
}
