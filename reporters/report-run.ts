import type { MonitorRun } from '../runner/monitor-run.ts';
import { formatLimit } from '../text/duration.ts';
import type { ReportOutcome, RunReporter } from './run-reporter.ts';

interface ReportRunOptions {
  /** Aborted when the time for reports is over. @default never */
  readonly signal?: AbortSignal;
  /** Called when the wait for a reporter begins. Disposed when it ends. */
  readonly onWait?: (what: string, timeoutMs: number) => Disposable;
  /**
   * What still waits for a disk that hangs. Kept by a process that goes on after this run: as long as there is anything in it,
   * no report asks the disk again, because each one that hangs takes one of Node's few threads.
   */
  readonly hanging?: Set<Promise<unknown>>;
}

export interface ReportedRun {
  /** One of each reporter, in their order. */
  readonly outcomes: readonly ReportOutcome[];
  /** Whether a reporter was given up. It may keep the process from ending. */
  readonly isHanging: boolean;
}

/** Time limit for one report, unless the reporter sets its own. */
const defaultTimeoutMs = 10_000;
const ticksOfDeadline = 10;

/** Hands a finished run to reporters, one after the other. Never rejects: whatever goes wrong is an outcome. */
export async function reportRun(
  createReporters: () => Promise<readonly RunReporter[]>,
  run: MonitorRun,
  options: ReportRunOptions = {},
): Promise<ReportedRun> {
  const reporting = new Reporting(options);
  try {
    const reporters = await createReporters();
    for (const reporter of reporters) {
      // If this fails, the report itself says so.
      await reporting.wait({ what: reporter.what, isOnDisk: true }, async () => await reporter.prepare?.(run));
    }
    const outcomes: ReportOutcome[] = [];
    for (const reporter of reporters) {
      const { what, required = false, isOnDisk = false } = reporter;
      if (isOnDisk && options.hanging !== undefined && options.hanging.size > 0) {
        outcomes.push({ ok: false, text: `${what}: not reported, because the disk still does not answer`, required });
        continue;
      }
      outcomes.push(await reporting.wait(reporter, () => reporter.report(run, [...outcomes])));
    }
    return { outcomes, isHanging: reporting.isHanging };
  } catch (error) {
    const text = `the reports could not be written: ${String(error)}`;
    return { outcomes: [{ ok: false, text }], isHanging: reporting.isHanging };
  }
}

class Reporting {
  readonly #options: ReportRunOptions;
  isHanging = false;

  constructor(options: ReportRunOptions) {
    this.#options = options;
  }

  /** Stops waiting for a report after its time limit, so that the other reports are made even if a disk or a network hangs. */
  async wait<T>(
    {
      what,
      timeoutMs = defaultTimeoutMs,
      required = false,
      isOnDisk = false,
    }: Pick<RunReporter, 'what' | 'timeoutMs' | 'required' | 'isOnDisk'>,
    start: () => Promise<T>,
  ): Promise<T | ReportOutcome> {
    const { signal, onWait, hanging } = this.#options;
    if (signal?.aborted === true)
      return { ok: false, text: `${what}: not reported, because the run had to end`, required };
    const remember = (unfinished: Promise<T>): void => {
      hanging?.add(unfinished);
      const forget = (): unknown => hanging?.delete(unfinished);
      unfinished.then(forget, forget);
    };
    let work: Promise<T> | undefined;
    const { promise: givenUp, resolve } = Promise.withResolvers<ReportOutcome>();
    const giveUp = (why: string): void => {
      this.isHanging = true;
      if (isOnDisk && work !== undefined) remember(work);
      resolve({ ok: false, text: `${what}: ${why}`, required });
    };
    let ticksLeft = ticksOfDeadline;
    // Counted in ticks, so that a pause of this process (SIGSTOP, a suspended machine) does not look like a hanging disk.
    const timer = setInterval(() => {
      if (--ticksLeft > 0) return;
      giveUp(`gave up after ${formatLimit(timeoutMs)}, because the disk or the network does not answer`);
    }, timeoutMs / ticksOfDeadline);
    const onAbort = (): void => giveUp('gave up, because the run had to end');
    signal?.addEventListener('abort', onAbort);
    using _ = onWait?.(what, timeoutMs);
    try {
      work = start();
      return await Promise.race([work, givenUp]);
    } catch (error) {
      return { ok: false, text: `${what}: ${String(error)}`, required };
    } finally {
      clearInterval(timer);
      signal?.removeEventListener('abort', onAbort);
    }
  }
}
