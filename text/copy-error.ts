/** The first errors of an AggregateError are enough to understand it. */
const maxErrors = 20;
/** A getter may return a new cause each time, without end. */
const maxCopies = 50;

/**
 * Copies a thrown value to a plain error, with every text passed through `convert`. Never throws: the value may be frozen,
 * have getters (like the message of a DOMException), or not be an error. Copies only the usual properties of errors,
 * because others may hold anything.
 */
export function copyError(
  thrown: unknown,
  convert: (text: string) => string = (text) => text,
  copies = new Map<unknown, Error>(),
): Error {
  const read = (name: string): unknown => readSafely(thrown, name);
  const text = (value: unknown): string | undefined => (typeof value === 'string' ? convert(value) : undefined);
  const copy = new Error(text(read('message')) ?? convert(describe(thrown)));
  // Errors can be their own cause.
  copies.set(thrown, copy);
  const copyOf = (error: unknown): Error | undefined =>
    copies.get(error) ?? (copies.size < maxCopies ? copyError(error, convert, copies) : undefined);
  const define = (key: string, value: unknown): void => {
    if (value !== undefined) Object.defineProperty(copy, key, { value, writable: true, configurable: true });
  };
  define('name', text(read('name')));
  define('code', text(read('code')));
  define('stack', text(read('stack')) ?? `${copy.name}: ${copy.message}`);
  const cause = read('cause');
  define('cause', isObject(cause) ? copyOf(cause) : text(cause));
  const errors = read('errors');
  if (Array.isArray(errors)) define('errors', errors.slice(0, maxErrors).map(copyOf));
  return copy;
}

function isObject(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function';
}

/** Getters and proxies may throw. */
function readSafely(thrown: unknown, name: string): unknown {
  if (!isObject(thrown)) return undefined;
  try {
    return Reflect.get(thrown, name) as unknown;
  } catch {
    return undefined;
  }
}

/** Describes a thrown value that has no message. */
function describe(thrown: unknown): string {
  try {
    return String(thrown);
  } catch {
    return 'something that is no error was thrown';
  }
}
