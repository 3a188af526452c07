import { InvalidArgumentError } from 'commander';
import { describe, expect, test } from 'vitest';
import { configEntries, plainName, stepNames, stepTimeout } from './options.ts';

describe('stepTimeout', () => {
  test.for([
    ['90s', 90_000],
    ['2m', 120_000],
    ['1500ms', 1500],
    ['900', 900_000],
    ['60.0', 60_000],
    ['0.5', 500],
    ['1 h', 3_600_000],
  ] as const)('takes %o for %d ms', ([text, milliseconds]) => {
    expect(stepTimeout(text)).toBe(milliseconds);
  });

  test.for(['', '0', '0.0001', '-1', '.5', '65536', '19h', 'soon', '2x', '1e3', 'NaN', 'Infinity'])(
    'refuses %o and says what is expected',
    (text) => {
      expect(() => stepTimeout(text)).toThrow(InvalidArgumentError);
      expect(() => stepTimeout(text)).toThrow('such as 90s, 2m, 1500ms or 0.5 (seconds)');
    },
  );
});

describe('stepNames', () => {
  test('collects names in their order, twice the same if need be', () => {
    expect(stepNames('A', stepNames('B', stepNames('A')))).toEqual(['A', 'B', 'A']);
  });

  test.for(['', ' ', 'Create User', 'A\n'])('refuses %o', (name) => {
    expect(() => stepNames(name)).toThrow(InvalidArgumentError);
  });
});

describe('configEntries', () => {
  test('collects keys and values, and keeps what is in a value', () => {
    const entries = configEntries('__proto__=x', configEntries('Empty=', configEntries('Key=a=b c')));
    expect(Object.entries(entries)).toEqual([
      ['Key', 'a=b c'],
      ['Empty', ''],
      ['__proto__', 'x'],
    ]);
  });

  test.for(['', 'hunter2', '=hunter2'])('refuses %o and does not repeat it', (text) => {
    expect(() => configEntries(text)).toThrow('Expected Key=Value; repeat the option for more.');
  });

  test('refuses a key that was given before', () => {
    expect(() => configEntries('Key=b', { Key: 'a' })).toThrow('"Key" was given before.');
  });
});

test('a name is not empty', () => {
  expect(plainName('us-east-1')).toBe('us-east-1');
  expect(() => plainName(' ')).toThrow(InvalidArgumentError);
});
