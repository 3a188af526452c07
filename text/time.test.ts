import { expect, test } from 'vitest';
import { formatTimes, formatUtc, hourMs, minuteMs } from './time.ts';

test('a moment is shown to the minute, in UTC', () => {
  expect(formatUtc(Date.UTC(2026, 10, 2, 3, 4, 59, 999))).toBe('2026-11-02 03:04 UTC');
});

test.for([
  [42 * minuteMs, hourMs, '42 of 60 min'],
  [163.45 * hourMs, 168 * hourMs, '163.5 of 168 h'],
  [0, 8760 * hourMs, '0 of 8,760 h'],
] as const)('%d ms of %d ms are shown as %s', ([part, of, text]) => {
  expect(formatTimes({ part, of })).toBe(text);
});
