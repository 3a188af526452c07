import type { Outcome, Point, Window } from '../../history/run-table.ts';
import { verdicts } from '../../runner/step-result.ts';

interface SparklineOptions {
  readonly window: Window;
  /** How many equal parts of the window are shown, one character each. */
  readonly slots: number;
  /** The usual time. */
  readonly medianMs: number | undefined;
}

const bars = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'] as const;
/** Five times the usual time is what Metrist's rules call slow. */
const slowFactor = 5;

/** What the characters of a sparkline mean. */
export const sparklineLegend = [
  '▂ usual time',
  '█ five times that or more',
  '✗ failed',
  '? could not look',
  '- blocked',
  '· no run',
] as const;

interface Slot {
  readonly times: number[];
  isFailed: boolean;
  isBlind: boolean;
  isUnreached: boolean;
}

/**
 * Shows the times of a step as bars relative to its usual time, so that an ordinary day is a flat line: `▂▂▂▂▂▃▂▂··▂▂✗█▇▃▂`.
 * A slot shows the median of its runs. If one of them failed, it shows that instead.
 */
export function renderSparkline(points: Iterable<Point>, { window, slots, medianMs }: SparklineOptions): string {
  const { fromMs, toMs } = window;
  const all = Array.from({ length: slots }, (): Slot => ({
    times: [],
    isFailed: false,
    isBlind: false,
    isUnreached: false,
  }));
  for (const { runMs, outcome, durationMs } of points) {
    const slot = all[Math.floor(((runMs - fromMs) * slots) / (toMs - fromMs))];
    if (slot !== undefined) addTo(slot, outcome, durationMs);
  }
  return all.map((slot) => characterOf(slot, medianMs)).join('');
}

function addTo(slot: Slot, outcome: Outcome, durationMs: number): void {
  if (outcome === 'passed') slot.times.push(durationMs);
  else if (outcome === 'unreached') slot.isUnreached = true;
  else if (outcome === 'blind') slot.isBlind = true;
  else if (outcome !== 'skipped' && outcome !== 'interrupted') {
    if (verdicts[outcome] === 'theirs') slot.isFailed = true;
    else slot.isBlind = true;
  }
}

function characterOf({ times, isFailed, isBlind, isUnreached }: Slot, medianMs = 0): string {
  if (isFailed) return '✗';
  if (isBlind) return '?';
  if (isUnreached) return '-';
  const sorted = times.toSorted((a, b) => a - b);
  const time = sorted[Math.ceil(sorted.length / 2) - 1];
  if (time === undefined) return '·';
  const ratio = medianMs > 0 ? time / medianMs : 1;
  const level = ratio >= slowFactor ? bars.length : Math.ceil((ratio / slowFactor) * (bars.length - 1));
  return bars[Math.max(level, 1) - 1] ?? bars[0];
}
