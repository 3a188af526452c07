import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { joinLines, oneLine, plural, quote, visibleText } from './printable.ts';
import { clip } from './redact.ts';

describe('visibleText', () => {
  test.for([
    ['plain text, é, 😀', 'plain text, é, 😀'],
    ['\u001B[31mred', '␛[31mred'],
    ['a\0b\u007F', 'a␀b␡'],
    ['line\r\nline\tend', 'line\nline\tend'],
    ['over\rwritten', 'over␍written'],
    ['\uD800 \uDC00 \uFFFE \u202E \u009B', '� � � � �'],
  ])('shows %j as %j', ([text, visible]) => {
    expect(visibleText(text ?? '')).toBe(visible);
  });

  test('changes nothing if it is applied again', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(visibleText(visibleText(text))).toBe(visibleText(text));
      }),
    );
  });
});

describe('clip', () => {
  test('does not change a text that fits', () => {
    expect(clip('12345', 5)).toBe('12345');
  });

  test('marks a cut and stays within the limit', () => {
    expect(clip('123456', 5)).toBe('1234…');
  });

  test.for([
    ['one two three four five', 22, 'one two three four…'],
    ['one two three four five', 20, 'one two three four…'],
    ['one two three four five', 19, 'one two three four…'],
    ['one two-three-four-five', 20, 'one two-three-four-…'],
    ['one two three\nfour-five', 17, 'one two three…'],
  ] as const)('cuts %j to %d between two words if that costs little', ([text, maxLength, clipped]) => {
    expect(clip(text, maxLength)).toBe(clipped);
  });

  test('never halves a character', () => {
    expect(clip('123😀56', 5)).toBe('123…');
  });
});

test.for<readonly [string, (text: string, maxLength: number) => string]>([
  ['clip', clip],
  ['oneLine', oneLine],
  ['joinLines', joinLines],
  ['quote', (text, maxLength) => JSON.parse(quote(text, maxLength)) as string],
  ['quote of bytes', (text, maxLength) => JSON.parse(quote(Buffer.from(text), maxLength)) as string],
])('%s never cuts a surrogate pair in half', ([, cut]) => {
  for (const text of ['😀'.repeat(20), `a${'😀'.repeat(20)}`, '😀 '.repeat(20), `${'a'.repeat(15)} 😀😀😀😀`]) {
    for (let maxLength = 1; maxLength < 45; maxLength++) {
      const shown = cut(text, maxLength);
      expect(shown.length).toBeLessThanOrEqual(maxLength);
      expect(shown.isWellFormed() && !shown.includes('�'), `${maxLength}: ${shown}`).toBe(true);
    }
  }
});

test('oneLine is one printable line', () => {
  expect(oneLine('a\tb\u0007\nc', 10)).toBe('a b␇');
  expect(oneLine('\n\n  first  \r\nsecond', 10)).toBe('first');
  expect(oneLine('', 10)).toBe('');
});

test.for<readonly [string | Uint8Array, string]>([
  ['Step OK', '"Step OK"'],
  ['a "b"\n', '"a \\"b\\"\\n"'],
  [Buffer.from('größer'), '"größer"'],
  ['x'.repeat(61), `"${'x'.repeat(59)}…"`],
  [Buffer.from('x'.repeat(100_000)), `"${'x'.repeat(59)}…"`],
])('quotes %j on one line, clipped: %s', ([text, quoted]) => {
  expect(quote(text)).toBe(quoted);
});

test.for([
  ['plain text', 'plain text'],
  [' two\n\tlines ', 'two lines'],
  ['\u001B[31mred\u0007', '␛[31mred␇'],
  ['a\u202Eb', 'a�b'],
  ['x'.repeat(201), `${'x'.repeat(199)}…`],
] as const)('joins %o to %o', ([text, joined]) => {
  expect(joinLines(text, 200)).toBe(joined);
});

test.for([
  [0, '0 entities'],
  [1, '1 entity'],
  [2, '2 entities'],
] as const)('counts %d as %s', ([number, counted]) => {
  expect(plural(number, 'entity', 'entities')).toBe(counted);
});
