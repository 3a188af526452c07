import { InvalidArgumentError } from 'commander';
import ms from 'ms';
import { describeRange, isRunGroup, isWithin, type Range } from '../metrist/registration/monitor-config.ts';

/**
 * A parser of `120`, `120s` or `2m`. It throws an InvalidArgumentError, to which commander adds the option's name.
 *
 * @returns seconds within the range
 */
export function wholeSeconds(range: Range): (text: string) => number {
  return (text) => {
    const seconds = parseSeconds(text);
    if (!isWithin(seconds, range)) {
      throw new InvalidArgumentError(`Expected ${describeRange(range)} seconds, such as 120, 120s or 2m.`);
    }
    return seconds;
  };
}

function parseSeconds(text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  return /^\d+(\.\d+)? *[a-z]+$/i.test(text) ? ms(text as ms.StringValue) / 1000 : Number.NaN;
}

/** Collects the names of an option that is given once for each. */
export function runGroups(text: string, previous: readonly string[] = []): readonly string[] {
  if (!isRunGroup(text)) {
    throw new InvalidArgumentError(
      'Expected one name without a comma or blanks around it; repeat the option for more.',
    );
  }
  if (previous.includes(text)) throw new InvalidArgumentError('It was given before.');
  return [...previous, text];
}

/** What Metrist's ids look like. */
export function configId(text: string): string {
  if (!/^[\dA-Za-z]+$/.test(text)) {
    throw new InvalidArgumentError('Expected an id of letters and digits, as awsiam configs shows it.');
  }
  return text;
}
