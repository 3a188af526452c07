import { formatCount } from './number.ts';

export const minuteMs = 60_000;
export const hourMs = 60 * minuteMs;
export const dayMs = 24 * hourMs;

/** A moment in UTC for people, where UTC is said beside it: `2026-11-22 12:00`. */
export function formatMinute(atMs: number): string {
  return formatSecond(atMs).slice(0, 16);
}

/** The same to the second: `2026-11-22 12:00:07`. */
export function formatSecond(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 19).replace('T', ' ');
}

/** A moment for people, to the minute: `2026-11-22 12:00 UTC`. */
export function formatUtc(atMs: number): string {
  return `${formatMinute(atMs)} UTC`;
}

/** The numbers of a part of some time: `162.8 of 168 h`, and minutes below two hours: `42 of 60 min`. */
export function formatTimes({ part, of }: { readonly part: number; readonly of: number }): string {
  const [unitMs, unit] = of < 2 * hourMs ? ([minuteMs, 'min'] as const) : ([hourMs, 'h'] as const);
  const tenths = (ms: number): string => formatCount(Math.floor(ms / (unitMs / 10) + 0.5) / 10);
  return `${tenths(part)} of ${tenths(of)} ${unit}`;
}
