import { joinLines } from '../text/printable.ts';

/** Text from outside in GitHub's Markdown, where it must neither format, link, mention anybody nor break a table. */

/** What Markdown or HTML reads as more than text. */
const special = /[\\`*_[\]<>|~&$]/g;
/**
 * What GitHub makes links of after it has decoded all entities: `@somebody`, `#123`, `GH-123`, `www.…`, `https://…`. A
 * space of no width after the first part prevents that.
 */
const linked = /[@#]|\bGH-(?=\d)|\bwww(?=\.)|:(?=\/\/)/gi;

/** Makes any text a plain one on one line, for a paragraph, a list or a cell of a table. */
export function plainText(text: string, maxLength: number): string {
  return joinLines(text, maxLength)
    .replaceAll(special, (character) => `&#${character.charCodeAt(0)};`)
    .replaceAll(linked, (part, offset: number, whole: string) =>
      // The `#` of an entity from above.
      part === '#' && whole[offset - 1] === '&' ? part : `${part}&#8203;`,
    );
}

/** One line to copy, in a block of its own. */
export function codeBlock(text: string, maxLength: number): string {
  const line = joinLines(text, maxLength);
  // A fence that is longer than all backticks in a row cannot be closed by them.
  const longest = Math.max(2, ...[...line.matchAll(/`+/g)].map(([backticks]) => backticks.length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}text\n${line}\n${fence}\n`;
}
