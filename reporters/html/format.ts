import type { Share } from '../../history/run-table.ts';
import { plural } from '../../text/printable.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const;

/** A moment in UTC, for a column that says so: `2026-11-22 10:00`. */
export function formatMinute(ms: number): string {
  return new Date(ms).toISOString().slice(0, 16).replace('T', ' ');
}

/** A moment in UTC, for a sentence: `2026-11-22 10:00 UTC`. */
export function formatMoment(ms: number): string {
  return `${formatMinute(ms)} UTC`;
}

/** A UTC day, for an axis: `22 Nov`. */
export function formatDay(ms: number): string {
  const date = new Date(ms);
  return `${date.getUTCDate()} ${months[date.getUTCMonth()] ?? ''}`;
}

/** How long something lasted: `40 s`, `58 min`, `3 h 04 min`, `1 day 19 h`, `7 days`. */
export function formatLength(ms: number): string {
  if (ms < minuteMs) return `${Math.round(ms / 1000)} s`;
  const minutes = Math.round(ms / minuteMs);
  if (minutes < 60) return `${minutes} min`;
  if (minutes < 24 * 60)
    return `${Math.floor(minutes / 60)} h${minutes % 60 === 0 ? '' : ` ${twoDigits(minutes % 60)} min`}`;
  const hours = Math.round(ms / hourMs);
  return `${plural(Math.floor(hours / 24), 'day')}${hours % 24 === 0 ? '' : ` ${hours % 24} h`}`;
}

function twoDigits(count: number): string {
  return String(count).padStart(2, '0');
}

const numbers = new Intl.NumberFormat('en-US');

/** A number with separators: `21,600`. */
export function formatCount(count: number): string {
  return numbers.format(count);
}

/**
 * A share in percent: `99.28 %`. It is rounded down, so that only a whole is 100 %. A share of nothing is a dash.
 */
export function formatPercent({ part, of }: Share): string {
  if (of === 0) return '–';
  const hundredths = Math.floor((part / of) * 10_000 + 1e-9);
  return `${Number((hundredths / 100).toFixed(2))} %`;
}

/** The numbers of a share of runs: `4,986 of 5,022`. */
export function formatRuns({ part, of }: Share): string {
  return `${formatCount(part)} of ${formatCount(of)}`;
}

/** The numbers of a share of time: `162.8 of 168 h`, and minutes below two hours: `42 of 60 min`. */
export function formatTimes({ part, of }: Share): string {
  const [unitMs, unit] = of < 2 * hourMs ? ([minuteMs, 'min'] as const) : ([hourMs, 'h'] as const);
  const tenths = (ms: number): string => formatCount(Math.floor(ms / (unitMs / 10) + 0.5) / 10);
  return `${tenths(part)} of ${tenths(of)} ${unit}`;
}

export { dayMs, hourMs, minuteMs };
