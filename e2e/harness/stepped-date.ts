import { writeSync } from 'node:fs';

/**
 * Loaded before everything else with `NODE_OPTIONS=--import=…`. The date of the process is E2E_DATE_AHEAD_MS ahead, a list:
 * each SIGUSR2 goes on to the next one, and writes that to stderr. Timers and the monotonic clock are not affected.
 */
const steps = (process.env['E2E_DATE_AHEAD_MS'] ?? '').split(',').map(Number);
if (!steps.every(Number.isInteger)) throw new Error('E2E_DATE_AHEAD_MS must say how far ahead the date is');
let aheadMs = steps.shift() ?? 0;
process.on('SIGUSR2', () => {
  aheadMs = steps.shift() ?? aheadMs;
  writeSync(2, `the date is ${aheadMs} ms ahead\n`);
});

const RightDate = Date;
globalThis.Date = class SteppedDate extends RightDate {
  constructor(...args: readonly unknown[]) {
    super(...((args.length === 0 ? [SteppedDate.now()] : args) as [number]));
  }

  static override now(): number {
    return RightDate.now() + aheadMs;
  }
} as DateConstructor;
