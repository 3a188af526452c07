import type { IAM } from '@aws-sdk/client-iam';
import type { SweepReport } from '../../runner/monitor-run.ts';
import { codeOf } from './error-kinds.ts';
import { explainError } from './explain-error.ts';
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
  /** Least time between two requests: IAM's write calls are throttled per account, and shared with all else in it. @default 100 */
  readonly paceMs?: number;
  /** Ends the sweep; it goes on at the next run. */
  readonly signal: AbortSignal;
  /** Called with every entity that was removed, or would be in a dry run. */
  readonly onEntity?: (kind: 'user' | 'group', name: string) => void;
}

/** More failures than this are only counted: the first ones tell why. */
const mostWarnings = 5;

/**
 * Removes the entities that killed runs of this namespace left: under the test paths, with a name that a run gives, and
 * older than an hour. Deletes first and looks at what is in the way only where IAM says that something is. Works a page
 * at a time, slowly, and stops when IAM throttles or refuses it. Never throws: what went wrong is a warning.
 */
export async function sweep(options: SweepOptions): Promise<SweepReport> {
  const warnings = new Warnings();
  let removed = 0;
  let remaining = 0;
  try {
    for (const kind of sweptKinds(options)) {
      let marker: string | undefined;
      do {
        const page = await kind.list(marker);
        marker = page.marker;
        const own = page.entities.filter(({ path, name }) => path === kind.path && kind.pattern.test(name));
        remaining += own.length;
        for (const entity of own) {
          if (!isStale(entity.createdAt, options) || !(await tryRemove(kind, entity, options, warnings))) continue;
          removed++;
          remaining--;
        }
      } while (marker !== undefined);
    }
  } catch (error) {
    warnings.add(whyStopped(error, options.signal));
  }
  return { removed, remaining, warnings: warnings.list };
}

function isStale(createdAt: Date | undefined, { now, olderThanMs = 3_600_000 }: SweepOptions): boolean {
  return createdAt !== undefined && now().getTime() - createdAt.getTime() > olderThanMs;
}

/**
 * @returns whether the entity is gone, or would be
 * @throws what makes it pointless to go on with the others
 */
async function tryRemove(kind: SweptKind, entity: Entity, options: SweepOptions, warnings: Warnings): Promise<boolean> {
  try {
    if (options.dryRun !== true) await remove(kind, entity);
    options.onEntity?.(kind.kind, entity.name);
    return true;
  } catch (error) {
    if (isPointlessToGoOn(error, options.signal)) throw error;
    warnings.add(`${kind.kind} ${entity.name} could not be removed: ${explainError(error, 'sweep').message}`);
    return false;
  }
}

async function remove(kind: SweptKind, entity: Entity): Promise<void> {
  assertOwn(entity, kind.path, kind.pattern);
  try {
    await unlessGone(kind.delete(entity.name));
  } catch (error) {
    if (codeOf(error) !== 'DeleteConflict') throw error;
    await kind.strip(entity.name);
    await unlessGone(kind.delete(entity.name));
  }
}

/** What concerns one entity alone; everything else would meet the next one as well. */
function isPointlessToGoOn(error: unknown, signal: AbortSignal): boolean {
  if (signal.aborted) return true;
  return !['DeleteConflict', 'NoSuchEntity', 'ForeignEntity', 'EntityTemporarilyUnmodifiable'].includes(codeOf(error));
}

function whyStopped(error: unknown, signal: AbortSignal): string {
  if (signal.aborted) return 'the sweep of old test entities did not get to the end: it goes on at the next run';
  const { message, advice } = explainError(error, 'sweep');
  return `the sweep of old test entities stopped: ${message}. ${advice}`;
}

class Warnings {
  readonly #list: string[] = [];
  #more = 0;

  add(warning: string): void {
    if (this.#list.length < mostWarnings) this.#list.push(warning);
    else this.#more++;
  }

  get list(): string[] {
    return this.#more === 0 ? this.#list : [...this.#list, `${this.#more} more entities could not be removed`];
  }
}
