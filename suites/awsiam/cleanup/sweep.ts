import { setTimeout as wait } from 'node:timers/promises';
import { plural } from '../../../text/printable.ts';
import type { RetryHistory } from '../client/retry-history.ts';
import { codeOf, hadNoEffect, isPassingRefusal } from '../errors/error-kinds.ts';
import { explainError } from '../errors/explain-error.ts';
import { assertOwn, type Entity } from '../names.ts';
import {
  endsSweep,
  maxFailuresInARow,
  sweptKinds,
  type DatedEntity,
  type SweptKind,
  type SweptKindsOptions,
} from './swept-kinds.ts';

export interface SweepOptions extends SweptKindsOptions {
  /** The history of the client's retries. */
  readonly history: Pick<RetryHistory, 'failed'>;
  readonly now: () => Date;
  /** A number in [0, 1) that decides where in its list the sweep begins. */
  readonly random: () => number;
  /** Younger entities are kept. */
  readonly olderThanMs: number;
  /** Also removes entities of unknown age: without a creation date, or with one in the future. @default false */
  readonly removeUndated?: boolean;
  /** Lists and counts, but removes nothing. @default false */
  readonly dryRun?: boolean;
  /** Called with every entity that was removed, or would be in a dry run. */
  readonly onEntity?: (kind: 'user' | 'group', name: string) => void;
}

/** What became of the entities of the namespace. Each is counted once. */
export interface SweepResult {
  /** Removed by this sweep. In a dry run, what it would remove. */
  readonly removed: number;
  /** Listed, but then removed by somebody else. */
  readonly alreadyGone: number;
  /** Too young, or of unknown age. */
  readonly kept: number;
  /** Old, and could not be removed. */
  readonly failed: number;
  /** Old, but the sweep ended before it got to them. */
  readonly untried: number;
  /** The kinds whose list was not read to its end, so that there may be more of them. */
  readonly unlisted: readonly SweptKind['kind'][];
  readonly warnings: readonly string[];
}

/**
 * Removes the entities that killed runs of this namespace left: those with a test path and the name of a run that are old
 * enough. It lists first and then deletes slowly. It looks for what is in the way only where IAM refuses a deletion.
 *
 * Only an error that every other request would meet as well ends the sweep. Every other error counts for its own entity.
 * After several failures in a row, the rest of that kind is left for the next sweep, which begins at another place. Never
 * throws: what went wrong is a warning.
 */
export async function sweep(options: SweepOptions): Promise<SweepResult> {
  const kinds = sweptKinds(options);
  const tally = startTally(kinds);
  try {
    for (const kind of kinds) {
      const old = await listOld(kind, options, tally);
      await removeAll(kind, options.dryRun === true ? old : startAtRandom(old, options.random), options, tally);
    }
  } catch (error) {
    tally.stops.push(whyStopped(error, options.signal));
  }
  const { unlisted, failures, stops, ...counts } = tally;
  return { ...counts, unlisted: [...unlisted], warnings: [...showFailures(failures), ...stops] };
}

type Tally = ReturnType<typeof startTally>;

function startTally(kinds: readonly SweptKind[]) {
  const unlisted = new Set(kinds.map(({ kind }) => kind));
  /** What went wrong with single entities, and with the sweep itself. */
  const [failures, stops]: [string[], string[]] = [[], []];
  return { removed: 0, alreadyGone: 0, kept: 0, failed: 0, untried: 0, unlisted, failures, stops };
}

/**
 * All entities of one kind that are to be removed. If the list fails, those that came before the failure.
 *
 * @throws an error that ends the sweep
 */
async function listOld(kind: SweptKind, options: SweepOptions, tally: Tally): Promise<Entity[]> {
  const old: Entity[] = [];
  const seen = new Set<string>();
  try {
    for await (const entity of kind.list()) {
      const isOwn = entity.path === kind.path && kind.pattern.test(entity.name);
      if (!isOwn || seen.has(entity.name)) continue;
      seen.add(entity.name);
      // The time is read for each entity, because the answer with the last page may have corrected the clock.
      if (isOld(entity, options.now().getTime(), options)) old.push({ path: entity.path, name: entity.name });
      else tally.kept++;
    }
    tally.unlisted.delete(kind.kind);
  } catch (error) {
    if (endsSweep(error, options.signal)) throw error;
    const { message, advice } = explainError(error, 'sweep');
    tally.stops.push(`test ${kind.kind}s could not all be listed: ${message}. ${advice}`);
  } finally {
    tally.untried += old.length;
  }
  return old;
}

/** Creation dates come from IAM's clock, which we know to about a second. */
const clockToleranceMs = 300_000;

function isOld({ createdAt }: DatedEntity, nowMs: number, { olderThanMs, removeUndated }: SweepOptions): boolean {
  const ageMs = createdAt === undefined ? Number.NaN : nowMs - createdAt.getTime();
  return ageMs >= -clockToleranceMs ? ageMs > olderThanMs : removeUndated === true;
}

/** Begins the same list at another place, so that not every sweep meets the same failures first. */
function startAtRandom<Item>(items: readonly Item[], random: () => number): Item[] {
  const start = Math.floor(random() * items.length);
  return [...items.slice(start), ...items.slice(0, start)];
}

/** @throws an error that ends the sweep */
async function removeAll(
  kind: SweptKind,
  entities: readonly Entity[],
  options: SweepOptions,
  tally: Tally,
): Promise<void> {
  let failuresInARow = 0;
  for (const [index, entity] of entities.entries()) {
    const outcome = await remove(kind, entity, options, tally.failures);
    tally[outcome]++;
    tally.untried--;
    failuresInARow = outcome === 'failed' ? failuresInARow + 1 : 0;
    const left = entities.length - 1 - index;
    if (failuresInARow === maxFailuresInARow && left > 0) {
      tally.stops.push(
        `${failuresInARow} test ${kind.kind}s in a row could not be removed: ${left} more are left for the next sweep, which begins with others`,
      );
      return;
    }
  }
}

type Outcome = 'removed' | 'alreadyGone' | 'failed';

/** @throws an error that ends the sweep */
async function remove(kind: SweptKind, entity: Entity, options: SweepOptions, failures: string[]): Promise<Outcome> {
  /** Why some of what is in the way could not be listed or removed. */
  let obstacles: readonly unknown[] = [];
  try {
    if (options.dryRun !== true) {
      assertOwn(entity, kind.path, kind.pattern);
      let outcome: Outcome;
      try {
        outcome = await deleteEntity(kind, entity.name, options);
      } catch (error) {
        if (codeOf(error) !== 'DeleteConflict') throw error;
        obstacles = await kind.strip(entity.name);
        outcome = await deleteEntity(kind, entity.name, options, obstacles.length === 0 ? settlingPausesMs : []);
      }
      if (outcome === 'alreadyGone') return outcome;
    }
    options.onEntity?.(kind.kind, entity.name);
    return 'removed';
  } catch (error) {
    if (endsSweep(error, options.signal)) throw error;
    const reasons = [error, ...obstacles.slice(0, 1)].map((each) => explainError(each, 'sweep').message);
    failures.push(`${kind.kind} ${entity.name} could not be removed: ${reasons.join('; what is in its way: ')}`);
    return 'failed';
  }
}

/** After stripping, IAM may refuse the deletion for a while: its changes take a moment to become visible everywhere. */
const settlingPausesMs = [500, 1000, 2000];

/** Deletes an entity, and repeats that after each pause as long as the refusal may pass. */
async function deleteEntity(
  kind: SweptKind,
  name: string,
  { history, signal }: SweepOptions,
  pausesMs: readonly number[] = [],
): Promise<Outcome> {
  for (let attempt = 0; ; attempt++) {
    const pauseMs = pausesMs[attempt];
    try {
      await kind.delete(name);
      return 'removed';
    } catch (error) {
      // If an earlier attempt may have had an effect, we removed it ourselves and the answer was lost.
      if (codeOf(error) === 'NoSuchEntity') return history.failed.every(hadNoEffect) ? 'alreadyGone' : 'removed';
      if (pauseMs === undefined || !isPassingRefusal(error)) throw error;
    }
    await wait(pauseMs, undefined, { signal });
  }
}

function whyStopped(error: unknown, signal: AbortSignal): string {
  if (signal.aborted) return 'the sweep of old test entities did not get to the end: the next one goes on';
  const { message, advice } = explainError(error, 'sweep');
  return `the sweep of old test entities stopped: ${message}. ${advice}`;
}

/** How many failures of entities are shown. The rest is counted: the first ones show the reason. */
const maxFailuresShown = 5;

function showFailures(failures: readonly string[]): string[] {
  const hidden = failures.length - maxFailuresShown;
  const shown = failures.slice(0, maxFailuresShown);
  return hidden > 0 ? [...shown, `${plural(hidden, 'more entity', 'more entities')} could not be removed`] : shown;
}
