import { InvalidArgumentError, Option } from 'commander';
import ms from 'ms';

/**
 * Reads a duration as people type it: `90s`, `2m`, `1.5h`, `100ms`.
 *
 * @returns milliseconds, or `undefined` for any other text, such as a number without a unit
 */
export function parseDuration(text: string): number | undefined {
  return /^[\d.]+ *[a-z]+$/i.test(text) ? ms(text as ms.StringValue) : undefined;
}

/** An option that takes a duration and gives milliseconds. A number alone is refused: `--older-than 2` hardly means 2 ms. */
export function durationOption(flags: string, description: string, defaultMs?: number): Option {
  const option = new Option(flags, description).argParser((text) => {
    const value = parseDuration(text);
    if (value === undefined) throw new InvalidArgumentError('Expected a duration such as 90s, 30m, 1h or 2d.');
    return value;
  });
  return defaultMs === undefined ? option : option.default(defaultMs, ms(defaultMs));
}

/** An option that takes `120`, `120s` or `2m` and gives whole seconds within a range, as Metrist counts them. */
export function secondsOption(
  flags: string,
  description: string,
  { least, most }: { readonly least: number; readonly most: number },
  defaultSecs: number,
): Option {
  return new Option(flags, description).default(defaultSecs, ms(defaultSecs * 1000)).argParser((text) => {
    const seconds = /^\d+$/.test(text) ? Number(text) : (parseDuration(text) ?? Number.NaN) / 1000;
    if (Number.isInteger(seconds) && seconds >= least && seconds <= most) return seconds;
    throw new InvalidArgumentError(
      `Expected a whole number from ${least} to ${most} seconds, such as 120, 120s or 2m.`,
    );
  });
}

/** An option that takes a whole number within a range. */
export function wholeNumberOption(
  flags: string,
  description: string,
  { least, most }: { readonly least: number; readonly most: number },
  standard: number,
): Option {
  return new Option(flags, description).default(standard).argParser((text) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (value >= least && value <= most) return value;
    throw new InvalidArgumentError(`Expected a whole number from ${least} to ${most}.`);
  });
}
