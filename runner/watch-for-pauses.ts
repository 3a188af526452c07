import type { Clock } from './clock.ts';
import { Interruption, type InterruptionListener } from './interruption.ts';

const tickMs = 1000;
/** A timer that is later than this was held up from outside: SIGSTOP, a frozen container, a paused machine. */
const shortestPauseMs = 5000;

/**
 * Notices when this process stood still. Deadlines pass during a pause, and times that contain one mean nothing: neither is
 * a fault of what is being watched.
 */
export function watchForPauses({ elapsedMs }: Pick<Clock, 'elapsedMs'>): InterruptionListener {
  const controller = new AbortController();
  let lastMs = elapsedMs();
  const timer = setInterval(() => {
    const nowMs = elapsedMs();
    const pausedMs = nowMs - lastMs - tickMs;
    lastMs = nowMs;
    if (pausedMs >= shortestPauseMs) controller.abort(interruptionBy(pausedMs));
  }, tickMs);
  timer.unref();
  return { signal: controller.signal, [Symbol.dispose]: () => clearInterval(timer) };
}

function interruptionBy(pausedMs: number): Interruption {
  return new Interruption(`a ${Math.round(pausedMs / 1000)} s pause of this process`);
}
