import { InvalidArgumentError, type Option } from 'commander';
import { describe, expect, test } from 'vitest';
import { durationOption, parseDuration, secondsOption } from './options.ts';

const parse = (option: Option, text: string): unknown => option.parseArg?.(text, undefined);

describe('parseDuration', () => {
  test.for([
    ['100ms', 100],
    ['90s', 90_000],
    ['90 s', 90_000],
    ['2m', 120_000],
    ['1.5h', 5_400_000],
    ['1d', 86_400_000],
    ['1 Hour', 3_600_000],
    ['0s', 0],
  ] as const)('reads %o as %d ms', ([text, milliseconds]) => {
    expect(parseDuration(text)).toBe(milliseconds);
  });

  test.for(['', '2', '-1h', '1h30', '1h30m', 'soon', '2x', '1e3s', '0x10', 'NaN', 'Infinitys', `${'9'.repeat(101)}s`])(
    'does not understand %o',
    (text) => {
      expect(parseDuration(text)).toBeUndefined();
    },
  );
});

describe('durationOption', () => {
  test('gives milliseconds and shows its default the way people type it', () => {
    const option = durationOption('--pace <duration>', 'the pace', 100);
    expect(option).toMatchObject({ defaultValue: 100, defaultValueDescription: '100ms' });
    expect(parse(option, '1s')).toBe(1000);
  });

  test('has no default unless one is given', () => {
    expect(durationOption('--older-than <duration>', 'the age').defaultValue).toBeUndefined();
  });

  test.for(['2', '-1s', 'soon'])('refuses %o and says what is expected', (text) => {
    expect(() => parse(durationOption('--pace <duration>', 'the pace'), text)).toThrow(InvalidArgumentError);
    expect(() => parse(durationOption('--pace <duration>', 'the pace'), text)).toThrow('such as 90s, 30m, 1h or 2d');
  });
});

describe('secondsOption', () => {
  const option = secondsOption('--interval <duration>', 'the interval', { least: 1, most: 3600 }, 120);

  test('shows its default the way people type it', () => {
    expect(option).toMatchObject({ defaultValue: 120, defaultValueDescription: '2m' });
  });

  test.for([
    ['1', 1],
    ['120', 120],
    ['120s', 120],
    ['120 s', 120],
    ['2m', 120],
    ['1.5m', 90],
    ['2000ms', 2],
    ['1h', 3600],
  ] as const)('reads %o as %d seconds', ([text, seconds]) => {
    expect(parse(option, text)).toBe(seconds);
  });

  test.for(['', '0', '-1', '1.5', '1.5s', '500ms', '3601', '2h', 'soon', '2x', '1e3', '0x10', 'NaN', 'Infinity'])(
    'refuses %o and says what is expected',
    (text) => {
      expect(() => parse(option, text)).toThrow(InvalidArgumentError);
      expect(() => parse(option, text)).toThrow('from 1 to 3600 seconds, such as 120, 120s or 2m');
    },
  );
});
