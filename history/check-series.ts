import { check, readAmount, readTotal, readFields, readList, readNumber } from './json-fields.ts';
import { hourMs } from '../text/time.ts';

/**
 * Metrist's defaults. Source: lib/backend/projections/dbpa/analyzer_config.ex and check_config.ex of Metrist-Software/backend.
 */
const rules = {
  /** A time is slow if it is more than this many times the average. */
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

/** Metrist keeps 100 points. No rule looks at more than these. */
const maxPoints = 3;
/** The average covers the hour of the newest point and the seven days before it. */
const averageHours = 7 * 24;

/** `blocked` is set from outside: an earlier step is down, so this one does not run. */
export const checkStates = ['up', 'degraded', 'down', 'blocked'] as const;
export type CheckState = (typeof checkStates)[number];

/** A passed run of a check. */
interface Success {
  readonly atMs: number;
  readonly durationMs: number;
}

/** Count and sum of some times. In whole microseconds, so that adding and removing leaves no rounding error. */
interface Total {
  count: number;
  sumUs: number;
}

/** A `CheckSeries` as JSON. */
export interface CheckSeriesSnapshot {
  readonly successes: readonly Success[];
  readonly errors: readonly number[];
  /** Number of the hour since 1970, count, sum in microseconds. */
  readonly hours: readonly (readonly [number, number, number])[];
}

/**
 * The points of one check at one instance, and Metrist's rules for the state after each of them. Source:
 * lib/backend/real_time_analytics/analysis.ex and mci_process.ex of Metrist-Software/backend.
 *
 * Memory is bounded: three successes, three errors, and the hours of at most two weeks for the average.
 */
export class CheckSeries {
  #successes: readonly Success[] = [];
  #errors: readonly number[] = [];
  /** Count and sum of the times of each hour since 1970. */
  readonly #hours = new Map<number, Total>();
  /** All of these hours together. */
  readonly #total: Total = { count: 0, sumUs: 0 };

  /** @throws TypeError if it is not what `save` returned */
  static load(snapshot: unknown): CheckSeries {
    const { successes, errors, hours } = readFields(snapshot);
    const series = new CheckSeries();
    series.#successes = readList(readSuccess)(successes).slice(-maxPoints);
    series.#errors = readList(readNumber)(errors).slice(-maxPoints);
    for (const [hour, count, sumUs] of readList(readHour)(hours)) series.#count(hour, count, sumUs);
    return series;
  }

  save(): CheckSeriesSnapshot {
    const hours = [...this.#hours].map(([hour, { count, sumUs }]) => [hour, count, sumUs] as const);
    return { successes: this.#successes, errors: this.#errors, hours };
  }

  /** When the newest point arrived. Epoch, UTC. */
  get lastMs(): number {
    return Math.max(this.#successes.at(-1)?.atMs ?? -Infinity, this.#errors.at(-1) ?? -Infinity);
  }

  /** @returns the new state, given the state before */
  addSuccess(success: Success, before: CheckState | undefined): CheckState {
    const { atMs, durationMs } = success;
    this.#successes = keepRecent([...this.#successes, success], atMs, (each) => each.atMs);
    this.#addToHour(Math.floor(atMs / hourMs), 1, Math.round(durationMs * 1000));
    return this.#evaluate(before);
  }

  /** @returns the new state, given the state before */
  addError(atMs: number, before: CheckState | undefined): CheckState {
    this.#errors = keepRecent([...this.#errors, atMs], atMs, (each) => each);
    return this.#evaluate(before);
  }

  /** The mean of all times of the last seven days. Absent before the first one. */
  get averageMs(): number | undefined {
    const { count, sumUs } = this.#total;
    return count === 0 ? undefined : sumUs / count / 1000;
  }

  #addToHour(hour: number, count: number, sumUs: number): void {
    if (!this.#count(hour, count, sumUs)) return;
    for (const [other, total] of this.#hours) {
      // An hour can lie in the future if the host's clock was wrong.
      if (Math.abs(hour - other) <= averageHours) continue;
      this.#hours.delete(other);
      this.#total.count -= total.count;
      this.#total.sumUs -= total.sumUs;
    }
  }

  /** @returns whether it is the first of this hour */
  #count(hour: number, count: number, sumUs: number): boolean {
    const known = this.#hours.get(hour);
    const bucket = known ?? { count: 0, sumUs: 0 };
    for (const each of [bucket, this.#total]) {
      each.count += count;
      each.sumUs += sumUs;
    }
    if (known === undefined) this.#hours.set(hour, bucket);
    return known === undefined;
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

    /** The last `count` successes, if there are that many since the last error. */
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

function readSuccess(value: unknown): Success {
  const fields = readFields(value);
  return { atMs: readNumber(fields['atMs']), durationMs: readAmount(fields['durationMs']) };
}

function readHour(value: unknown): readonly [number, number, number] {
  const [hour, count, sumUs, ...others] = readList(readNumber)(value);
  check(Number.isSafeInteger(hour) && others.length === 0, 'not an hour');
  return [hour as number, readTotal(count), readTotal(sumUs)];
}
