import { systemClock } from '../runner/clock.ts';
import { StatusLine, type StatusOutput } from '../reporters/status-line.ts';

export interface Progress {
  /** One more is done. */
  tick(what: string): void;
  /** Takes the progress off the screen. */
  end(): void;
}

/** After this long, a command says that it is still at work. */
const quietMs = 2000;

/**
 * Tells how far a command is that may take long: one line that counts on a terminal, elsewhere a line now and then.
 *
 * @param doing what the command does until the first one is done
 */
export function createProgress(output: StatusOutput, doing: string): Progress {
  const line = new StatusLine(output, { clock: systemClock, quietMs });
  let count = 0;
  let text = doing;
  let changedAtMs = systemClock.elapsedMs();
  const timer = setInterval(() => {
    const idleMs = systemClock.elapsedMs() - changedAtMs;
    line.show(text, idleMs < quietMs ? '' : `(${Math.round(idleMs / 1000)} s)`);
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
