import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatMetadata, isElixirNumber, parseMetadata, trimWhitespace } from './metadata.ts';

const key = fc.string({ unit: fc.constantFrom(...Array.from('abcXYZ019._-:é😀')), minLength: 1 });
const finite = fc.double({ noDefaultInfinity: true, noNaN: true });

describe('formatMetadata', () => {
  test.each([
    [{}, ''],
    [{ key: 'value' }, 'key=76616c7565'],
    [{ attempts: 31, httpStatus: 200 }, 'attempts=3331,httpStatus=323030'],
    [{ retryDelayMs: 120.5 }, 'retryDelayMs=3132302e35'],
    [{ 'metrist.source': 'monitor' }, 'metrist.source=6d6f6e69746f72'],
    [{ text: 'a=b, c\n' }, 'text=613d622c20630a'],
    [{ text: 'é😀' }, 'text=c3a9f09f9880'],
    [{ commit: 'deadbeef' }, 'commit=6465616462656566'],
  ])('writes %j as %j', (metadata, word) => {
    expect(formatMetadata(metadata)).toBe(word);
  });

  test.each([
    ['an empty value', { a: '' }],
    ['an empty key', { '': 'x' }],
    ['a key with a space', { 'a b': 'x' }],
    ['a key with a comma', { 'a,b': 'x' }],
    ['a key with an equals sign', { 'a=b': 'x' }],
    ['a key with a line break', { 'a\nb': 'x' }],
    ['a key with a tab', { '\tab': 'x' }],
    ['a key with U+0085', { 'ab\u0085': 'x' }],
  ])('leaves out %s', (_, metadata) => {
    expect(formatMetadata(metadata)).toBe('');
    expect(formatMetadata({ first: 1, ...metadata, last: 2 })).toBe('first=31,last=32');
  });

  test.each([
    '596e5441-78d2-4032-a08c-631ad4de8c04',
    '1e309',
    '-1.5E+309 and more',
    '9'.repeat(310),
    `${'9'.repeat(310)}.5x`,
  ])('puts a space before %j, which begins with a number too large for a float', (value) => {
    expect(parseMetadata(formatMetadata({ value, attempts: 2 }))).toEqual({ value: ` ${value}`, attempts: 2 });
  });

  test.each(['596f5441-78d2', '596e54-78d2', '7e-999-x', 'x1e309', '.1e309', '1e+x'])('does not change %j', (value) => {
    expect(parseMetadata(formatMetadata({ value }))).toEqual({ value });
  });

  test('writes one word with separate pairs for any content', () => {
    const any = fc.dictionary(fc.string({ unit: 'binary' }), fc.oneof(fc.string({ unit: 'binary' }), finite));
    fc.assert(
      fc.property(any, (metadata) => {
        const word = formatMetadata(metadata);
        expect(word).not.toMatch(/[\s\x85]/);
        const read = parseMetadata(word) ?? { 'no metadata': true };
        expect(Object.keys(read).filter((name) => !Object.hasOwn(metadata, name))).toEqual([]);
      }),
    );
  });
});

describe('parseMetadata', () => {
  test.each([
    ['', {}],
    [' ', {}],
    [',', {}],
    ['key=value', { key: 'value' }],
    ['key1=value1,key2=value2', { key1: 'value1', key2: 'value2' }],
    [' key=value\n', { key: 'value' }],
    ['key=value,', { key: 'value' }],
    [',,a=x,,b=y', { a: 'x', b: 'y' }],
    ['key=', { key: '' }],
    ['=x', { '': 'x' }],
    ['a=x,a=y', { a: 'y' }],
    ['__proto__=x', Object.fromEntries([['__proto__', 'x']])],
  ])('reads %j', (word, metadata) => {
    expect(parseMetadata(word)).toEqual(metadata);
  });

  test.each(['garbage', 'key=value,candle', 'a==b', 'a=b=c', 'a=x,b=y=z', 'service:', 'a=x,=y='])(
    'does not take %j for metadata',
    (word) => {
      expect(parseMetadata(word)).toBeUndefined();
    },
  );

  test.each([
    ['76616C7565', 'value'],
    ['76616c7565', 'value'],
    ['42', 'B'],
    ['3432', 42],
    ['312E30', 1],
    ['1.0', 1],
    ['1', 1],
    ['5', 5],
    ['-5', -5],
    ['+5', 5],
    ['1.5e3', 1500],
    ['2d342e31653220', '-4.1e2 '],
    ['.5', '.5'],
    ['5.', '5.'],
    ['NaN', 'NaN'],
    ['Infinity', 'Infinity'],
    ['12ms', '12ms'],
    ['abc', 'abc'],
    ['0x1F', '0x1F'],
    ['31323334', 1234],
  ])('decodes base16 first, then numbers: %j is %j', (value, decoded) => {
    expect(parseMetadata(`a=${value}`)).toEqual({ a: decoded });
  });

  test.each(['36629f3e00004000', 'deadbeefcafe', 'DEADBEEF', '6b7f9f3e-0000-4000-8000-000000000001'])(
    'reads back the request id %s, although it looks like base16 or begins like a number',
    (requestId) => {
      expect(parseMetadata(formatMetadata({ requestId, attempts: 3 }))).toEqual({ requestId, attempts: 3 });
    },
  );

  test('turns text that looks like a number into a number', () => {
    expect(parseMetadata(formatMetadata({ requestId: '0012' }))).toEqual({ requestId: 12 });
  });

  test('reads back every number, and every text that does not begin like a number', () => {
    const text = fc.string({ unit: 'binary', minLength: 1 }).filter((value) => !/^[+-]?\d/.test(value));
    const value = fc.oneof(
      text,
      text,
      finite.filter((number) => !Object.is(number, -0)),
      fc.integer(),
    );
    fc.assert(
      fc.property(fc.dictionary(key, value), (metadata) => {
        expect(parseMetadata(formatMetadata(metadata))).toEqual({ ...metadata });
      }),
    );
  });
});

describe('isElixirNumber', () => {
  test.each(['0', '12', '-12', '+12', '12.5', '007', '1e5', '1E5', '1.5e-7', '1e+21', '9'.repeat(308)])(
    'takes %j',
    (text) => {
      expect(isElixirNumber(text)).toBe(true);
    },
  );

  test.each([
    '',
    ' ',
    '.5',
    '5.',
    '1.e5',
    '1e',
    '1e5.5',
    'NaN',
    'Infinity',
    '-Infinity',
    '12ms',
    '1 2',
    '1_000',
    '0x1f',
  ])('does not take %j', (text) => {
    expect(isElixirNumber(text)).toBe(false);
  });

  test.each(['--1', '1,5', '12\n', ' 12', '١٢', '1e309', '9'.repeat(310)])('does not take %j', (text) => {
    expect(isElixirNumber(text)).toBe(false);
  });
});

describe('trimWhitespace', () => {
  test.each([
    ['', ''],
    [' \t\r\n', ''],
    ['\u0085\u00A0\u2003 a b \u3000\u2028', 'a b'],
    ['\u200Ba\0', '\u200Ba\0'],
  ])('turns %j into %j', (text, trimmed) => {
    expect(trimWhitespace(text)).toBe(trimmed);
  });
});
