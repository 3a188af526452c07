/**
 * Loaded before everything else with `NODE_OPTIONS=--import=…`. The date of the process stands still at
 * E2E_DATE_FIXED_MS, or is E2E_DATE_AHEAD_MS ahead. Timers and the monotonic clock are not affected.
 */
const { E2E_DATE_FIXED_MS: fixed, E2E_DATE_AHEAD_MS: ahead } = process.env;
const RightDate = Date;
const now = fixed === undefined ? () => RightDate.now() + Number(ahead) : () => Number(fixed);
if (!Number.isInteger(now())) throw new Error('E2E_DATE_FIXED_MS or E2E_DATE_AHEAD_MS must say what the date is');

globalThis.Date = class FakeDate extends RightDate {
  constructor(...args: readonly unknown[]) {
    super(...((args.length === 0 ? [now()] : args) as [number]));
  }

  static override now(): number {
    return now();
  }
} as DateConstructor;
