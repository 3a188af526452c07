import { expect, it } from 'vitest';
import { formatLength, formatPercent, formatTimes } from './format.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

it.each([
  [0, '0 s'],
  [40_400, '40 s'],
  [58 * minuteMs, '58 min'],
  [59.7 * minuteMs, '1 h'],
  [3 * hourMs + 4 * minuteMs, '3 h 04 min'],
  [24 * hourMs, '1 day'],
  [43 * hourMs + 27 * minuteMs, '1 day 19 h'],
  [7 * 24 * hourMs, '7 days'],
])('shows a length of %d ms as %s', (ms, text) => {
  expect(formatLength(ms)).toBe(text);
});

it.each([
  [0, 0, '–'],
  [0, 3, '0 %'],
  [2, 3, '66.66 %'],
  [5829, 10_000, '58.29 %'],
  [99_999_999, 100_000_000, '99.99 %'],
  [3, 3, '100 %'],
])('shows %d of %d as %s, and only a whole as 100 %%', (part, of, text) => {
  expect(formatPercent({ part, of })).toBe(text);
});

it.each([
  [42 * minuteMs, hourMs, '42 of 60 min'],
  [163.45 * hourMs, 168 * hourMs, '163.5 of 168 h'],
  [0, 8760 * hourMs, '0 of 8,760 h'],
])('shows the time covered: %d ms of %d ms as %s', (part, of, text) => {
  expect(formatTimes({ part, of })).toBe(text);
});
