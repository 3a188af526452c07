import { expect, test } from 'vitest';
import { formatDuration } from './duration.ts';

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
] as const)('%d ms is %s', ([durationMs, text]) => {
  expect(formatDuration(durationMs)).toBe(text);
});
