import { clip } from './redact.ts';

export { clip };

/** Control characters, bidirectional overrides and non-characters: illegal in XML 1.0, or able to rewrite what a terminal shows. */
const unprintable = /[\p{Cc}\p{Bidi_Control}\uFFFE\uFFFF]/gu;

/**
 * Text from outside, made safe to print in a terminal and legal in XML 1.0. Line breaks and tabs stay; other control
 * characters become visible (an escape turns into `␛`), lone surrogates and invisible direction marks turn into `�`.
 */
export function visibleText(text: string): string {
  return text.toWellFormed().replaceAll('\r\n', '\n').replaceAll(unprintable, visibleCharacter);
}

function visibleCharacter(character: string): string {
  if (character === '\n' || character === '\t') return character;
  if (character < ' ') return String.fromCharCode(0x2400 + character.charCodeAt(0));
  return character === '\u007F' ? '␡' : '�';
}

/** The first line of `text` that says something. */
export function firstLine(text: string): string {
  return text.trimStart().split(/\r?\n/, 1)[0]?.trimEnd() ?? '';
}

/** The first line, printable and clipped: for attributes, summary lines and everything else that must not break. */
export function oneLine(text: string, maxLength: number): string {
  return visibleText(clip(firstLine(text), maxLength)).replaceAll('\t', ' ');
}

/** All lines of `text` on one line, printable and clipped. */
export function joinLines(text: string, maxLength: number): string {
  return oneLine(text.replaceAll(/\s+/gu, ' '), maxLength);
}

/** What another program wrote, for a sentence: in quotes, on one line, clipped. */
export function quote(text: string | Uint8Array, maxLength = 60): string {
  return JSON.stringify(clip(typeof text === 'string' ? text : Buffer.from(text).toString(), maxLength));
}

/** A number with its noun: `1 result`, `2 results`, `3 entities`. */
export function plural(count: number, noun: string, nouns = `${noun}s`): string {
  return `${count} ${count === 1 ? noun : nouns}`;
}
