import type { Metadata } from '../result-text.ts';

/**
 * Metadata as one word: `attempts=31,requestId=3662…`. Every value is the base16 of its UTF-8 bytes, because the
 * Orchestrator decodes everything that looks like base16, even a request id. Empty values and keys that would break the
 * word are left out. The result may be empty.
 */
export function formatMetadata(metadata: Metadata): string {
  return Object.entries(metadata)
    .filter(([key, value]) => String(value) !== '' && plainKey.test(key))
    .map(([key, value]) => `${key}=${Buffer.from(keepFromOverflow(String(value))).toString('hex')}`)
    .join(',');
}

const plainKey = /^[^\s\x85,=]+$/;

/**
 * Puts a space before text that begins with a number too large for a float, such as one request id in sixty:
 * `596e5441-78d2-…`. Many versions of Elixir raise an error when they parse it, and all metadata is lost
 * (https://github.com/elixir-lang/elixir/issues/10939).
 */
function keepFromOverflow(text: string): string {
  const [number = '0'] = /^[+-]?\d+(\.\d+)?(e[+-]?\d+)?/i.exec(text) ?? [];
  return Number.isFinite(Number(number)) ? text : ` ${text}`;
}

/**
 * Reads metadata as the Orchestrator does: it decodes base16, then turns text that looks like a number into one. Keys may
 * be empty, and there may be nothing between two commas.
 *
 * @returns `undefined` if the word is not metadata
 */
export function parseMetadata(word: string): Metadata | undefined {
  const entries: [string, string | number][] = [];
  for (const pair of trimWhitespace(word).split(',')) {
    if (pair === '') continue;
    const [key = '', value, ...more] = pair.split('=');
    if (value === undefined || more.length > 0) return undefined;
    entries.push([key, parseValue(value)]);
  }
  return Object.fromEntries(entries);
}

function parseValue(value: string): string | number {
  const text = isBase16(value) ? Buffer.from(value, 'hex').toString() : value;
  return isElixirNumber(text) ? Number(text) : text;
}

/** Whether the Orchestrator would decode a value as base16. */
export function isBase16(value: string): boolean {
  return value.length % 2 === 0 && /^[\da-f]+$/i.test(value);
}

/** Whether Elixir's `Float.parse` reads all of the text: no leading or trailing point, no `NaN`, no unit. */
export function isElixirNumber(text: string): boolean {
  return /^[+-]?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(text) && Number.isFinite(Number(text));
}

/** Trims as Elixir's `String.trim` does. Unlike JavaScript's, it also removes U+0085. */
export function trimWhitespace(text: string): string {
  return text.replace(/^[\s\x85]+/, '').replace(/[\s\x85]+$/, '');
}
