import { plural } from '../../../text/printable.ts';
import { setTimeout as wait } from 'node:timers/promises';
import type { IAM } from '@aws-sdk/client-iam';
import type { Verdict } from '../../../runner/step-result.ts';
import type { RetryHistory } from '../client/retry-history.ts';
import { codeOf, isAnswer, isWithoutEffect } from '../errors/error-kinds.ts';
import { explainError } from '../errors/explain-error.ts';
import { assertOwn, type Entity } from '../names.ts';
import { readPages, mostFailuresInARow } from './strip-entity.ts';
import { sweptKinds, type DatedEntity, type SweptKind } from './swept-kinds.ts';

export interface SweepOptions {
  readonly iam: IAM;
  /** The client's own retries. */
  readonly history: Pick<RetryHistory, 'failed'>;
  readonly namespace: string;
  readonly now: () => Date;
  /** A number in [0, 1) that decides where the sweep begins. */
  readonly random: () => number;
  /** Younger entities are kept. */
  readonly olderThanMs: number;
  /** Also takes entities whose age is unknown: without a creation date, or with one in the future. @default false */
  readonly takeUndated?: boolean;
  /** Looks and counts, but removes nothing. @default false */
  readonly dryRun?: boolean;
  /** Least time between two requests that are no listing of users or groups: IAM's write calls are throttled per account, and shared with all else in it. @default 100 */
  readonly paceMs?: number;
  /** Ends the sweep; it goes on at the next run. */
  readonly signal: AbortSignal;
  /** Called with every entity that was removed, or would be in a dry run. */
  readonly onEntity?: (kind: 'user' | 'group', name: string) => void;
}

/** What became of the entities of the namespace. Each is counted once. */
export interface SweepResult {
  /** Removed by this sweep. In a dry run, what it would remove. */
  readonly removed: number;
  /** Listed, but removed by somebody else before this sweep came to it. */
  readonly alreadyGone: number;
  /** Too young, or of unknown age. */
  readonly kept: number;
  /** Old, and could not be removed. */
  readonly failed: number;
  /** Old, and the sweep ended before it came to them. */
  readonly untried: number;
  /** The kinds that were not listed to the end. There may be more of them than was counted. */
  readonly unlisted: readonly SweptKind['kind'][];
  readonly warnings: readonly string[];
}

/** More failures than this are only counted: the first ones tell why. */
const mostFailures = 5;

/** After stripping, IAM may still refuse the deletion for a while: its changes take a moment to be visible everywhere. */
const settlePausesMs = [500, 1000, 2000];

/**
 * Removes the entities that killed runs of this namespace left: under the test paths, with a name that a run gives, and
 * old enough. Lists first, then deletes slowly, and looks at what is in the way only where IAM says that something is.
 *
 * Only what would meet every other entity as well ends the sweep. Whatever else happens is counted for the one entity
 * that it concerns. When several in a row fail, the rest of that kind is left for the next sweep, which begins at
 * another place. Never throws: what went wrong is a warning.
 */
export async function sweep(options: SweepOptions): Promise<SweepResult> {
  const kinds = sweptKinds({ ...options, endsSweep: (error) => endsSweep(error, options.signal) });
  const tally: Tally = {
    removed: 0,
    alreadyGone: 0,
    kept: 0,
    failed: 0,
    untried: 0,
    unlisted: new Set(kinds.map(({ kind }) => kind)),
    warnings: new Warnings(),
  };
  try {
    for (const kind of kinds) {
      const old = await listOld(kind, options, tally);
      await removeAll(kind, options.dryRun === true ? old : startAnywhere(old, options.random), options, tally);
    }
  } catch (error) {
    tally.warnings.addStop(whyStopped(error, options.signal));
  }
  return { ...tally, unlisted: [...tally.unlisted], warnings: tally.warnings.list };
}

/**
 * The time by the service's clock, as far as its answers told it: by a clock of this host that is ahead, the entities of
 * a run that is still going would be old. The SDK signs by the corrected time, so that all else works with such a clock.
 */
export function serviceTime({ config }: IAM): Date {
  return new Date(Date.now() + config.systemClockOffset);
}

interface Tally {
  removed: number;
  alreadyGone: number;
  kept: number;
  failed: number;
  untried: number;
  readonly unlisted: Set<SweptKind['kind']>;
  readonly warnings: Warnings;
}

/**
 * All entities of one kind that are to be removed. A list that fails ends with what came of it until then.
 *
 * @throws what ends the sweep
 */
async function listOld(kind: SweptKind, options: SweepOptions, tally: Tally): Promise<Entity[]> {
  const old: Entity[] = [];
  const seen = new Set<string>();
  try {
    await readPages(
      (marker) => kind.list(marker),
      ({ entities }) => {
        // The answer that brought the page has just set the service's clock.
        const nowMs = options.now().getTime();
        for (const entity of entities) {
          const isOwn = entity.path === kind.path && kind.pattern.test(entity.name);
          if (!isOwn || seen.has(entity.name)) continue;
          seen.add(entity.name);
          if (isOld(entity, nowMs, options)) old.push({ path: entity.path, name: entity.name });
          else tally.kept++;
        }
      },
    );
    tally.unlisted.delete(kind.kind);
  } catch (error) {
    if (endsSweep(error, options.signal)) throw error;
    const { message, advice } = explainError(error, 'sweep');
    tally.warnings.addStop(`test ${kind.kind}s could not all be listed: ${message}. ${advice}`);
  } finally {
    tally.untried += old.length;
  }
  return old;
}

/** Creation dates are by the service's clock, which is read to a second and over a network. */
const clockToleranceMs = 300_000;

function isOld({ createdAt }: DatedEntity, nowMs: number, { olderThanMs, takeUndated }: SweepOptions): boolean {
  const ageMs = createdAt === undefined ? Number.NaN : nowMs - createdAt.getTime();
  return ageMs >= -clockToleranceMs ? ageMs > olderThanMs : takeUndated === true;
}

/** The same list from another start, so that not every sweep meets the same failures first. */
function startAnywhere<Item>(items: readonly Item[], random: () => number): Item[] {
  const start = Math.floor(random() * items.length);
  return [...items.slice(start), ...items.slice(0, start)];
}

/** @throws what ends the sweep */
async function removeAll(
  kind: SweptKind,
  entities: readonly Entity[],
  options: SweepOptions,
  tally: Tally,
): Promise<void> {
  let failuresInARow = 0;
  for (const [index, entity] of entities.entries()) {
    const outcome = await remove(kind, entity, options, tally.warnings);
    tally[outcome]++;
    tally.untried--;
    failuresInARow = outcome === 'failed' ? failuresInARow + 1 : 0;
    const left = entities.length - 1 - index;
    if (failuresInARow === mostFailuresInARow && left > 0) {
      tally.warnings.addStop(
        `${failuresInARow} test ${kind.kind}s in a row could not be removed: ${left} more are left for the next sweep, which begins with others`,
      );
      return;
    }
  }
}

/** @throws what ends the sweep */
async function remove(kind: SweptKind, entity: Entity, options: SweepOptions, warnings: Warnings): Promise<Outcome> {
  /** Why some of what is in the way could not be looked up or taken away. */
  let obstacles: readonly unknown[] = [];
  try {
    if (options.dryRun !== true) {
      assertOwn(entity, kind.path, kind.pattern);
      let outcome = await deleteUnlessBlocked(kind, entity.name, options);
      if (outcome === 'blocked') {
        obstacles = await kind.strip(entity.name);
        outcome = await deleteStripped(kind, entity.name, obstacles.length === 0 ? settlePausesMs : [], options);
      }
      if (outcome === 'alreadyGone') return outcome;
    }
    options.onEntity?.(kind.kind, entity.name);
    return 'removed';
  } catch (error) {
    if (endsSweep(error, options.signal)) throw error;
    const reasons = [error, ...obstacles.slice(0, 1)].map((each) => explainError(each, 'sweep').message);
    warnings.addFailure(`${kind.kind} ${entity.name} could not be removed: ${reasons.join('; what is in its way: ')}`);
    return 'failed';
  }
}

type Outcome = 'removed' | 'alreadyGone' | 'failed';

async function deleteUnlessBlocked(kind: SweptKind, name: string, options: SweepOptions): Promise<Outcome | 'blocked'> {
  try {
    return await deleteEntity(kind, name, options);
  } catch (error) {
    if (codeOf(error) !== 'DeleteConflict') throw error;
    return 'blocked';
  }
}

/** Whether an error passes by itself after a change of the entity. */
const settles: ReadonlySet<string> = new Set([
  'DeleteConflict',
  'ConcurrentModification',
  'EntityTemporarilyUnmodifiable',
]);

async function deleteStripped(
  kind: SweptKind,
  name: string,
  pausesMs: readonly number[],
  options: SweepOptions,
): Promise<Outcome> {
  for (const pauseMs of pausesMs) {
    try {
      return await deleteEntity(kind, name, options);
    } catch (error) {
      if (!settles.has(codeOf(error))) throw error;
    }
    await wait(pauseMs, undefined, { signal: options.signal });
  }
  return await deleteEntity(kind, name, options);
}

async function deleteEntity(kind: SweptKind, name: string, { history }: SweepOptions): Promise<Outcome> {
  try {
    await kind.delete(name);
    return 'removed';
  } catch (error) {
    if (codeOf(error) !== 'NoSuchEntity') throw error;
    // We removed it ourselves, by an attempt whose answer was lost.
    return history.failed.every(isWithoutEffect) ? 'alreadyGone' : 'removed';
  }
}

/** Whether an error would meet the next entity as well, or asks for fewer requests. */
const endingVerdicts: ReadonlySet<Verdict> = new Set(['throttled', 'credentials', 'network']);

function endsSweep(error: unknown, signal: AbortSignal): boolean {
  const wasNeverSent = !isAnswer(error) && isWithoutEffect(error);
  return signal.aborted || wasNeverSent || endingVerdicts.has(explainError(error, 'sweep').verdict);
}

function whyStopped(error: unknown, signal: AbortSignal): string {
  if (signal.aborted) return 'the sweep of old test entities did not get to the end: the next one goes on';
  const { message, advice } = explainError(error, 'sweep');
  return `the sweep of old test entities stopped: ${message}. ${advice}`;
}

class Warnings {
  readonly #failures: string[] = [];
  #more = 0;
  readonly #stops: string[] = [];

  /** Of one entity. */
  addFailure(warning: string): void {
    if (this.#failures.length < mostFailures) this.#failures.push(warning);
    else this.#more++;
  }

  /** Of the sweep itself: always told. */
  addStop(warning: string): void {
    this.#stops.push(warning);
  }

  get list(): string[] {
    const more = plural(this.#more, 'more entity', 'more entities');
    return [...this.#failures, ...(this.#more === 0 ? [] : [`${more} could not be removed`]), ...this.#stops];
  }
}
