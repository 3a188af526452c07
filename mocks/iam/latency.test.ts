import { describe, expect, test } from 'vitest';
import { parseLatency } from './latency.ts';
import { createRandom } from './random.ts';

function sample(text: string, count = 10_000): number[] {
  const latency = parseLatency(text, createRandom(7));
  return Array.from({ length: count }, () => latency()).toSorted((left, right) => left - right);
}

describe('latency', () => {
  test('a median alone is the same time for all answers', () => {
    expect(new Set(sample('20', 10))).toEqual(new Set([20]));
  });

  test('a median and a 99th percentile are met by a large sample', () => {
    const times = sample('20-80');
    expect(times[5000]).toBeCloseTo(20, -1);
    expect(times[9900]).toBeGreaterThan(70);
    expect(times[9900]).toBeLessThan(90);
    expect(times[0]).toBeGreaterThan(0);
  });

  test('the same seed gives the same times', () => {
    expect(sample('20-80', 5)).toEqual(sample('20-80', 5));
  });

  test.each(['0', '', ' '])('%j is none', (text) => {
    expect(sample(text, 1)).toEqual([0]);
  });

  test.each([
    ['fast', 'is not <median ms> or <median ms>-<p99 ms>'],
    ['-5', 'is not <median ms>'],
    ['80-20', '99th percentile (20 ms) below its median (80 ms)'],
    ['0-20', 'no spread'],
  ])('%j is refused', (text, problem) => {
    expect(() => parseLatency(text, createRandom(1))).toThrow(problem);
  });
});
