/** A source of numbers in `[0, 1)`, like `Math.random`. */
export type Random = () => number;

/**
 * Numbers that are the same in every run with the same seed (mulberry32): a failed run can be looked at again.
 * Not for secrets.
 */
export function createRandom(seed: number): Random {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A version 4 UUID, the form of IAM's request ids. */
export function randomUuid(random: Random): string {
  return '10000000-1000-4000-8000-100000000000'.replace(/[018]/g, (digit) =>
    (Number(digit) ^ (Math.floor(random() * 16) >> (Number(digit) / 4))).toString(16),
  );
}

/**
 * An id as AWS makes them: a prefix that names the kind (`AIDA` a user, `AGPA` a group, `AKIA` an access key), then
 * letters and digits of base 32.
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids
 */
export function randomId(random: Random, prefix: string, length = 17): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  return prefix + Array.from({ length }, () => alphabet[Math.floor(random() * alphabet.length)]).join('');
}
