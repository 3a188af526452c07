import { expect, test } from 'vitest';
import { printable } from './printable.ts';

test.for([
  ['plain text', 'plain text'],
  [' two\n\tlines ', 'two lines'],
  ['\u001B[31mred\u0007', '[31mred'],
  ['a\u202Eb', 'a b'],
  ['x'.repeat(201), `${'x'.repeat(199)}…`],
] as const)('%o is shown as %o', ([text, shown]) => {
  expect(printable(text)).toBe(shown);
});
