import type { Metadata } from '../result-text.ts';

/**
 * Metadata as one word: `attempts=31,requestId=3662…`. Every value is the base16 of its UTF-8 bytes, because the
 * Orchestrator decodes whatever looks like base16, a request id included. Empty values and keys that would break the word
 * are left out; nothing left gives the empty string.
 */
export function formatMetadata(metadata: Metadata): string {
  return Object.entries(metadata)
    .filter(([key, value]) => String(value) !== '' && plainKey.test(key))
    .map(([key, value]) => `${key}=${Buffer.from(keepFromOverflow(String(value))).toString('hex')}`)
    .join(',');
}

const plainKey = /^[^\s\x85,=]+$/;

/**
 * A space before what begins with a number too great for a float. There, many versions of Elixir raise, and all metadata
 * is lost. One request id in sixty begins so: `596e5441-78d2-…` (https://github.com/elixir-lang/elixir/issues/10939).
 */
function keepFromOverflow(text: string): string {
  const [number = '0'] = /^[+-]?\d+(\.\d+)?(e[+-]?\d+)?/i.exec(text) ?? [];
  return Number.isFinite(Number(number)) ? text : ` ${text}`;
}

/**
 * Reads metadata as the Orchestrator does: what is base16 is decoded, and what then is a number becomes one. It is lenient:
 * a key may be empty, and so may what stands between two commas.
 *
 * @returns nothing where the word is no metadata
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
  const isBase16 = value.length % 2 === 0 && /^[\da-f]+$/i.test(value);
  const text = isBase16 ? Buffer.from(value, 'hex').toString() : value;
  return isElixirNumber(text) ? Number(text) : text;
}

/** What Elixir's `Float.parse` takes whole: no leading or trailing point, no `NaN`, no unit. */
export function isElixirNumber(text: string): boolean {
  return /^[+-]?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(text) && Number.isFinite(Number(text));
}

/** What Elixir's `String.trim` takes off, U+0085 included, which JavaScript's leaves. */
export function trimWhitespace(text: string): string {
  return text.replace(/^[\s\x85]+/, '').replace(/[\s\x85]+$/, '');
}
