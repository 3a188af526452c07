import { expect, test } from 'vitest';
import { formatCount, formatPercent, percentOf } from './number.ts';

test.for([0, 7, 999, 1000, 21_600, 123_456, 1_234_567, -1000, 0.1 + 0.2, 0.5, 1234.5, 1234.5678, 99_999.9995])(
  '%d is shown as Intl would show it',
  (count) => {
    expect(formatCount(count)).toBe(new Intl.NumberFormat('en-US').format(count));
  },
);

test.for([
  [5, 5, '100 %'],
  [4999, 5000, '99.98 %'],
  [99_999, 100_000, '99.99 %'],
  [2, 3, '66.66 %'],
  [29, 100, '29 %'],
  [1, 1_000_000, '0 %'],
  [0, 7, '0 %'],
  [0, 0, '–'],
] as const)('%d of %d is shown as %s', ([part, of, shown]) => {
  expect(formatPercent({ part, of })).toBe(shown);
});

test('only a whole is 100 %, also with fractions of a millisecond', () => {
  expect(percentOf(604_799_999.999_99, 604_800_000)).toBe(99.99);
  expect(percentOf(604_800_000, 604_800_000)).toBe(100);
});
