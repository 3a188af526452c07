/**
 * Loaded before everything else with `NODE_OPTIONS=--import=…`: the date of the process stands still. Timers and the
 * monotonic clock go on.
 */
const fixedMs = Number(process.env['E2E_FIXED_CLOCK_MS']);
if (!Number.isInteger(fixedMs)) throw new Error('E2E_FIXED_CLOCK_MS must say at what time the clock stands still');

globalThis.Date = class FixedDate extends Date {
  constructor(...args: readonly unknown[]) {
    super(...((args.length === 0 ? [fixedMs] : args) as [number]));
  }

  static override now(): number {
    return fixedMs;
  }
} as DateConstructor;
