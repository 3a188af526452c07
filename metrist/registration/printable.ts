import { clip } from '../../runner/redact.ts';

const longest = 200;

/** Somebody else's text, on one line, cut, and without what a terminal would obey. */
export function printable(text: string): string {
  return clip(text.replaceAll(/[\s\p{Cc}\p{Cf}]+/gu, ' ').trim(), longest);
}
