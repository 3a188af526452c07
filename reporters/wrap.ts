/**
 * Breaks `text` into lines of at most `width` characters, at spaces alone: an ARN or an address stays in one piece, to be
 * copied, even where it is too long. Lines beyond `maxLines` are left out, and a last one says where they are.
 */
export function wrapText(text: string, width: number, maxLines: number): string[] {
  const lines = text.split('\n').flatMap((line) => wrapLine(line.trimEnd(), width));
  if (lines.length <= maxLines) return lines;
  return [...lines.slice(0, maxLines), '… the rest is in the JUnit report'];
}

function wrapLine(line: string, width: number): string[] {
  const lines: string[] = [];
  let current = '';
  for (const word of line.split(' ')) {
    if (current !== '' && current.length + 1 + word.length > width) {
      lines.push(current);
      current = word;
    } else {
      current = current === '' ? word : `${current} ${word}`;
    }
  }
  return [...lines, current];
}
