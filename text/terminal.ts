import { styleText, stripVTControlCharacters } from 'node:util';

const defaultColumns = 100;

/** The width to wrap to: that of the terminal, else COLUMNS, else 100. */
export function columnsOf(
  stream: { readonly columns?: number | undefined },
  values: Readonly<Record<string, string | undefined>>,
): number {
  const wanted = Number(values['COLUMNS']);
  return stream.columns || (Number.isInteger(wanted) && wanted > 0 ? wanted : defaultColumns);
}

export type Style = Parameters<typeof styleText>[0];

/** Returns a function that colours text, or leaves it unchanged if `color` is off. */
export function painter({ color }: { readonly color: boolean }): (style: Style, text: string) => string {
  return (style, text) => (color ? styleText(style, text, { validateStream: false }) : text);
}

/**
 * Breaks `text` into lines of at most `width` characters, only at spaces: an ARN or an address that is too long stays in one
 * piece, so that it can be copied.
 */
export function wrapText(text: string, width: number): string[] {
  return text.split('\n').flatMap((line) => wrapLine(line.trimEnd(), width));
}

/**
 * Joins `start` and its parts with ` · `, on as few lines as possible. A line ends between two parts. A part that is longer
 * than a line is broken at its spaces. All lines after the first are indented.
 *
 * ```text
 *   awsiam live · 8 passed in 1.24 s · JUnit results/junit.xml ·
 *       8 results to Metrist (us-east-1)
 * ```
 */
export function wrapParts(
  start: string,
  parts: readonly string[],
  { columns, indent }: { readonly columns: number; readonly indent: string },
): string {
  const lines: string[] = [];
  let current = start;
  for (const [index, part] of parts.entries()) {
    const end = index < parts.length - 1 ? ' ·' : '';
    if (widthOf(`${current} · ${part}${end}`) <= columns) {
      current = `${current} · ${part}`;
      continue;
    }
    const broken = wrapText(part, columns - indent.length - end.length).map((line) => `${indent}${line}`);
    lines.push(`${current} ·`, ...broken.slice(0, -1));
    current = broken.at(-1) ?? '';
  }
  return [...lines, current].join('\n');
}

function wrapLine(line: string, width: number): string[] {
  const lines: string[] = [];
  // The further lines of a list item start below its text.
  const hanging = line.startsWith('- ') ? '  ' : '';
  let current = '';
  for (const word of line.split(' ')) {
    if (current !== '' && widthOf(current) + 1 + widthOf(word) > width) {
      lines.push(current);
      current = `${hanging}${word}`;
    } else {
      current = current === '' ? word : `${current} ${word}`;
    }
  }
  return [...lines, current];
}

/** The length of a text without the escape codes of colours. */
export function widthOf(text: string): number {
  return stripVTControlCharacters(text).length;
}
