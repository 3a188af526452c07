import { clip } from './redact.ts';

/** Control characters, bidirectional overrides and non-characters. XML 1.0 forbids them, or a terminal would obey them. */
const unprintable = /[\p{Cc}\p{Bidi_Control}\uFFFE\uFFFF]/gu;

/**
 * Makes text from outside safe for a terminal and legal in XML 1.0. Line breaks and tabs stay. Other control characters
 * become visible (an escape turns into `␛`), and lone surrogates and direction marks turn into `�`.
 */
export function visibleText(text: string): string {
  return text.toWellFormed().replaceAll('\r\n', '\n').replaceAll(unprintable, visibleCharacter);
}

function visibleCharacter(character: string): string {
  if (character === '\n' || character === '\t') return character;
  if (character < ' ') return String.fromCharCode(0x2400 + character.charCodeAt(0));
  return character === '\u007F' ? '␡' : '�';
}

/** The first line of `text` that is not empty, printable and clipped. For places that take only one line. */
export function oneLine(text: string, maxLength: number): string {
  const [first = ''] = text.trimStart().split(/\r?\n/, 1);
  return visibleText(clip(first.trimEnd(), maxLength)).replaceAll('\t', ' ');
}

/** All lines of `text` on one line, printable and clipped. */
export function joinLines(text: string, maxLength: number): string {
  return oneLine(text.replaceAll(/\s+/gu, ' '), maxLength);
}

/** What another program wrote, in quotes, on one line and clipped, for a sentence. */
export function quote(text: string | Uint8Array, maxLength = 60): string {
  return JSON.stringify(clip(typeof text === 'string' ? text : Buffer.from(text).toString(), maxLength));
}

/** The message of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** A number with its noun: `1 result`, `2 results`, `3 entities`. */
export function plural(count: number, noun: string, nouns = `${noun}s`): string {
  return `${count} ${count === 1 ? noun : nouns}`;
}
