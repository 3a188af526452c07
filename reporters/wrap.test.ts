import { expect, test } from 'vitest';
import { wrapText } from './wrap.ts';

test.for([
  ['', ['']],
  ['one two', ['one two']],
  ['one two three', ['one two', 'three']],
  ['one\n\ntwo  ', ['one', '', 'two']],
  ['a unbreakable-word b', ['a', 'unbreakable-word', 'b']],
] as const)('%j is wrapped at spaces', ([text, lines]) => {
  expect(wrapText(text, 8, 10)).toEqual(lines);
});

test('lines beyond the limit are left out, and said to be', () => {
  expect(wrapText('1\n2\n3\n4', 8, 2)).toEqual(['1', '2', '… the rest is in the JUnit report']);
});
