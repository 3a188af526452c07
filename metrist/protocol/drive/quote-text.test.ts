import { expect, test } from 'vitest';
import { quoteText } from './quote-text.ts';

test.for<readonly [string | Uint8Array, string]>([
  ['Step OK', '"Step OK"'],
  ['a "b"\n', '"a \\"b\\"\\n"'],
  [Buffer.from('größer'), '"größer"'],
  ['x'.repeat(61), `"${'x'.repeat(59)}…"`],
  [Buffer.from('x'.repeat(100_000)), `"${'x'.repeat(59)}…"`],
])('%j on one line, clipped: %s', ([text, quoted]) => {
  expect(quoteText(text)).toBe(quoted);
});
