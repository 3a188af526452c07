import { expect, test } from 'vitest';
import { formatAge, formatDuration, formatElapsed, formatLimit, formatSpan } from './duration.ts';

test.for([
  [0, '0 ms'],
  [0.04, '0 ms'],
  [0.44, '0.4 ms'],
  [9.96, '10 ms'],
  [84.25, '84 ms'],
  [999.4, '999 ms'],
  [999.6, '1.00 s'],
  [1240, '1.24 s'],
  [59_994, '59.99 s'],
  [59_999, '1 min 00 s'],
  [125_000, '2 min 05 s'],
  [900_000, '15 min 00 s'],
  [Number.NaN, '? ms'],
  [-1, '? ms'],
] as const)('the duration %d ms is %s', ([durationMs, text]) => {
  expect(formatDuration(durationMs)).toBe(text);
});

test.for([
  [30_000, '30 s'],
  [2500, '2.5 s'],
] as const)('the limit %d ms is %s', ([limitMs, text]) => {
  expect(formatLimit(limitMs)).toBe(text);
});

test.for([
  [4100, undefined, '(4 s)'],
  [12_000, 48_000, '(12 s, at most 48 s more)'],
  [61_000, -1000, '(61 s, at most 0 s more)'],
] as const)('%d ms so far, with at most %s ms more, are shown as %s', ([forMs, atMostMs, text]) => {
  expect(formatElapsed(forMs, atMostMs)).toBe(text);
});

test.for([
  [600_000, '10 min'],
  [7_100_000, '118 min'],
  [7_200_000, '2 h'],
  [129_600_000, '36 h'],
  [172_800_000, '2 days'],
  [1_795_737_600_000, '20784 days'],
] as const)('the span %d ms is %s', ([spanMs, text]) => {
  expect(formatSpan(spanMs)).toBe(text);
});

test.for([
  [-5000, '0 s'],
  [59_999, '59 s'],
  [60_000, '1 min'],
  [3_599_999, '59 min'],
  [12_000_000, '3 h 20 min'],
  [86_399_999, '23 h 59 min'],
  [86_400_000, '1 day'],
  [532_800_000, '6 days 4 h'],
  [3_500_000_000, '40 days'],
] as const)('the age %d ms is %s', ([ageMs, text]) => {
  expect(formatAge(ageMs)).toBe(text);
});
