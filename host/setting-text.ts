import { clip } from '../text/redact.ts';

/** How the text of a setting is read, whichever variable or property it comes from. */

/** The variables of this product that are not settings of a monitor. */
export const productVariables = [
  'METRIST_API_TOKEN',
  'METRIST_INSTANCE_ID',
  'METRIST_API_HOST',
  'METRIST_REQUIRE_DELIVERY',
  'METRIST_RESULTS_DIR',
  'METRIST_RUN_GROUPS',
  'AWSIAM_HISTORY_DAYS',
  'AWSIAM_INTERVAL_SECS',
  'AWSIAM_SUMMARY',
] as const;

/** What {@link parseSwitch} accepts, for messages. */
export const switchRule = '1, true, yes or on, or else 0, false, no or off';

/** Reads a setting that is on or off, in upper or lower case. @returns `undefined` for any other text */
export function parseSwitch(text: string): boolean | undefined {
  const word = text.toLowerCase();
  if (['1', 'true', 'yes', 'on'].includes(word)) return true;
  return ['0', 'false', 'no', 'off'].includes(word) ? false : undefined;
}

/** Reads a number such as `30` or `2.5`: no sign, exponent, unit or other base. @returns `NaN` for any other text */
export function parseDecimal(text: string): number {
  return /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
}

/** What the Orchestrator writes in place of a value that it could not find. */
const failedLookup = /^\s*<<ERROR/;
/** A placeholder. Only the Orchestrator replaces it, and only in the registration's extra_config. */
const reference = /^\s*(@(?:secret|env)@:)/;

/** Whether a text stands for a value that was not found or not looked up. */
export function isUnresolved(text: string): boolean {
  return failedLookup.test(text) || reference.test(text);
}

const maxShownLength = 200;

/** Describes the problem with a setting for which {@link isUnresolved} holds. */
export function describeUnresolved(name: string, text: string): string {
  const [, prefix] = reference.exec(text) ?? [];
  if (prefix !== undefined) {
    return `${name} begins with ${prefix}, a reference that only the Orchestrator resolves, and only in the registration's extra_config: set the value itself`;
  }
  const shown = clip(text, maxShownLength);
  return `${name} could not be resolved by the Orchestrator, which put this in its place: ${shown}`;
}

/** The length of the shortest AWS key id. A text of at least this length may be a key or a token. */
const shortestKey = 16;

/**
 * Describes a wrong value in a message: `NAME is ${describeValue(value)}: expected …`. Users put keys into the wrong variable,
 * so a value that may be a key is not shown, nor one that may hold `user:password@host`.
 */
export function describeValue(value: string): string {
  return mayHoldSecret(value)
    ? `a text of ${value.length} characters (not shown: it may hold a secret)`
    : JSON.stringify(value);
}

export function mayHoldSecret(value: string): boolean {
  return value.length >= shortestKey || value.includes('@');
}
