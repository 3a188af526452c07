/** Replaces secrets by a mask, in every form that an encoder may have given them. */
interface Redactor {
  readonly text: (text: string) => string;
  /** Copies a plain value (strings, numbers, arrays, plain objects) and redacts every string in it, even keys. */
  readonly value: <T>(value: T) => T;
  /**
   * Redacts, then cuts to at most `maxLength` UTF-16 units and adds `…`. Cuts between words unless that would cost a quarter
   * of the text, and never cuts a character in half.
   */
  readonly clip: (text: string, maxLength: number) => string;
}

/** A text that must not leave the process, and what is shown in its place. */
export interface Secret {
  readonly value: string;
  readonly shownAs: string;
}

/** A secret of this process, and the last run that brought it. */
interface KnownSecret extends Secret {
  lastRun: number;
}

/** It grows until some are forgotten. Then another list takes its place. */
let known: KnownSecret[] = [];
let run = 0;

/** How many runs may pass until a secret is forgotten. Late errors of a run may still show its secrets. */
const runsKept = 10;

/**
 * The one redaction of the process. Everything that cuts text uses {@link clip}, which redacts first, because half a secret
 * is hard to recognise.
 */
export const redact = redactorOf(() => known);

/** Hides these secrets from now on, in everything that this thread writes. Call it wherever secrets come in, also again. */
export function hideSecrets(secrets: readonly Secret[]): void {
  for (const { value, shownAs } of secrets) {
    const same = known.find((each) => each.value === value && each.shownAs === shownAs);
    if (same === undefined) known.push({ value, shownAs, lastRun: run });
    else same.lastRun = run;
  }
}

/**
 * Begins a run, and forgets the secrets that none of the last ten runs brought: a role has new credentials in each run. Does
 * that only once in ten runs, because it costs a new index.
 */
export function forgetOldSecrets(): void {
  run += 1;
  if (run % runsKept !== 0) return;
  const kept = known.filter(({ lastRun }) => lastRun >= run - runsKept);
  if (kept.length < known.length) known = kept;
}

/** {@link Redactor.clip} of the process. Use it to cut any text that may come from outside. */
export const { clip } = redact;

/** One way in which a secret can be written. */
interface Form {
  readonly text: string;
  readonly mask: string;
  /** A piece of at least this length is hidden, too, because other programs may have cut the text. */
  readonly shortestPiece: number;
}

/** Shorter values are not hidden: they occur in innocent text, and no real secret is that short. */
export const shortestSecret = 8;
/** For `user:password`, which does not occur in innocent text even if it is short. */
const shortestPair = 4;
/** A piece of a secret of this length does not occur in innocent text by chance. */
const shortestPiece = 12;

/** A form is found by a gram: four of its characters. Every piece to be hidden has one at a multiple of the distance. */
const gramLength = 4;
const gramDistance = shortestPiece - gramLength + 1;

/** Redacts by the *values* of secrets, so the text around them does not matter. The list may grow later. */
export function createRedactor(secrets: readonly Secret[]): Redactor {
  return redactorOf(() => secrets);
}

/** @param list gives the secrets. The list may grow, and another may take its place */
function redactorOf(list: () => readonly Secret[]): Redactor {
  let index: Index = new Map();
  let indexed: readonly Secret[] = [];
  let indexedCount = 0;
  const mask = (text: string, maxLength: number): string => {
    const secrets = list();
    if (secrets !== indexed) [index, indexed, indexedCount] = [new Map(), secrets, 0];
    // Indexed only when it is needed, because that takes time.
    for (; indexedCount < secrets.length; indexedCount++) addToIndex(index, secrets[indexedCount] as Secret);
    return index.size === 0 ? text : maskSpans(text, findSpans(text, index, maxLength));
  };
  const text = (input: string): string => mask(input, Infinity);
  const value = <T>(input: T): T => {
    if (typeof input === 'string') return text(input) as T;
    if (Array.isArray(input)) return input.map(value) as T;
    if (typeof input !== 'object' || input === null) return input;
    return Object.fromEntries(Object.entries(input).map(([key, item]) => [text(key), value(item as unknown)])) as T;
  };
  return {
    text,
    value,
    clip: (input, maxLength) => cut(mask(input, maxLength), maxLength),
  };
}

function cut(text: string, maxLength: number): string {
  if (text.length <= maxLength) return text;
  const start = text.slice(0, maxLength - 1);
  // One character more shows whether the cut is between two words.
  const wordEnd = Math.max(...[' ', '\n'].map((space) => text.slice(0, maxLength).lastIndexOf(space)));
  if (wordEnd >= maxLength * 0.75) return `${start.slice(0, wordEnd).trimEnd()}…`;
  return `${start.replace(/[\uD800-\uDBFF]$/, '')}…`;
}

/** For the key of each gram (see {@link nextKey}), the forms that contain it, and where. Different grams rarely share a key. */
type Index = Map<number, readonly { readonly form: Form; readonly start: number }[]>;

function addToIndex(index: Index, { value, shownAs: mask }: Secret): void {
  const isPair = value.includes(':');
  if (value.length < (isPair ? shortestPair : shortestSecret)) return;
  // Most forms of most secrets are the same.
  const forms = new Map<string, Form>();
  // The user name in a pair is no secret. The namespace may have the same name.
  for (const text of writtenForms(value))
    forms.set(text, { text, mask, shortestPiece: isPair ? Infinity : shortestPiece });
  for (const text of base64Forms(value)) forms.set(text, { text, mask, shortestPiece });
  for (const form of forms.values()) {
    for (let start = 0; start + gramLength <= form.text.length; start += gramDistance) {
      let key = 0;
      for (let at = start; at < start + gramLength; at++) key = nextKey(key, form.text.charCodeAt(at));
      index.set(key, [...(index.get(key) ?? []), { form, start }]);
    }
  }
}

/** Adds a character to a key. The key depends on the last four characters: earlier ones are shifted out of the 32 bits. */
function nextKey(key: number, code: number): number {
  return (key << 8) ^ code;
}

function writtenForms(secret: string): string[] {
  const json = JSON.stringify(secret).slice(1, -1);
  // Go escapes the special characters of HTML, and PHP the slash.
  const goJson = json.replaceAll(/[&<>]/g, (character) => `\\u00${hexOf(character)}`);
  const uri = encodeURIComponent(secret.toWellFormed());
  const strictUri = uri.replaceAll(/[!'()*]/g, (character) => `%${hexOf(character).toUpperCase()}`);
  // .NET writes lower-case digits. A URL in a URL is encoded twice.
  const smallUri = uri.replaceAll(/%../g, (code) => code.toLowerCase());
  const xml = secret.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
  const uris = [uri, strictUri, smallUri, encodeURIComponent(uri)];
  return [secret, json, goJson, json.replaceAll('/', '\\/'), ...uris, uri.replaceAll('%20', '+'), xml];
}

function hexOf(character: string): string {
  return character.charCodeAt(0).toString(16).padStart(2, '0');
}

/** The secret in base64: alone, and after one or two other bytes, because base64 encodes three bytes at a time. */
function base64Forms(secret: string): string[] {
  const bytes = Buffer.from(secret);
  const [alone = '', ...shifted] = [0, 1, 2].map((before) =>
    Buffer.concat([Buffer.alloc(before), bytes])
      .toString('base64')
      .replace(/=+$/, ''),
  );
  // Their first and last characters contain bits of other bytes.
  const inner = shifted.map((text, index) => text.slice(index + 2, -1)).filter((text) => text.length >= shortestSecret);
  return [alone, ...inner].flatMap((text) => [text, text.replaceAll('+', '-').replaceAll('/', '_')]);
}

/** A part of a text to hide. */
interface Span {
  readonly start: number;
  readonly end: number;
  readonly mask: string;
}

/**
 * Finds what to hide, in order. Joins secrets that overlap.
 *
 * @param maxLength how much of the masked text is needed. The rest of the text is not searched
 */
function findSpans(text: string, index: Index, maxLength: number): Span[] {
  const spans: Span[] = [];
  let savedLength = 0;
  let key = 0;
  for (let end = 0; end < text.length && end - savedLength <= maxLength + 2 * shortestPiece; end++) {
    key = nextKey(key, text.charCodeAt(end));
    for (const { form, start } of index.get(key) ?? nowhere) {
      let span: Span | undefined = spanAt(text, end + 1 - gramLength, form, start);
      if (span === undefined) continue;
      for (let last = spans.at(-1); last !== undefined && last.end > span.start; last = spans.at(-1)) {
        spans.pop();
        savedLength -= lengthOf(last) - last.mask.length;
        const { mask }: Span = lengthOf(last) > lengthOf(span) ? last : span;
        span = { start: Math.min(last.start, span.start), end: Math.max(last.end, span.end), mask };
      }
      spans.push(span);
      savedLength += lengthOf(span) - span.mask.length;
    }
  }
  return spans;
}

const nowhere: never[] = [];

function lengthOf({ start, end }: Span): number {
  return end - start;
}

/** The longest piece of a form around a position of the text, if it is long enough to be hidden. */
function spanAt(
  text: string,
  at: number,
  { text: form, mask, shortestPiece: shortest }: Form,
  formAt: number,
): Span | undefined {
  let before = 0;
  while (before < Math.min(at, formAt) && text[at - before - 1] === form[formAt - before - 1]) before++;
  let after = 0;
  while (formAt + after < form.length && text[at + after] === form[formAt + after]) after++;
  const length = before + after;
  return length < Math.min(shortest, form.length) ? undefined : { start: at - before, end: at + after, mask };
}

function maskSpans(text: string, spans: readonly Span[]): string {
  let masked = '';
  let end = 0;
  for (const span of spans) {
    masked += text.slice(end, span.start) + span.mask;
    ({ end } = span);
  }
  return masked + text.slice(end);
}
