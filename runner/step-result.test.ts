import { expect, test } from 'vitest';
import { roundMs } from './clock.ts';
import { formatStepError, verdicts } from './step-result.ts';
import { stepError } from './testing/builders.ts';

test('the verdict is the first word of a failure', () => {
  expect(formatStepError(stepError({ verdict: 'quota', message: 'LimitExceeded at CreateGroup' }))).toBe(
    'quota: LimitExceeded at CreateGroup',
  );
});

test.for([
  ['theirs', ['service', 'throttled', 'timeout', 'network', 'propagation']],
  ['ours', ['credentials', 'permission', 'quota', 'configuration', 'monitor']],
] as const)('whose fault: %s for %j', ([side, expected]) => {
  const all = Object.entries(verdicts).filter(([, each]) => each === side);
  expect(all.map(([verdict]) => verdict)).toEqual(expected);
});

test.for([
  [84.250_4, 84.25],
  [0.000_6, 0.001],
  [0, 0],
  [900_000, 900_000],
] as const)('%d ms are rounded to %d, a whole number of microseconds', ([given, rounded]) => {
  expect(roundMs(given)).toBe(rounded);
});
