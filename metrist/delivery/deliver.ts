import { setTimeout as wait } from 'node:timers/promises';
import { messageOf } from '../../text/printable.ts';
import type { MetristApi, PostResult } from './api.ts';
import type { Outbox, OutboxEntry } from './outbox.ts';
import type { ErrorBody, MetristResult } from './results.ts';

export interface DeliverOptions {
  readonly api: MetristApi;
  readonly outbox: Outbox;
  /** A clock that never jumps, in milliseconds. */
  readonly elapsedMs: () => number;
  /** Ends the delivery. */
  readonly signal: AbortSignal;
  /** Waits between attempts, and ends early with the signal. @default the timers of Node */
  readonly wait?: (delayMs: number, signal: AbortSignal) => Promise<unknown>;
}

/** The results of one run before their delivery. */
export interface HeldResults {
  /** At most one of them is an error. */
  readonly results: readonly MetristResult[];
  /** Where the error is on disk. Absent if there is none, or if the disk did not take it. */
  readonly entry?: OutboxEntry;
  /** Why the error could not be put into the outbox. */
  readonly diskProblem?: string;
  /** The disk does not answer. Anything else asked of the outbox would hang too. */
  readonly isDiskHanging?: boolean;
}

/** What became of the results. */
export interface DeliveryReport {
  /** How many results this run has. */
  readonly own: number;
  /** How many of them were not delivered, for whatever reason. */
  readonly missing: number;
  /** Errors of this run that are neither delivered nor in the outbox. */
  readonly lost: number;
  /** What Metrist accepted: this run's results and errors of earlier runs. */
  readonly delivered: number;
  /** Errors in the outbox, for the next run. */
  readonly waiting: number;
  /** How many of those were sent and may have arrived. */
  readonly unconfirmed: number;
  /** Results that Metrist will never take. */
  readonly refused: number;
  /** Errors that were removed unsent because too many were waiting. */
  readonly dropped: number;
  /** Files that could not be read and were moved to `corrupt/`. */
  readonly corrupt: number;
  /** Files in the outbox that this user may not read or move. They were not sent. */
  readonly foreign: number;
  /** Why something could not be read or changed on disk: the first reason. */
  readonly diskProblem?: string;
  /** Why something was not delivered: the first reason. */
  readonly reason?: string;
}

/** The oldest errors beyond this number are removed. With a failing run every two minutes it is reached in a week. */
export const maxWaiting = 5_000;

/** This long after an error was sent, Metrist certainly shows it if it has arrived. */
const settleMs = 60_000;

/** Time limit for the errors of earlier runs, so that enough is left for this run's own results. */
const leftoversTimeoutMs = 30_000;

/** Delays between attempts, shared by all results. Less than five seconds in total, because a run waits for them. */
const retryDelaysMs = { leftovers: [250], own: [250, 500, 1000, 2000] } as const;

/** Limits on waiting until a used-up rate limit is renewed. Metrist says when that is. */
const maxRateLimitWaitMs = 5_000;
const maxRateLimitWaits = 5;

/** After this many results in a row that Metrist did not take, the rest is not tried. */
const maxFailuresInARow = 3;

/** What became of one result or file. */
type Outcome = 'delivered' | 'refused' | 'waiting' | 'unconfirmed' | 'corrupt' | 'dropped' | DiskFailure;

/** Why a file could not be changed: another process has it, this user may not change it, or the disk failed. */
type DiskFailure = 'taken' | 'foreign' | 'waiting';

/** Puts the error of a run, if there is one, into the outbox, before anything is reported anywhere. Never throws. */
export async function holdError(results: readonly MetristResult[], outbox: Outbox): Promise<HeldResults> {
  const error = results.find(({ kind }) => kind === 'error');
  if (error === undefined) return { results };
  try {
    return { results, entry: await outbox.hold(error.body as ErrorBody) };
  } catch (problem) {
    return { results, diskProblem: messageOf(problem) };
  }
}

/**
 * Delivers the errors that earlier runs left, oldest first, and then this run's results, its error first. Throws only what
 * the API throws.
 *
 * An error stays on disk until Metrist has accepted it, so none is lost. If an answer was lost, the error waits until
 * Metrist can be asked whether it has the error: with a second copy of one failure, Metrist would show the check as down.
 * Telemetry is sent now or never, because Metrist takes the time of arrival for the time of the call.
 */
export async function deliver(held: HeldResults, options: DeliverOptions): Promise<DeliveryReport> {
  return await new Delivery({ wait: (delayMs, signal) => wait(delayMs, undefined, { signal }), ...options }).run(held);
}

class Delivery {
  readonly #options: Required<DeliverOptions>;
  readonly #counts: Record<Outcome | 'missing' | 'lost', number> = {
    missing: 0,
    lost: 0,
    delivered: 0,
    refused: 0,
    waiting: 0,
    unconfirmed: 0,
    corrupt: 0,
    dropped: 0,
    taken: 0,
    foreign: 0,
  };
  #retryDelaysMs: number[] = [];
  #failuresInARow = 0;
  #isStopped = false;
  #canAsk = true;
  #reason: string | undefined;
  #diskProblem: string | undefined;

  constructor(options: Required<DeliverOptions>) {
    this.#options = options;
  }

  async run({ results, entry, diskProblem, isDiskHanging = false }: HeldResults): Promise<DeliveryReport> {
    this.#diskProblem = diskProblem;
    if (!isDiskHanging) await this.#deliverLeftovers();
    await this.#deliverOwn(results, entry);
    const { taken: _, ...counts } = this.#counts;
    return {
      ...counts,
      own: results.length,
      waiting: counts.waiting + counts.unconfirmed,
      ...(this.#diskProblem !== undefined && { diskProblem: this.#diskProblem }),
      ...(this.#reason !== undefined && { reason: this.#reason }),
    };
  }

  async #deliverLeftovers(): Promise<void> {
    const { outbox, elapsedMs } = this.#options;
    const entries = await outbox.entries().catch((error: unknown) => {
      this.#diskProblem ??= messageOf(error);
      return [];
    });
    // Needs no answer from Metrist, so the outbox stays small even while Metrist cannot be reached.
    for (const entry of entries.splice(0, entries.length - maxWaiting)) {
      this.#counts[(await this.#change(entry.remove())) ?? 'dropped']++;
    }
    this.#start(retryDelaysMs.leftovers);
    const endMs = elapsedMs() + leftoversTimeoutMs;
    for (const entry of entries) {
      const untried = entry.sentAgoMs === undefined ? 'waiting' : 'unconfirmed';
      this.#counts[this.#isOver(endMs) ? untried : await this.#deliverLeftover(entry)]++;
    }
  }

  async #deliverOwn(results: readonly MetristResult[], errorEntry: OutboxEntry | undefined): Promise<void> {
    this.#start(retryDelaysMs.own);
    // The error comes first, so that no failure of telemetry keeps it from being tried.
    for (const result of results.toSorted((one, other) => one.kind.localeCompare(other.kind))) {
      const entry = result.kind === 'error' ? errorEntry : undefined;
      const outcome = this.#isOver()
        ? ((await this.#change(entry?.putBack())) ?? 'waiting')
        : await this.#send(result, entry);
      if (outcome !== 'delivered') this.#counts.missing++;
      if (outcome === 'taken') this.#reason ??= 'another run has taken over the error';
      if (entry !== undefined || outcome === 'delivered' || outcome === 'refused') this.#counts[outcome]++;
      else if (result.kind === 'error') this.#counts.lost++;
    }
  }

  /** Resets the limits: failures of the leftovers do not count against this run's own results. */
  #start(delaysMs: readonly number[]): void {
    this.#retryDelaysMs = [...delaysMs];
    this.#failuresInARow = 0;
    this.#isStopped = false;
  }

  /** Whether to stop here, without trying the remaining results. */
  #isOver(endMs = Infinity): boolean {
    const { signal, elapsedMs } = this.#options;
    if (!this.#isStopped && (signal.aborted || elapsedMs() >= endMs)) {
      this.#isStopped = true;
      this.#reason ??= 'there was no time left for them';
    }
    return this.#isStopped;
  }

  async #deliverLeftover(entry: OutboxEntry): Promise<Outcome> {
    const { sentAgoMs } = entry;
    const isTooEarly = sentAgoMs !== undefined && sentAgoMs >= 0 && sentAgoMs < settleMs;
    if (isTooEarly || (sentAgoMs !== undefined && !this.#canAsk)) return 'unconfirmed';
    let body: ErrorBody | undefined;
    const unreadable = await this.#change(entry.read().then((read) => (body = read)));
    if (unreadable !== undefined) return unreadable;
    if (body === undefined) return (await this.#change(entry.setAside())) ?? 'corrupt';
    if (sentAgoMs === undefined) return await this.#send({ kind: 'error', body }, entry);
    // This succeeds only if the file can also be removed. If a clock was wrong, the minute starts again now.
    const unmovable = await this.#change(entry.markSent());
    if (unmovable !== undefined || sentAgoMs < 0) return unmovable ?? 'unconfirmed';
    const hasArrived = await this.#options.api.hasError(body, { signal: this.#options.signal });
    if (hasArrived === undefined) {
      // Asking about the other errors would only take time.
      this.#canAsk = false;
      return 'unconfirmed';
    }
    return hasArrived
      ? ((await this.#change(entry.remove())) ?? 'delivered')
      : await this.#send({ kind: 'error', body }, entry);
  }

  async #send(result: MetristResult, entry: OutboxEntry | undefined): Promise<Outcome> {
    const answer = await this.#post(result, entry);
    if (typeof answer === 'string') return answer;
    if (answer.state === 'accepted') {
      this.#failuresInARow = 0;
      await this.#change(entry?.remove());
      return 'delivered';
    }
    this.#reason ??= answer.reason;
    if (answer.state === 'refused') {
      await this.#change(entry?.remove());
      return 'refused';
    }
    // The other results would get the same answer, or wait as long for a connection.
    const isHopeless =
      answer.state === 'denied' || (answer.state === 'not-taken' && answer.isPointlessToRepeat === true);
    if (isHopeless || ++this.#failuresInARow >= maxFailuresInARow) this.#isStopped = true;
    if (answer.state === 'unknown') return 'unconfirmed';
    return (await this.#change(entry?.putBack())) === undefined ? 'waiting' : 'unconfirmed';
  }

  /** Sends a result, and again when that is safe and there is time. */
  async #post(result: MetristResult, entry: OutboxEntry | undefined): Promise<PostResult | DiskFailure> {
    const { api, signal, wait: pause } = this.#options;
    for (let attempt = 1; ; attempt++) {
      // Marked before it is sent: if this process is killed before the answer, the error may have arrived.
      const failure = await this.#change(entry?.markSent());
      if (failure !== undefined) return failure;
      const answer = await api.post(result, { signal });
      const delayMs = this.#retryDelay(result, answer, attempt);
      if (delayMs === undefined) return answer;
      await pause(delayMs, signal).catch(() => {});
      if (signal.aborted) return answer;
    }
  }

  #retryDelay({ kind }: MetristResult, answer: PostResult, attempt: number): number | undefined {
    if (answer.state !== 'not-taken' && answer.state !== 'unknown') return undefined;
    // A second copy of telemetry does no harm; a second copy of an error does.
    if (answer.isPointlessToRepeat === true || (answer.state === 'unknown' && kind === 'error')) return undefined;
    if (answer.state === 'not-taken' && answer.retryAfterMs !== undefined) {
      const isShort = answer.retryAfterMs <= maxRateLimitWaitMs && attempt <= maxRateLimitWaits;
      return isShort ? answer.retryAfterMs : undefined;
    }
    return this.#retryDelaysMs.shift();
  }

  /** Waits for a change on disk. Nothing that goes wrong there keeps other results from being sent. */
  async #change(change: Promise<unknown> | undefined): Promise<DiskFailure | undefined> {
    try {
      await change;
      return undefined;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT') return 'taken';
      if (code === 'EACCES' || code === 'EPERM') return 'foreign';
      this.#diskProblem ??= messageOf(error);
      return 'waiting';
    }
  }
}
