import type { Share } from '../../history/run-table.ts';
import { formatCount } from '../../text/number.ts';
import { hourMs, minuteMs } from '../../text/time.ts';

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
