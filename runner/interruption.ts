import { BroadcastChannel } from 'node:worker_threads';
import { formatSeconds } from '../text/duration.ts';
import type { Clock } from './clock.ts';

/** Leads from the main thread, which gets the signals, to the worker, which has to stop. A process has one run. */
const channelName = 'interruption';

/** An environment variable, for workers that start after the signal: they get a copy of the main thread's environment. */
const variable = 'MONITOR_INTERRUPTED_BY';

/** A worker that does not listen yet misses messages, so they are repeated. */
const repeatMs = 20;

/** Somebody or something stopped the run. The message says what. */
export class Interruption extends Error {
  override readonly name = 'Interruption';

  constructor(signal: string) {
    super(`the run was interrupted by ${signal}`);
  }
}

/** Tells every worker of this process to stop the run, including workers that start later. */
export function announceInterruption(signal: string): void {
  process.env[variable] = signal;
  const channel = new BroadcastChannel(channelName);
  channel.unref();
  setInterval(() => channel.postMessage(signal), repeatMs).unref();
}

/** Its signal aborts with an {@link Interruption} when the run has to stop. */
export interface InterruptionListener extends Disposable {
  readonly signal: AbortSignal;
}

/** Listens in any thread. Does not keep it alive. */
export function listenForInterruption(): InterruptionListener {
  const controller = new AbortController();
  const interrupt = (by: unknown): void => controller.abort(new Interruption(String(by)));
  const channel = new BroadcastChannel(channelName);
  channel.addEventListener('message', ({ data }) => interrupt(data));
  channel.unref();
  const earlier = process.env[variable];
  if (earlier !== undefined) interrupt(earlier);
  return { signal: controller.signal, [Symbol.dispose]: () => channel.close() };
}

const tickMs = 1000;
/** If a timer is later than this, something stopped the process: SIGSTOP, a frozen container, a suspended machine. */
const shortestPauseMs = 5000;

/**
 * Notices when this process stood still. Deadlines expire during a pause, and measured durations include it. The
 * watched service is to blame for neither.
 */
export function watchForPauses({ elapsedMs }: Pick<Clock, 'elapsedMs'>): InterruptionListener {
  const controller = new AbortController();
  let lastMs = elapsedMs();
  const timer = setInterval(() => {
    const nowMs = elapsedMs();
    const pausedMs = nowMs - lastMs - tickMs;
    lastMs = nowMs;
    if (pausedMs < shortestPauseMs) return;
    controller.abort(new Interruption(`a ${formatSeconds(pausedMs)} pause of this process`));
  }, tickMs);
  timer.unref();
  return { signal: controller.signal, [Symbol.dispose]: () => clearInterval(timer) };
}
