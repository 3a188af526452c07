import { describe, expect, test } from 'vitest';
import { readMockOptions } from './mock-options.ts';

test('without variables there are no faults and no latency', () => {
  const { faults, latency } = readMockOptions({ AWSIAM_MOCK_SEED: '' });
  expect(faults.next('CreateUser')).toBeUndefined();
  expect(latency()).toBe(0);
});

function numbersOf(seed: string): number[] {
  const { random, latency } = readMockOptions({ AWSIAM_MOCK_SEED: seed, AWSIAM_MOCK_LATENCY: '20-80' });
  return [random(), latency()];
}

test('the seed determines ids and times', () => {
  expect(numbersOf('5')).toEqual(numbersOf('5'));
  expect(numbersOf('5')).not.toEqual(numbersOf('6'));
  expect(numbersOf('')).toEqual(numbersOf('1'));
});

test('a key in one of the variables is not shown', () => {
  const key = 'AKIAE2ETESTKEYID7Q4X';
  for (const faults of [key, `${key}=hang`, `CreateUser=${key}`, 'CreateUser=hang']) {
    const values = { AWSIAM_MOCK_FAULTS: faults, AWSIAM_MOCK_LATENCY: key, AWSIAM_MOCK_SEED: key };
    expect(() => readMockOptions(values)).toThrow(/AWSIAM_MOCK_SEED: a text of 20 characters/);
    expect(() => readMockOptions(values)).toThrow(/^(?!.*AKIA)/s);
  }
});

test('one error lists the problems of all variables, each with its variable', () => {
  const values = { AWSIAM_MOCK_FAULTS: 'CreateUser=nope', AWSIAM_MOCK_LATENCY: 'fast', AWSIAM_MOCK_SEED: '1.5' };
  expect(() => readMockOptions(values)).toThrow(
    /AWSIAM_MOCK_FAULTS: .*\n.*operations: .*\n.*faults: .*\n.*AWSIAM_MOCK_LATENCY: .*\n.*AWSIAM_MOCK_SEED: "1.5" is not an integer/,
  );
});

function sampleLatency(text: string, count = 10_000): number[] {
  const { latency } = readMockOptions({ AWSIAM_MOCK_LATENCY: text, AWSIAM_MOCK_SEED: '7' });
  return Array.from({ length: count }, () => latency()).toSorted((left, right) => left - right);
}

describe('latency', () => {
  test('a median alone gives all answers the same time', () => {
    expect(new Set(sampleLatency('20', 10))).toEqual(new Set([20]));
  });

  test('a large sample has the median and the 99th percentile that were asked for', () => {
    const times = sampleLatency('20-80');
    expect(times[5000]).toBeCloseTo(20, -1);
    expect(times[9900]).toBeGreaterThan(70);
    expect(times[9900]).toBeLessThan(90);
    expect(times[0]).toBeGreaterThan(0);
  });

  test.each(['0', '', ' '])('%j means no latency', (text) => {
    expect(sampleLatency(text, 1)).toEqual([0]);
  });

  test.each([
    ['fast', 'is not <median ms> or <median ms>-<p99 ms>'],
    ['-5', 'is not <median ms>'],
    ['80-20', '99th percentile (20 ms) below its median (80 ms)'],
    ['0-20', '99th percentile must be 0 ms too'],
  ])('%j is refused', (text, problem) => {
    expect(() => readMockOptions({ AWSIAM_MOCK_LATENCY: text })).toThrow(problem);
  });
});
