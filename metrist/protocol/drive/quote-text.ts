import { clip } from '../../../runner/redact.ts';

const maxQuoteLength = 60;

/** What a monitor wrote, for a sentence: in quotes, on one line, clipped. */
export function quoteText(text: string | Uint8Array): string {
  return JSON.stringify(clip(typeof text === 'string' ? text : Buffer.from(text).toString(), maxQuoteLength));
}
