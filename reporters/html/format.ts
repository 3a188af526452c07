import type { Share } from '../../history/run-table.ts';

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

/** How long something lasted: `40 s`, `58 min`, `3 h 04 min`, `2 days 4 h`. */
export function formatLength(ms: number): string {
  if (ms < minuteMs) return `${Math.round(ms / 1000)} s`;
  const minutes = Math.round(ms / minuteMs);
  if (minutes < 60) return `${minutes} min`;
  if (minutes < 48 * 60) return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`;
  const hours = Math.round(ms / hourMs);
  return `${Math.floor(hours / 24)} days ${hours % 24} h`;
}

/** A whole number with separators: `21,600`. */
export function formatCount(count: number): string {
  return count.toLocaleString('en-US');
}

/**
 * A share in percent: `99.28 %`. It is rounded down, so that only a whole is 100 %. Nothing of nothing is a dash.
 */
export function formatPercent({ part, of }: Share): string {
  if (of === 0) return '–';
  const hundredths = Math.floor((part / of) * 10_000 + 1e-9);
  if (part < of && hundredths === 10_000) return '99.99 %';
  return `${Number((hundredths / 100).toFixed(2))} %`;
}

/** A share of runs with its numbers: `99.28 % (4,986 of 5,022)`. */
export function formatAvailability(share: Share): string {
  const { part, of } = share;
  return of === 0 ? '– (0 of 0)' : `${formatPercent(share)} (${formatCount(part)} of ${formatCount(of)})`;
}

/** A share of time with its numbers: `98.1 % (164 h 48 min of 7 days 0 h)`. */
export function formatCoverage(share: Share): string {
  return share.of === 0
    ? '– (0 s of 0 s)'
    : `${formatPercent(share)} (${formatLength(share.part)} of ${formatLength(share.of)})`;
}

export { dayMs, hourMs, minuteMs };
