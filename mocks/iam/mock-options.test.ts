import { expect, test } from 'vitest';
import { readMockOptions } from './mock-options.ts';

test('without variables nothing goes wrong and nothing takes time', () => {
  const { faults, latency } = readMockOptions({ AWSIAM_MOCK_SEED: '' });
  expect(faults.next('CreateUser')).toBeUndefined();
  expect(latency()).toBe(0);
});

function numbersOf(seed: string): number[] {
  const { random, latency } = readMockOptions({ AWSIAM_MOCK_SEED: seed, AWSIAM_MOCK_LATENCY: '20-80' });
  return [random(), latency()];
}

test('the seed decides on ids and times', () => {
  expect(numbersOf('5')).toEqual(numbersOf('5'));
  expect(numbersOf('5')).not.toEqual(numbersOf('6'));
  expect(numbersOf('')).toEqual(numbersOf('1'));
});

test('a key that was put into one of them is not shown', () => {
  const key = 'AKIAE2ETESTKEYID7Q4X';
  for (const faults of [key, `${key}=hang`, `CreateUser=${key}`, 'CreateUser=hang']) {
    const values = { AWSIAM_MOCK_FAULTS: faults, AWSIAM_MOCK_LATENCY: key, AWSIAM_MOCK_SEED: key };
    expect(() => readMockOptions(values)).toThrow(/AWSIAM_MOCK_SEED: a text of 20 characters/);
    expect(() => readMockOptions(values)).toThrow(/^(?!.*AKIA)/s);
  }
});

test('the problems of all variables come in one error, each with its variable', () => {
  const values = { AWSIAM_MOCK_FAULTS: 'CreateUser=nope', AWSIAM_MOCK_LATENCY: 'fast', AWSIAM_MOCK_SEED: '1.5' };
  expect(() => readMockOptions(values)).toThrow(
    /AWSIAM_MOCK_FAULTS: .*\n.*operations: .*\n.*faults: .*\n.*AWSIAM_MOCK_LATENCY: .*\n.*AWSIAM_MOCK_SEED: "1.5" is not an integer/,
  );
});
