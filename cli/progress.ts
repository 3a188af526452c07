import { formatElapsed } from '../text/duration.ts';
import { systemClock } from '../runner/clock.ts';
import { StatusLine, type StatusOutput } from '../reporters/status-line.ts';

export interface Progress {
  /** Counts one more thing as done. */
  tick(what: string): void;
  /** Removes the progress from the screen. */
  end(): void;
}

/** How long a command may be silent before it says that it is still working. */
const quietMs = 2000;
/** Node's timers may be early by some milliseconds. */
const timerErrorMs = 20;

/**
 * Shows the progress of a command that may take long: on a terminal one line that counts, elsewhere a line now and then.
 *
 * @param doing what the command does before the first tick
 */
export function createProgress(output: StatusOutput, doing: string): Progress {
  const line = new StatusLine(output, { clock: systemClock, quietMs: quietMs - timerErrorMs });
  let count = 0;
  let text = doing;
  let changedAtMs = systemClock.elapsedMs();
  const timer = setInterval(() => {
    const idleMs = systemClock.elapsedMs() - changedAtMs;
    line.show(text, idleMs < quietMs - timerErrorMs ? '' : formatElapsed(idleMs));
  }, quietMs);
  timer.unref();
  return {
    tick: (what) => {
      text = `${++count} · ${what}`;
      changedAtMs = systemClock.elapsedMs();
      line.show(text);
    },
    end: () => {
      clearInterval(timer);
      line.clear();
    },
  };
}
