import { setTimeout as wait } from 'node:timers/promises';
import type { MetristApi, PostResult } from './api.ts';
import type { Batch, Outbox, OutboxEntry } from './outbox.ts';
import type { ErrorBody, MetristResult } from './results.ts';

export interface DeliverOptions {
  readonly api: MetristApi;
  readonly outbox: Outbox;
  readonly now: () => Date;
  /** Ends the delivery; what is left waits for the next run. */
  readonly signal: AbortSignal;
  /** Metrist stamps telemetry when it arrives: older than this it would be untrue. @default 120_000, the interval of runs */
  readonly freshForMs?: number;
  /** Errors carry their own time; older than this they interest nobody. @default 604_800_000, a week */
  readonly keepErrorsForMs?: number;
  /** More results than this do not wait: the oldest go first. @default 5_000 */
  readonly mostEntries?: number;
  /** So long after it was sent Metrist shows an error, if it has it. @default 60_000 */
  readonly settleMs?: number;
  /** What earlier runs left takes no longer than this: this run's own results are due. @default 30_000 */
  readonly leftoversForMs?: number;
  /** Between attempts; ends early with the signal. @default the timers of Node */
  readonly wait?: (delayMs: number, signal: AbortSignal) => Promise<unknown>;
}

/** What became of the results. */
export interface DeliveryReport {
  readonly delivered: number;
  /** Still in the outbox. */
  readonly waiting: number;
  /** Errors among the waiting of which it is not known yet whether they arrived. */
  readonly unconfirmed: number;
  /** Never to be delivered: telemetry that is too old to be true, errors that are too old to matter, too many results. */
  readonly dropped: number;
  /** Never to be delivered: Metrist would not take them. */
  readonly refused: number;
  /** Files that could not be read and were set aside. */
  readonly corrupt: number;
  /** Neither delivered nor on disk. */
  readonly lost: number;
  /** How many results of this run are not delivered, whatever became of them. */
  readonly missing: number;
  /** Why something could not be changed on disk: the first reason. */
  readonly diskProblem?: string;
  /** Why something was not delivered: the first reason. */
  readonly reason?: string;
}

/** Between attempts, all results together: under five seconds where Metrist is down, because a run waits for it. */
const delaysMs = { left: [250], own: [250, 500, 1000, 2000] } as const;

/** A full budget says when there is a new one. */
const longestBudgetWaitMs = 5_000;
const mostBudgetWaits = 5;

/** After so many results in a row that Metrist did not take, the others are left for the next run. */
const mostFailuresInARow = 3;

/** What one result came to. */
type Handled = 'delivered' | 'waiting' | 'unconfirmed' | 'refused';

/**
 * Delivers what earlier runs left, oldest first, and then this run's results. Nothing is lost and no error is sent twice:
 * each result is on disk until Metrist accepted it, and an error whose answer was lost waits until Metrist can be asked
 * whether it has it, because two copies of one failure would turn the check down. Never throws.
 */
export async function deliver(results: readonly MetristResult[], options: DeliverOptions): Promise<DeliveryReport> {
  const delivery = new Delivery(options);
  return await delivery.run(results);
}

class Delivery {
  readonly #options: Required<DeliverOptions>;
  readonly #counts = { delivered: 0, waiting: 0, unconfirmed: 0, dropped: 0, refused: 0, corrupt: 0 };
  #delays: number[] = [];
  #failuresInARow = 0;
  #isStopped = false;
  #canAsk = true;
  #reason: string | undefined;
  #diskProblem: string | undefined;

  constructor(options: DeliverOptions) {
    this.#options = {
      freshForMs: 120_000,
      keepErrorsForMs: 7 * 86_400_000,
      mostEntries: 5_000,
      settleMs: 60_000,
      leftoversForMs: 30_000,
      wait: (delayMs, signal) => wait(delayMs, undefined, { signal }),
      ...options,
    };
  }

  async run(results: readonly MetristResult[]): Promise<DeliveryReport> {
    const held = await this.#onDisk(this.#options.outbox.hold(results));
    const own = held?.entries ?? results.map(entryInMemory(this.#options.now()));
    const batches = await this.#claimAll();
    const left = await this.#dropUntrue(
      batches.flatMap(({ entries }) => entries),
      own,
    );
    const untilMs = this.#options.now().getTime() + this.#options.leftoversForMs;
    let beforeOwn = this.#counts;
    try {
      await this.#deliverAll(left, delaysMs.left, () => this.#options.now().getTime() >= untilMs);
      beforeOwn = { ...this.#counts };
      await this.#deliverAll(own, delaysMs.own, () => false);
    } finally {
      for (const batch of held === undefined ? batches : [...batches, held]) await batch.release();
    }

    const ownWaiting = this.#counts.waiting - beforeOwn.waiting;
    // What is not on disk does not wait for anything.
    const isLost = held === undefined;
    return {
      ...this.#counts,
      waiting: isLost ? this.#counts.waiting - ownWaiting : this.#counts.waiting,
      unconfirmed: isLost ? beforeOwn.unconfirmed : this.#counts.unconfirmed,
      lost: isLost ? ownWaiting : 0,
      missing: own.length - (this.#counts.delivered - beforeOwn.delivered),
      ...(this.#diskProblem !== undefined && { diskProblem: this.#diskProblem }),
      ...(this.#reason !== undefined && { reason: this.#reason }),
    };
  }

  /** Nothing that goes wrong on the disk keeps other results from their way. */
  async #onDisk<T>(done: Promise<T>): Promise<T | undefined> {
    return await done.catch((error: unknown) => {
      this.#diskProblem ??= error instanceof Error ? error.message : String(error);
      return undefined;
    });
  }

  async #claimAll(): Promise<Batch[]> {
    const batches: Batch[] = [];
    const claimed = async (): Promise<void> => {
      for await (const batch of this.#options.outbox.claim()) batches.push(batch);
    };
    await this.#onDisk(claimed());
    this.#counts.corrupt = batches.reduce((sum, { corrupt }) => sum + corrupt.length, 0);
    return batches;
  }

  /** Needs no Metrist, so that the outbox stays small while it cannot be reached. */
  async #dropUntrue(left: readonly OutboxEntry[], own: readonly OutboxEntry[]): Promise<OutboxEntry[]> {
    const kept: OutboxEntry[] = [];
    const failed = new Set(own.filter(({ result }) => result.kind === 'error').map(seriesOf));
    for (const entry of left.toReversed()) {
      // Arriving after a later error of its check, telemetry would look like a recovery from it.
      const isOvertaken = entry.result.kind === 'telemetry' && failed.has(seriesOf(entry));
      if (entry.result.kind === 'error') failed.add(seriesOf(entry));
      if (isOvertaken || this.#isTooOld(entry)) await this.#drop(entry);
      else kept.push(entry);
    }
    for (const entry of kept.splice(this.#options.mostEntries)) await this.#drop(entry);
    return kept.toReversed();
  }

  /** What was put there in the future was put there by a clock that has been put right since. */
  #isTooOld({ result, at }: OutboxEntry): boolean {
    const { now, freshForMs, keepErrorsForMs } = this.#options;
    const ageMs = Math.abs(now().getTime() - at.getTime());
    return ageMs > (result.kind === 'telemetry' ? freshForMs : keepErrorsForMs);
  }

  async #drop(entry: OutboxEntry): Promise<void> {
    this.#counts.dropped++;
    await this.#onDisk(entry.remove());
  }

  /** One after the other. What the leftovers met says nothing about this run's results: those have a new start. */
  async #deliverAll(
    entries: readonly OutboxEntry[],
    delays: readonly number[],
    isTimeUp: () => boolean,
  ): Promise<void> {
    this.#delays = [...delays];
    this.#isStopped = false;
    this.#failuresInARow = 0;
    for (const entry of entries) {
      if (!this.#isStopped && (this.#options.signal.aborted || isTimeUp())) {
        this.#isStopped = true;
        this.#reason ??= 'there was no time left for them';
      }
      const handled = this.#isStopped ? stateOf(entry) : await this.#handle(entry);
      this.#counts[handled]++;
      // These are among the waiting.
      if (handled === 'unconfirmed') this.#counts.waiting++;
    }
  }

  async #handle(entry: OutboxEntry): Promise<Handled> {
    const { result, sentAt } = entry;
    if (result.kind === 'error' && sentAt !== undefined) {
      const hasArrived = await this.#hasArrived(result.body, sentAt);
      if (hasArrived === undefined) return 'unconfirmed';
      if (hasArrived) return await this.#finish(entry, 'delivered');
    }
    const outcome = await this.#post(entry);
    if (outcome === undefined) return stateOf(entry);
    if (outcome.state === 'accepted') {
      this.#failuresInARow = 0;
      return await this.#finish(entry, 'delivered');
    }
    this.#reason ??= outcome.reason;
    if (outcome.state === 'refused') return await this.#finish(entry, 'refused');
    const isHopeless = outcome.state === 'denied' || outcome.isPointlessToRepeat === true;
    if (isHopeless || ++this.#failuresInARow >= mostFailuresInARow) this.#isStopped = true;
    if (result.kind === 'telemetry') return 'waiting';
    if (outcome.state === 'unknown') return 'unconfirmed';
    await this.#onDisk(entry.putBack());
    return 'waiting';
  }

  async #finish(entry: OutboxEntry, handled: 'delivered' | 'refused'): Promise<Handled> {
    await this.#onDisk(entry.remove());
    return handled;
  }

  /** Whether an error that was sent is there; `undefined` while that cannot be said. */
  async #hasArrived(body: ErrorBody, sentAt: Date): Promise<boolean | undefined> {
    const { api, now, settleMs, signal } = this.#options;
    if (!this.#canAsk || now().getTime() - sentAt.getTime() < settleMs) return undefined;
    const hasArrived = await api.hasError(body, { signal });
    // What does not answer now would make the other results wait once for each question.
    this.#canAsk = hasArrived !== undefined;
    return hasArrived;
  }

  /** Sends a result, and again where that is safe and there is time. `undefined` where it could not be sent at all. */
  async #post(entry: OutboxEntry): Promise<PostResult | undefined> {
    const { api, signal, wait: pause } = this.#options;
    for (let attempt = 1; ; attempt++) {
      // From here to the answer nobody knows whether an error arrived: also not when this process is killed now.
      const isMarked = entry.result.kind === 'telemetry' || (await this.#onDisk(entry.markSent().then(() => true)));
      if (isMarked !== true) return undefined;
      const outcome = await api.post(entry.result, { signal });
      const delayMs = this.#retryDelay(entry.result, outcome, attempt);
      if (delayMs === undefined) return outcome;
      await pause(delayMs, signal).catch(() => {});
      if (signal.aborted) return outcome;
    }
  }

  #retryDelay({ kind }: MetristResult, outcome: PostResult, attempt: number): number | undefined {
    if (outcome.state !== 'not-taken' && outcome.state !== 'unknown') return undefined;
    // A second copy of telemetry does no harm; one of an error does.
    if (outcome.isPointlessToRepeat === true || (outcome.state === 'unknown' && kind === 'error')) return undefined;
    if (outcome.state === 'not-taken' && outcome.retryAfterMs !== undefined) {
      const isWorthIt = outcome.retryAfterMs <= longestBudgetWaitMs && attempt <= mostBudgetWaits;
      return isWorthIt ? outcome.retryAfterMs : undefined;
    }
    return this.#delays.shift();
  }
}

/** What it is while nothing is done about it. */
function stateOf({ sentAt }: OutboxEntry): Handled {
  return sentAt === undefined ? 'waiting' : 'unconfirmed';
}

/** What Metrist's states are made of: one check at one instance. */
function seriesOf({ result: { body } }: OutboxEntry): string {
  return JSON.stringify([body.monitor_logical_name, body.check_logical_name, body.instance_name]);
}

/** For results that the disk did not take. */
function entryInMemory(at: Date): (result: MetristResult) => OutboxEntry {
  return (result) => ({ result, at, markSent: nothing, putBack: nothing, remove: nothing });
}

function nothing(): Promise<void> {
  return Promise.resolve();
}
