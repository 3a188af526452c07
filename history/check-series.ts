/**
 * Metrist's defaults. Source: lib/backend/projections/dbpa/analyzer_config.ex and check_config.ex of Metrist-Software/backend.
 */
const rules = {
  /** A time is slow if it is longer than so many averages. */
  degradedThreshold: 5,
  /** How many slow times in a row make a check degraded, and how many normal ones end that. */
  degradedDownCount: 3,
  degradedUpCount: 3,
  /** How many errors in a row make a check down, and how many successes end that. */
  errorDownCount: 2,
  errorUpCount: 2,
  degradedTimeoutMs: 900_000,
  errorTimeoutMs: 900_000,
} as const;

const hourMs = 3_600_000;
const maxPoints = 100;
/** The average covers the hour of the newest point and the seven days before it. */
const averageHours = 7 * 24;

/** `blocked` is set from outside: an earlier step is down, so this one does not run. */
export type CheckState = 'up' | 'degraded' | 'down' | 'blocked';

/** A passed run of a check. */
interface Success {
  readonly atMs: number;
  readonly durationMs: number;
}

interface Total {
  count: number;
  sumMs: number;
}

/**
 * The points of one check at one instance, and Metrist's rules for the state after each of them. Source:
 * lib/backend/real_time_analytics/analysis.ex and mci_process.ex of Metrist-Software/backend.
 *
 * Memory is bounded: at most 100 successes, 100 errors, and 169 hours for the average.
 */
export class CheckSeries {
  #successes: readonly Success[] = [];
  #errors: readonly number[] = [];
  /** Count and sum of the times of each hour since 1970. */
  readonly #hours = new Map<number, Total>();
  /** All of these hours together. */
  readonly #total: Total = { count: 0, sumMs: 0 };

  /** @returns the new state, given the state before */
  addSuccess(success: Success, before: CheckState | undefined): CheckState {
    const { atMs, durationMs } = success;
    this.#successes = keepRecent([...this.#successes, success], atMs, (each) => each.atMs);
    this.#addToAverage(Math.floor(atMs / hourMs), durationMs);
    return this.#evaluate(before);
  }

  /** @returns the new state, given the state before */
  addError(atMs: number, before: CheckState | undefined): CheckState {
    this.#errors = keepRecent([...this.#errors, atMs], atMs, (each) => each);
    return this.#evaluate(before);
  }

  /** The mean of all times of the last seven days. Absent before the first one. */
  get averageMs(): number | undefined {
    const { count, sumMs } = this.#total;
    return count === 0 ? undefined : sumMs / count;
  }

  #addToAverage(hour: number, durationMs: number): void {
    const known = this.#hours.get(hour);
    const bucket = known ?? { count: 0, sumMs: 0 };
    for (const each of [bucket, this.#total]) {
      each.count += 1;
      each.sumMs += durationMs;
    }
    if (known !== undefined) return;
    this.#hours.set(hour, bucket);
    for (const [old, { count, sumMs }] of this.#hours) {
      if (old >= hour - averageHours) continue;
      this.#hours.delete(old);
      this.#total.count -= count;
      this.#total.sumMs -= sumMs;
    }
  }

  /** The first rule that matches decides. */
  #evaluate(before: CheckState | undefined): CheckState {
    const wasDown = before === 'down';
    const lastSuccessMs = this.#successes.at(-1)?.atMs ?? -Infinity;
    const lastErrorMs = this.#errors.at(-1) ?? -Infinity;
    const slowMs = (this.averageMs ?? Infinity) * rules.degradedThreshold;
    const isSlow = ({ durationMs }: Success): boolean => durationMs > slowMs;

    const lastErrors = lastOf(this.#errors, rules.errorDownCount);
    if (lastErrors?.every((atMs) => atMs > lastSuccessMs)) return 'down';

    /** The last successes, if there are so many since the last error. */
    const successesSinceError = (count: number): readonly Success[] | undefined => {
      const last = lastOf(this.#successes, count);
      return last?.every(({ atMs }) => atMs >= lastErrorMs) ? last : undefined;
    };
    const mayGoUp = successesSinceError(rules.errorUpCount)?.every((each) => !isSlow(each)) ?? false;
    const mayGoDegraded = successesSinceError(rules.degradedDownCount) !== undefined;
    if (wasDown && !mayGoUp && !mayGoDegraded) return 'down';

    const areLast = (count: number, test: (success: Success) => boolean): boolean =>
      lastOf(this.#successes, count)?.every(test) ?? false;
    const hasRecovered = lastErrorMs < lastSuccessMs;
    if (hasRecovered && areLast(rules.errorDownCount, (each) => each.durationMs > rules.errorTimeoutMs)) return 'down';
    if (hasRecovered && areLast(rules.degradedDownCount, (each) => each.durationMs > rules.degradedTimeoutMs)) {
      return 'degraded';
    }
    if (areLast(rules.degradedDownCount, isSlow)) return 'degraded';
    if (before === 'degraded' && this.#successes.slice(-rules.degradedUpCount).some(isSlow)) return 'degraded';
    return wasDown && !mayGoUp ? 'degraded' : 'up';
  }
}

/** Drops what is an hour old when a new point of the same kind arrives. */
function keepRecent<Point>(points: readonly Point[], nowMs: number, atMs: (point: Point) => number): readonly Point[] {
  return points.filter((point) => atMs(point) > nowMs - hourMs).slice(-maxPoints);
}

/** The last points, if there are so many. */
function lastOf<Point>(points: readonly Point[], count: number): readonly Point[] | undefined {
  return points.length < count ? undefined : points.slice(-count);
}
