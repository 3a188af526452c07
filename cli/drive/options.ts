import { InvalidArgumentError } from 'commander';
import ms from 'ms';
import { describeValue } from '../../host/setting-text.ts';

/** What the manifest of a package can hold. */
const maxTimeoutMs = 65_535_000;

/** Takes `90s`, `2m`, `1500ms`, or a number of seconds alone. @returns milliseconds */
export function stepTimeout(text: string): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) * 1000 : parseDuration(text);
  if (!(value >= 1 && value <= maxTimeoutMs)) {
    throw new InvalidArgumentError('Expected a duration from 1ms to 65535s, such as 90s, 2m, 1500ms or 0.5 (seconds).');
  }
  return value;
}

function parseDuration(text: string): number {
  return /^\d+(\.\d+)? *[a-z]+$/i.test(text) ? ms(text as ms.StringValue) : Number.NaN;
}

/** Collects steps in their order. */
export function stepNames(text: string, previous: readonly string[] = []): readonly string[] {
  if (!/^\S+$/.test(text)) {
    throw new InvalidArgumentError('Expected one name without blanks; repeat the option for more.');
  }
  return [...previous, text];
}

/** Collects `Key=Value`. */
export function configEntries(
  text: string,
  previous: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> {
  const equals = text.indexOf('=');
  // Not the text itself: it may be a secret.
  if (equals < 1) throw new InvalidArgumentError('Expected Key=Value; repeat the option for more.');
  const key = text.slice(0, equals);
  if (Object.hasOwn(previous, key)) throw new InvalidArgumentError(`${describeValue(key)} was given before.`);
  return Object.fromEntries([...Object.entries(previous), [key, text.slice(equals + 1)]]);
}

/** A logical name. */
export function plainName(text: string): string {
  if (text.trim() === '') throw new InvalidArgumentError('Expected a name.');
  return text;
}
