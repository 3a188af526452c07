/** As long as the shortest id of an AWS key: a text of this length may be a key or a token. */
const shortestKey = 16;

/**
 * How an error shows a value that it refuses: `NAME is ${describeValue(value)}: expected …`. People put a key into the
 * wrong variable, so what may be one is not shown, and neither is what may hold `user:password@host`.
 */
export function describeValue(value: string): string {
  return mayHoldSecret(value)
    ? `a text of ${value.length} characters (not shown: it may hold a secret)`
    : JSON.stringify(value);
}

export function mayHoldSecret(value: string): boolean {
  return value.length >= shortestKey || value.includes('@');
}
