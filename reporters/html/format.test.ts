import { expect, it } from 'vitest';
import { hourMs, minuteMs } from '../../text/time.ts';
import { formatTimes } from './format.ts';

it.each([
  [42 * minuteMs, hourMs, '42 of 60 min'],
  [163.45 * hourMs, 168 * hourMs, '163.5 of 168 h'],
  [0, 8760 * hourMs, '0 of 8,760 h'],
])('shows the time covered: %d ms of %d ms as %s', (part, of, text) => {
  expect(formatTimes({ part, of })).toBe(text);
});
