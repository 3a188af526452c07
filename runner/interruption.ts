import { BroadcastChannel } from 'node:worker_threads';
import type { Clock } from './clock.ts';

/** Between the main thread, which gets the signals, and the worker, which has to stop. One process is one run. */
const channelName = 'interruption';

/** For workers that start after the signal: their environment is a copy of the main thread's. */
const variable = 'MONITOR_INTERRUPTED_BY';

/** Messages are lost on a worker that does not listen yet, so they are repeated. */
const repeatMs = 20;

/** A run that was told to stop. Its message says by what. */
export class Interruption extends Error {
  override readonly name = 'Interruption';

  constructor(signal: string) {
    super(`the run was interrupted by ${signal}`);
  }
}

/** Tells every worker of this process, those to come included, that the run shall stop. */
export function announceInterruption(signal: string): void {
  process.env[variable] = signal;
  const channel = new BroadcastChannel(channelName);
  channel.unref();
  setInterval(() => channel.postMessage(signal), repeatMs).unref();
}

/** A signal that is aborted with an {@link Interruption} when the run shall stop. */
export interface InterruptionListener extends Disposable {
  readonly signal: AbortSignal;
}

/** Listens in a worker. Does not keep it alive. */
export function listenForInterruption(): InterruptionListener {
  const controller = new AbortController();
  const interrupt = (by: unknown): void => controller.abort(new Interruption(String(by)));
  const channel = new BroadcastChannel(channelName);
  channel.addEventListener('message', ({ data }) => interrupt(data));
  channel.unref();
  const already = process.env[variable];
  if (already !== undefined) interrupt(already);
  return { signal: controller.signal, [Symbol.dispose]: () => channel.close() };
}

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
