/**
 * Readers for JSON that somebody else may have written or damaged. Each returns its value with a type, or throws a `TypeError`
 * that says what the value is not. What a reader does not ask for is ignored.
 */
export type Read<Value> = (value: unknown) => Value;
export type Fields = Readonly<Record<string, unknown>>;

/** Reads those of the fields that are there. */
export function readPresent<const Readers extends Readonly<Record<string, Read<unknown>>>>(
  fields: Fields,
  readers: Readers,
): { readonly [Name in keyof Readers]?: ReturnType<Readers[Name]> } {
  const present: Record<string, unknown> = {};
  // A spread for each field would take most of the time of reading a history.
  for (const name in readers) {
    const value = fields[name];
    if (value !== undefined) present[name] = readers[name]?.(value);
  }
  return present as { readonly [Name in keyof Readers]?: ReturnType<Readers[Name]> };
}

export function readFields(value: unknown): Fields {
  check(typeof value === 'object' && value !== null && !Array.isArray(value), 'not an object');
  return value as Fields;
}

export function readList<Value>(read: Read<Value>): Read<readonly Value[]> {
  return (value) => {
    check(Array.isArray(value), 'not a list');
    return (value as readonly unknown[]).map((item) => read(item));
  };
}

export function readOneOf<const Value extends string | number>(allowed: readonly Value[]): Read<Value> {
  return (value) => {
    check(allowed.includes(value as Value), 'not one of the known values');
    return value as Value;
  };
}

export function readText(value: unknown): string {
  check(typeof value === 'string', 'not a text');
  return value as string;
}

const maxNameLength = 255;

export function readName(value: unknown): string {
  const text = readText(value);
  check(text !== '' && text.length <= maxNameLength, 'not a name');
  return text;
}

const timePattern = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z$/;

/** Only what `Date.toISOString` writes, so that times can be compared as texts. */
export function readTime(value: unknown): string {
  const text = readText(value);
  check(timePattern.test(text), 'not a time');
  // The costly check, only for days that not every month has.
  check(text.slice(8, 10) <= '28' || new Date(text).toISOString() === text, 'not a day of the month');
  return text;
}

/**
 * Far above every real amount (in milliseconds, eleven days), so that sums of hostile lines stay exact. JSON can also hold
 * `1e999`, which is read as `Infinity`.
 */
const maxAmount = 1e9;

export function readAmount(value: unknown): number {
  check(typeof value === 'number' && value >= 0 && value <= maxAmount, 'not an amount');
  return value as number;
}

/** A number of any sign, such as a time in milliseconds. */
export function readNumber(value: unknown): number {
  check(Number.isFinite(value), 'not a number');
  return value as number;
}

export function readCount(value: unknown): number {
  check(Number.isInteger(value), 'not a count');
  return readAmount(value);
}

/** The sum of many counts. */
export function readTotal(value: unknown): number {
  check(Number.isSafeInteger(value) && (value as number) >= 0, 'not a total');
  return value as number;
}

export function check(isRight: boolean, problem: string): void {
  if (!isRight) throw new TypeError(problem);
}
