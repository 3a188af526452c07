import { setTimeout as wait } from 'node:timers/promises';
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
  /** The oldest errors beyond this number are removed. @default mostWaiting */
  readonly mostWaiting?: number;
  /** How long after it was sent Metrist certainly shows an error that it has. @default 60_000 */
  readonly settleMs?: number;
  /** Time limit for what earlier runs left, so that enough is left for this run's own results. @default 30_000 */
  readonly leftoversForMs?: number;
  /** Between attempts; ends early with the signal. @default the timers of Node */
  readonly wait?: (delayMs: number, signal: AbortSignal) => Promise<unknown>;
}

/** The results of one run before their delivery. */
export interface HeldResults {
  readonly results: readonly OwnResult[];
  /** Why an error could not be put into the outbox. */
  readonly diskProblem?: string;
  /** The disk does not answer. Anything else asked of the outbox would hang too. */
  readonly isDiskHanging?: boolean;
}

/** One result of this run. */
export interface OwnResult {
  readonly result: MetristResult;
  /** Where an error is on disk. Telemetry never is, and an error only if the disk took it. */
  readonly entry?: OutboxEntry;
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
  /** Telemetry that an earlier version left in the outbox and that was removed. */
  readonly outdated: number;
  /** Why something could not be read or changed on disk: the first reason. */
  readonly diskProblem?: string;
  /** Why something was not delivered: the first reason. */
  readonly reason?: string;
}

/** At one failing run every two minutes this is about a week. */
export const mostWaiting = 5_000;

/** Between attempts, all results together: under five seconds when Metrist is down, because a run waits for it. */
const delaysMs = { left: [250], own: [250, 500, 1000, 2000] } as const;

/** When the rate limit is used up Metrist says when there is a new one. */
const longestBudgetWaitMs = 5_000;
const mostBudgetWaits = 5;

/** After this many results in a row that Metrist did not take, the rest is not tried. */
const mostFailuresInARow = 3;

/** What became of one result. `taken`: another process is dealing with it. */
type Handled = 'delivered' | 'refused' | 'waiting' | 'unconfirmed' | 'corrupt' | Obstacle;

/** Why a file could not be changed. `waiting` stands for a fault of the disk. */
type Obstacle = 'taken' | 'foreign' | 'waiting';

/** Puts the errors of a run into the outbox, before anything is reported anywhere. Never throws. */
export async function holdErrors(results: readonly MetristResult[], outbox: Outbox): Promise<HeldResults> {
  let diskProblem: string | undefined;
  const held: OwnResult[] = [];
  for (const result of results) {
    try {
      held.push({ result, ...(result.kind === 'error' && { entry: await outbox.hold(result.body) }) });
    } catch (error) {
      diskProblem ??= messageOf(error);
      held.push({ result });
    }
  }
  return { results: held, ...(diskProblem !== undefined && { diskProblem }) };
}

/**
 * Delivers the errors that earlier runs left, oldest first, and then this run's results, its error first. Never throws.
 *
 * An error stays on disk until Metrist has accepted it, so none is lost. If an answer was lost, the error waits until
 * Metrist can be asked whether it has it: a second copy of one failure would turn the check down. Telemetry is sent now
 * or never, because Metrist takes the time of arrival for the time of the call.
 */
export async function deliver(held: HeldResults, options: DeliverOptions): Promise<DeliveryReport> {
  return await new Delivery(options).run(held);
}

class Delivery {
  readonly #options: Required<DeliverOptions>;
  readonly #counts = { dropped: 0, corrupt: 0, foreign: 0, outdated: 0 };
  #delays: number[] = [];
  #failuresInARow = 0;
  #isLastChance = false;
  #isStopped = false;
  #canAsk = true;
  #reason: string | undefined;
  #diskProblem: string | undefined;

  constructor(options: DeliverOptions) {
    this.#options = {
      mostWaiting,
      settleMs: 60_000,
      leftoversForMs: 30_000,
      wait: (delayMs, signal) => wait(delayMs, undefined, { signal }),
      ...options,
    };
  }

  async run({ results: unordered, diskProblem, isDiskHanging = false }: HeldResults): Promise<DeliveryReport> {
    this.#diskProblem = diskProblem;
    // The error first: nothing that happens to telemetry may keep it from being tried.
    const results = [
      ...unordered.filter(({ result }) => result.kind === 'error'),
      ...unordered.filter(({ result }) => result.kind === 'telemetry'),
    ];
    try {
      const { elapsedMs, leftoversForMs } = this.#options;
      if (!isDiskHanging) await this.#clearOldFiles();
      const entries = isDiskHanging ? [] : await this.#listEntries();
      const untilMs = elapsedMs() + leftoversForMs;
      const ofOthers = await this.#handleAll(entries, {
        delays: delaysMs.left,
        isTimeUp: () => elapsedMs() >= untilMs,
        isLastChance: false,
        handle: (entry) => this.#handleLeftover(entry),
        unhandled: stateOf,
      });
      const ofOwn = await this.#handleAll(results, {
        delays: delaysMs.own,
        isTimeUp: () => false,
        isLastChance: true,
        handle: ({ result, entry }) => this.#deliver(result, entry),
        unhandled: () => 'waiting',
      });
      return this.#report(results, ofOwn, ofOthers);
    } finally {
      for (const { entry } of results) if (entry !== undefined) await this.#change(entry.release());
    }
  }

  #report(results: readonly OwnResult[], ofOwn: readonly Handled[], ofOthers: readonly Handled[]): DeliveryReport {
    const isOnDisk = (_: unknown, index: number): boolean => results[index]?.entry !== undefined;
    const isUnkeptError = (_: unknown, index: number): boolean =>
      results[index]?.result.kind === 'error' && results[index].entry === undefined;
    const inOutbox = [...ofOthers, ...ofOwn.filter(isOnDisk)];
    const unconfirmed = count(inOutbox, 'unconfirmed');
    if (ofOwn.includes('taken')) this.#reason ??= 'another run has taken over the error';
    return {
      own: results.length,
      missing: results.length - count(ofOwn, 'delivered'),
      lost: ofOwn.filter(isUnkeptError).filter((handled) => handled !== 'delivered' && handled !== 'refused').length,
      delivered: count([...ofOthers, ...ofOwn], 'delivered'),
      waiting: count(inOutbox, 'waiting') + unconfirmed,
      unconfirmed,
      refused: count([...ofOthers, ...ofOwn], 'refused'),
      ...this.#counts,
      corrupt: this.#counts.corrupt + count(inOutbox, 'corrupt'),
      foreign: this.#counts.foreign + count(inOutbox, 'foreign'),
      ...(this.#diskProblem !== undefined && { diskProblem: this.#diskProblem }),
      ...(this.#reason !== undefined && { reason: this.#reason }),
    };
  }

  async #clearOldFiles(): Promise<void> {
    for (const file of await this.#options.outbox.oldFiles()) {
      const obstacle = await this.#change(file.clear());
      if (obstacle === 'foreign') this.#counts.foreign++;
      else if (obstacle === undefined && file.kind === 'telemetry') this.#counts.outdated++;
      else if (obstacle === undefined && file.kind === 'unknown') this.#counts.corrupt++;
    }
  }

  /** Works without Metrist, so the outbox stays small while Metrist cannot be reached. */
  async #listEntries(): Promise<OutboxEntry[]> {
    const entries: OutboxEntry[] = [];
    try {
      entries.push(...(await this.#options.outbox.entries()));
    } catch (error) {
      this.#diskProblem ??= messageOf(error);
    }
    for (const entry of entries.splice(0, entries.length - this.#options.mostWaiting)) {
      const obstacle = await this.#change(entry.remove());
      if (obstacle === undefined) this.#counts.dropped++;
      else if (obstacle === 'foreign') this.#counts.foreign++;
    }
    return entries;
  }

  /** One after the other. What the leftovers met says nothing about this run's results: those have a new start. */
  async #handleAll<Item>(
    items: readonly Item[],
    {
      delays,
      isTimeUp,
      isLastChance,
      handle,
      unhandled,
    }: {
      readonly delays: readonly number[];
      readonly isTimeUp: () => boolean;
      /** Telemetry gets no other chance, so one request that hangs does not stop the rest. */
      readonly isLastChance: boolean;
      readonly handle: (item: Item) => Promise<Handled>;
      readonly unhandled: (item: Item) => Handled;
    },
  ): Promise<Handled[]> {
    this.#delays = [...delays];
    this.#isLastChance = isLastChance;
    this.#isStopped = false;
    this.#failuresInARow = 0;
    const handled: Handled[] = [];
    for (const item of items) {
      if (!this.#isStopped && (this.#options.signal.aborted || isTimeUp())) {
        this.#isStopped = true;
        this.#reason ??= 'there was no time left for them';
      }
      handled.push(this.#isStopped ? unhandled(item) : await handle(item));
    }
    return handled;
  }

  async #handleLeftover(entry: OutboxEntry): Promise<Handled> {
    const { sentAgoMs } = entry;
    const isTooEarly = sentAgoMs !== undefined && sentAgoMs >= 0 && sentAgoMs < this.#options.settleMs;
    if (isTooEarly || (sentAgoMs !== undefined && !this.#canAsk)) return 'unconfirmed';
    let body: ErrorBody | undefined;
    const obstacle = await this.#change(entry.read().then((read) => (body = read)));
    if (obstacle !== undefined) return obstacle;
    if (body === undefined) return (await this.#change(entry.setAside())) ?? 'corrupt';
    if (sentAgoMs !== undefined) {
      // Renaming it shows that it can be removed. If a clock was wrong, its time counts from now on.
      const unclaimable = await this.#change(entry.markSent());
      if (unclaimable !== undefined || sentAgoMs < 0) return unclaimable ?? 'unconfirmed';
      const hasArrived = await this.#options.api.hasError(body, { signal: this.#options.signal });
      // If Metrist does not answer now, asking for each of the others would only take time.
      this.#canAsk = hasArrived !== undefined;
      if (hasArrived === undefined) return 'unconfirmed';
      if (hasArrived) return (await this.#change(entry.remove())) ?? 'delivered';
    }
    return await this.#deliver({ kind: 'error', body }, entry);
  }

  async #deliver(result: MetristResult, entry?: OutboxEntry): Promise<Handled> {
    const outcome = await this.#post(result, entry);
    if (typeof outcome === 'string') return outcome;
    if (outcome.state === 'accepted') {
      this.#failuresInARow = 0;
      await this.#change(entry?.remove());
      return 'delivered';
    }
    this.#reason ??= outcome.reason;
    if (outcome.state === 'refused') {
      await this.#change(entry?.remove());
      return 'refused';
    }
    const hasHung = outcome.state === 'unknown' && outcome.status === undefined;
    const isHopeless =
      outcome.state === 'denied' || (outcome.isPointlessToRepeat === true && !(hasHung && this.#isLastChance));
    if (isHopeless || ++this.#failuresInARow >= mostFailuresInARow) this.#isStopped = true;
    if (outcome.state === 'unknown') return 'unconfirmed';
    return (await this.#change(entry?.putBack())) === undefined ? 'waiting' : 'unconfirmed';
  }

  /** Sends a result, and again when that is safe and there is time. */
  async #post(result: MetristResult, entry?: OutboxEntry): Promise<PostResult | Obstacle> {
    const { api, signal, wait: pause } = this.#options;
    for (let attempt = 1; ; attempt++) {
      // From here to the answer nobody knows whether an error arrived, also if this process is killed.
      const obstacle = await this.#change(entry?.markSent());
      if (obstacle !== undefined) return obstacle;
      const outcome = await api.post(result, { signal });
      const delayMs = this.#retryDelay(result, outcome, attempt);
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

  /** Waits for a change on disk. Nothing that goes wrong there keeps other results from being sent. */
  async #change(change: Promise<unknown> | undefined): Promise<Obstacle | undefined> {
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

/** How a leftover counts before anything is done about it. */
function stateOf({ sentAgoMs }: OutboxEntry): Handled {
  return sentAgoMs === undefined ? 'waiting' : 'unconfirmed';
}

function count(all: readonly Handled[], wanted: Handled): number {
  return all.filter((handled) => handled === wanted).length;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
