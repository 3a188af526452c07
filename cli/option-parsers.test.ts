import { InvalidArgumentError } from 'commander';
import { describe, expect, test } from 'vitest';
import { configId, runGroups, wholeSeconds } from './option-parsers.ts';

const parse = wholeSeconds({ least: 1, most: 3600 });

describe('wholeSeconds', () => {
  test.for([
    ['1', 1],
    ['120', 120],
    ['120s', 120],
    ['120 s', 120],
    ['2m', 120],
    ['1.5m', 90],
    ['2000ms', 2],
    ['1h', 3600],
  ] as const)('takes %o for %d seconds', ([text, seconds]) => {
    expect(parse(text)).toBe(seconds);
  });

  test.for([
    '',
    '0',
    '-1',
    '1.5',
    '1.5s',
    '500ms',
    '3601',
    '2h',
    'soon',
    '2x',
    '1e3',
    '0x10',
    'NaN',
    'Infinity',
    `${'9'.repeat(101)}s`,
  ])('refuses %o and says what is expected', (text) => {
    expect(() => parse(text)).toThrow(InvalidArgumentError);
    expect(() => parse(text)).toThrow('from 1 to 3600 seconds, such as 120, 120s or 2m');
  });
});

describe('runGroups', () => {
  test('collects names', () => {
    expect(runGroups('eu', runGroups('prod'))).toEqual(['prod', 'eu']);
  });

  test.for(['', ' ', ' prod', 'prod ', 'a,b'])('refuses %o', (name) => {
    expect(() => runGroups(name)).toThrow(InvalidArgumentError);
  });

  test('refuses a name that was given before', () => {
    expect(() => runGroups('prod', ['prod'])).toThrow('given before');
  });
});

describe('configId', () => {
  test('takes letters and digits', () => {
    expect(configId('11y9YlrWxXf39mRWIrhFtPl')).toBe('11y9YlrWxXf39mRWIrhFtPl');
  });

  test.for(['', '../other', 'a/b', 'a b', 'ä', 'a?b'])('refuses %o', (text) => {
    expect(() => configId(text)).toThrow(InvalidArgumentError);
  });
});
