/**
 * Loaded before everything else with `NODE_OPTIONS=--import=…`: the date of the process is ahead by so many
 * milliseconds. Timers and the monotonic clock are right.
 */
const aheadMs = Number(process.env['E2E_CLOCK_AHEAD_MS']);
if (!Number.isInteger(aheadMs)) throw new Error('E2E_CLOCK_AHEAD_MS must say how far ahead the clock is');

const RightDate = Date;

globalThis.Date = class WrongDate extends RightDate {
  constructor(...args: readonly unknown[]) {
    super(...((args.length === 0 ? [RightDate.now() + aheadMs] : args) as [number]));
  }

  static override now(): number {
    return RightDate.now() + aheadMs;
  }
} as DateConstructor;
