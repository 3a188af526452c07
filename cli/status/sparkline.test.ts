import { describe, expect, test } from 'vitest';
import type { Outcome, Point } from '../../history/run-table.ts';
import { renderSparkline } from './sparkline.ts';

const window = { fromMs: 0, toMs: 600 };

function point(runMs: number, outcome: Outcome, durationMs = 100): Point {
  return { runMs, outcome, durationMs, attempts: 1, throttled: 0, propagationMs: 0 };
}

/** Six slots of 100 ms. The usual time is 100 ms. */
const draw = (...points: readonly Point[]) => renderSparkline(points, { window, slots: 6, medianMs: 100 });

describe('a sparkline', () => {
  test('shows the usual time as a flat line, and a slot without a run as a gap', () => {
    expect(draw(point(0, 'passed', 80), point(150, 'passed'), point(250, 'passed', 140), point(599, 'passed'))).toBe(
      '▂▂▂··▂',
    );
  });

  test('rises with the time, and is full from five times the usual time on', () => {
    const times = [60, 200, 300, 400, 499, 500];
    expect(draw(...times.map((time, slot) => point(slot * 100, 'passed', time)))).toBe('▁▃▅▆▇█');
  });

  test('shows the median of a slot', () => {
    expect(draw(point(0, 'passed', 100), point(1, 'passed', 100), point(2, 'passed', 9000)).slice(0, 1)).toBe('▂');
  });

  test.for([
    ['service', '✗'],
    ['timeout', '✗'],
    ['credentials', '?'],
    ['monitor', '?'],
    ['blind', '?'],
    ['unreached', '-'],
    ['skipped', '▂'],
    ['interrupted', '▂'],
  ] as const)('shows the outcome %s beside a success as %s', ([outcome, sign]) => {
    expect(draw(point(0, 'passed'), point(1, outcome)).slice(0, 1)).toBe(sign);
  });

  test('shows their failure before ours, and ours before a blocked run', () => {
    expect(draw(point(0, 'blind'), point(1, 'service'), point(100, 'unreached'), point(101, 'quota'))).toBe('✗?····');
  });

  test('shows an interrupted run as a gap, because it says nothing', () => {
    expect(draw(point(0, 'interrupted'))).toBe('······');
  });

  test('leaves out what is not in the window', () => {
    expect(draw(point(-1, 'service'), point(600, 'service'))).toBe('······');
  });
});
