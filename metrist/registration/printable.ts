const longest = 200;

/** Somebody else's text, on one line, cut, and without what a terminal would obey. */
export function printable(text: string): string {
  const line = text.replaceAll(/[\s\p{Cc}\p{Cf}]+/gu, ' ').trim();
  return line.length > longest ? `${line.slice(0, longest)}…` : line;
}
