/** Replaces secrets by a mask, wherever they stand and in whatever form an encoder left them. */
export interface Redactor {
  readonly text: (text: string) => string;
  /** A copy of a plain value (strings, numbers, arrays, plain objects) with every string in it redacted, keys included. */
  readonly value: <T>(value: T) => T;
}

/** A text that must not leave the process, and what stands in its place. */
export interface Secret {
  readonly value: string;
  readonly shownAs: string;
}

/** Shorter values would tear holes into innocent text: no real secret is that short. */
const shortestSecret = 8;

/**
 * The one redaction that everything that leaves the process passes through. It works on the *values* of secrets, as
 * they are and URI-, JSON-, XML- and base64-encoded, so that it needs to know nothing about the text around them.
 */
export function createRedactor(secrets: readonly Secret[]): Redactor {
  const masks = new Map<string, string>();
  for (const { value, shownAs } of secrets) {
    if (value.length >= shortestSecret) for (const form of encodedForms(value)) masks.set(form, shownAs);
  }
  // Longest first: a secret that contains another one must not leave its tail behind.
  const needles = [...masks].toSorted(([a], [b]) => b.length - a.length);
  const text = (input: string): string =>
    needles.reduce((clean, [form, mask]) => clean.replaceAll(form, () => mask), input);
  return { text, value: (value) => redactValue(value, text) };
}

function encodedForms(secret: string): string[] {
  const json = JSON.stringify(secret).slice(1, -1);
  const uri = encodeURIComponent(secret.toWellFormed());
  const xml = secret.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
  const base64 = Buffer.from(secret).toString('base64').replace(/=+$/, '');
  return [secret, json, uri, uri.replaceAll('%20', '+'), xml, base64];
}

function redactValue<T>(value: T, text: (input: string) => string): T {
  if (typeof value === 'string') return text(value) as T;
  if (Array.isArray(value)) return value.map((item: unknown) => redactValue(item, text)) as T;
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).map(([key, item]: [string, unknown]) => [text(key), redactValue(item, text)]);
    return Object.fromEntries(entries) as T;
  }
  return value;
}
