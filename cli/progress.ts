import { systemClock } from '../runner/clock.ts';
import { StatusLine, type StatusOutput } from '../reporters/status-line.ts';

export interface Progress {
  /** One more is done. */
  tick(what: string): void;
  /** Takes the progress off the screen. */
  end(): void;
}

/** In a log the first line comes after this. */
const quietMs = 10_000;
/** Where nothing is done for this long, the seconds show that it goes on. */
const idleMs = 2000;

/** One line that counts and is removed at the end, on a terminal; a line every ten seconds elsewhere. */
export function createProgress(output: StatusOutput): Progress {
  const line = new StatusLine(output, { clock: systemClock, quietMs });
  const startMs = systemClock.elapsedMs();
  let count = 0;
  let doneAtMs = startMs;
  const timer = setInterval(() => {
    const nowMs = systemClock.elapsedMs();
    if (nowMs - doneAtMs >= idleMs) line.show(`${count} so far (${Math.round((nowMs - startMs) / 1000)} s)`);
  }, 1000);
  timer.unref();
  return {
    tick: (what) => {
      count++;
      doneAtMs = systemClock.elapsedMs();
      line.show(`${count} · ${what}`);
    },
    end: () => {
      clearInterval(timer);
      line.clear();
    },
  };
}
