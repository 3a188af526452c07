import type { IAM } from '@aws-sdk/client-iam';
import type { SweepReport } from '../../../runner/monitor-run.ts';
import { codeOf } from '../errors/error-kinds.ts';
import { explainError } from '../errors/explain-error.ts';
import { assertOwn, type Entity } from './own-names.ts';
import { unlessGone } from './strip-entity.ts';
import { sweptKinds, type SweptKind } from './swept-kinds.ts';

export interface SweepOptions {
  readonly iam: IAM;
  readonly namespace: string;
  readonly now: () => Date;
  /** Entities that are younger may belong to a run that is still going. @default 3_600_000, an hour */
  readonly olderThanMs?: number;
  /** Looks and counts, but removes nothing. @default false */
  readonly dryRun?: boolean;
  /** Least time between two requests that are no listing of users or groups: IAM's write calls are throttled per account, and shared with all else in it. @default 100 */
  readonly paceMs?: number;
  /** Ends the sweep; it goes on at the next run. */
  readonly signal: AbortSignal;
  /** Called with every entity that was removed, or would be in a dry run. */
  readonly onEntity?: (kind: 'user' | 'group', name: string) => void;
}

/** More failures than this are only counted: the first ones tell why. */
const mostFailures = 5;

/**
 * Removes the entities that killed runs of this namespace left: under the test paths, with a name that a run gives, and
 * older than an hour. Deletes first and looks at what is in the way only where IAM says that something is. Works a page
 * at a time, slowly, and stops when IAM throttles or refuses it. Never throws: what went wrong is a warning.
 */
export async function sweep(options: SweepOptions): Promise<SweepReport> {
  const tally: Tally = { removed: 0, remaining: 0, warnings: new Warnings() };
  try {
    for (const kind of sweptKinds(options)) {
      try {
        await sweepKind(kind, options, tally);
      } catch (error) {
        // Users and groups are granted apart.
        if (!isDenied(error)) throw error;
        tally.warnings.addStop(whyStopped(error, options.signal, `${kind.kind}s`));
      }
    }
  } catch (error) {
    tally.warnings.addStop(whyStopped(error, options.signal, 'entities'));
  }
  return { ...tally, warnings: tally.warnings.list };
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
  remaining: number;
  readonly warnings: Warnings;
}

async function sweepKind(kind: SweptKind, options: SweepOptions, tally: Tally): Promise<void> {
  let marker: string | undefined;
  do {
    const page = await kind.list(marker);
    marker = page.marker;
    const own = page.entities.filter(({ path, name }) => path === kind.path && kind.pattern.test(name));
    tally.remaining += own.length;
    for (const entity of own) {
      if (!isStale(entity.createdAt, options) || !(await tryRemove(kind, entity, options, tally.warnings))) continue;
      tally.removed++;
      tally.remaining--;
    }
  } while (marker !== undefined);
}

function isStale(createdAt: Date | undefined, { now, olderThanMs = 3_600_000 }: SweepOptions): boolean {
  return createdAt !== undefined && now().getTime() - createdAt.getTime() > olderThanMs;
}

/**
 * @returns whether the entity is gone, or would be
 * @throws what makes it pointless to go on with the others
 */
async function tryRemove(kind: SweptKind, entity: Entity, options: SweepOptions, warnings: Warnings): Promise<boolean> {
  let inTheWay = false;
  try {
    if (options.dryRun !== true) {
      assertOwn(entity, kind.path, kind.pattern);
      inTheWay = !(await isDeleted(kind, entity));
      if (inTheWay) {
        await unlessGone(kind.strip(entity.name));
        await unlessGone(kind.delete(entity.name));
      }
    }
    options.onEntity?.(kind.kind, entity.name);
    return true;
  } catch (error) {
    // A look at what is in the way may be denied, and for every sweep to come: that must not keep it from the others.
    if (!concernsOneEntity.has(codeOf(error)) && !(inTheWay && isDenied(error))) throw error;
    warnings.addFailure(`${kind.kind} ${entity.name} could not be removed: ${explainError(error, 'sweep').message}`);
    return false;
  }
}

/** @returns `false` where something is in the way */
async function isDeleted(kind: SweptKind, { name }: Entity): Promise<boolean> {
  try {
    await unlessGone(kind.delete(name));
    return true;
  } catch (error) {
    if (codeOf(error) !== 'DeleteConflict') throw error;
    return false;
  }
}

/** What concerns one entity alone; everything else would meet the next one as well. */
const concernsOneEntity: ReadonlySet<string> = new Set([
  'DeleteConflict',
  'ConcurrentModification',
  'EntityTemporarilyUnmodifiable',
  'ForeignEntity',
]);

function isDenied(error: unknown): boolean {
  return explainError(error, 'sweep').verdict === 'permission';
}

function whyStopped(error: unknown, signal: AbortSignal, what: string): string {
  if (signal.aborted) return 'the sweep of old test entities did not get to the end: it goes on at the next run';
  const { message, advice } = explainError(error, 'sweep');
  return `the sweep of old test ${what} stopped: ${message}. ${advice}`;
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
    const more = this.#more === 1 ? '1 more entity' : `${this.#more} more entities`;
    return [...this.#failures, ...(this.#more === 0 ? [] : [`${more} could not be removed`]), ...this.#stops];
  }
}
