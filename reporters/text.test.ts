import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { clip, firstLine, oneLine, visibleText } from './text.ts';

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

  test('changes nothing the second time', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(visibleText(visibleText(text))).toBe(visibleText(text));
      }),
    );
  });
});

describe('clip', () => {
  test('leaves a text that fits alone', () => {
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
  ] as const)('of %j to %d falls between two words where that costs little', ([text, maxLength, clipped]) => {
    expect(clip(text, maxLength)).toBe(clipped);
  });

  test('never halves a character', () => {
    expect(clip('123😀56', 5)).toBe('123…');
  });
});

test('firstLine skips empty lines and trims', () => {
  expect(firstLine('\n\n  first  \r\nsecond')).toBe('first');
  expect(firstLine('')).toBe('');
});

test('oneLine is one printable line', () => {
  expect(oneLine('a\tb\u0007\nc', 10)).toBe('a b␇');
});
