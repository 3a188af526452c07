import { styleText } from 'node:util';
import { expect, test } from 'vitest';
import { wrapParts, wrapText, columnsOf } from './terminal.ts';

test.for([
  ['', ['']],
  ['one two', ['one two']],
  ['one two three', ['one two', 'three']],
  ['one\n\ntwo  ', ['one', '', 'two']],
  ['a unbreakable-word b', ['a', 'unbreakable-word', 'b']],
  ['- one two three', ['- one', '  two', '  three']],
] as const)('%j is wrapped at spaces', ([text, lines]) => {
  expect(wrapText(text, 8)).toEqual(lines);
});

test.for([
  [[], ['start']],
  [['one', 'two'], ['start · one · two']],
  [
    ['one', 'two', 'three'],
    ['start · one · two ·', '  three'],
  ],
  // The ` ·` at the end of a line needs room, too.
  [
    ['one', 'two2', 'three'],
    ['start · one ·', '  two2 · three'],
  ],
  [
    ['many words that are long', 'b'],
    ['start ·', '  many words that', '  are long · b'],
  ],
] as const)('%j after a start are wrapped between parts', ([parts, lines]) => {
  expect(wrapParts('start', parts, { columns: 19, indent: '  ' }).split('\n')).toEqual(lines);
});

test('no surrogate pair is cut in half', () => {
  const text = `${'😀'.repeat(9)} a${'😀'.repeat(9)}`;
  for (let width = 1; width < 24; width++) {
    expect(wrapText(text, width).every((line) => line.isWellFormed())).toBe(true);
    expect(wrapParts('😀😀', [text, text], { columns: width, indent: ' ' }).isWellFormed()).toBe(true);
  }
});

test('colours take no room', () => {
  const red = styleText('red', 'one', { validateStream: false });
  expect(wrapParts('start', [red, 'two'], { columns: 17, indent: '' })).toBe(`start · ${red} · two`);
});

test.for([
  [{ columns: 60 }, { COLUMNS: '80' }, 60],
  [{ columns: 0 }, {}, 100],
  [{}, { COLUMNS: '80' }, 80],
  [{}, { COLUMNS: 'wide' }, 100],
  [{}, {}, 100],
] as const)('a stream of %o with %o is written to for %d columns', ([stream, values, columns]) => {
  expect(columnsOf(stream, values)).toBe(columns);
});
