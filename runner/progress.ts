import { BroadcastChannel } from 'node:worker_threads';
import type { Leftover } from './monitor-run.ts';

/** An entity that the run made, or may have made, and has not removed yet. */
export interface Remaining extends Omit<Leftover, 'reason'> {
  /** It is not there, but a request without an answer may yet make it. @default false */
  readonly isAwaited?: boolean;
}

/** What a run is doing right now. */
export interface Progress {
  /** `CreateGroup: waiting for the answer to CreateGroup`, `removing user testuser-…` */
  readonly doing: string;
  readonly forMs: number;
  /** How much longer it may take, where there is a limit. */
  readonly atMostMs?: number;
  readonly remaining: readonly Remaining[];
}

/** From whatever thread does the work to the main thread, which shows it. One process is one run. */
const channelName = 'progress';

/** After this long, a wait is worth a line. */
const slowMs = 2000;
const tellEveryMs = 1000;
/** After the first signal, each further one is answered with what the run is waiting for. */
const tellStoppingEveryMs = 100;

export function isSlow({ forMs }: Progress): boolean {
  return forMs >= slowMs;
}

/**
 * Tells every second what goes on, as soon as it has taken two; after `stopping` is aborted at once and more often, because
 * somebody may want to know what the run still waits for. A quick run tells nothing.
 *
 * Disposing of it tells the last state, if anything was told before.
 */
export function tellProgress(current: () => Progress, stopping?: AbortSignal): Disposable {
  let channel: BroadcastChannel | undefined;
  const tellNow = (progress = current()): void => {
    channel ??= openChannel();
    channel.postMessage(progress);
  };
  let timer = setInterval(() => {
    const progress = current();
    if (isSlow(progress)) tellNow(progress);
  }, tellEveryMs).unref();
  const onStop = (): void => {
    tellNow();
    clearInterval(timer);
    timer = setInterval(() => tellNow(), tellStoppingEveryMs).unref();
  };
  if (stopping?.aborted === true) onStop();
  else stopping?.addEventListener('abort', onStop);
  return {
    [Symbol.dispose]: () => {
      clearInterval(timer);
      stopping?.removeEventListener('abort', onStop);
      if (channel !== undefined) tellNow();
      channel?.close();
      channel = undefined;
    },
  };
}

/** Calls `listener` with everything that is told in this process. Does not keep it alive. */
export function listenForProgress(listener: (progress: Progress) => void): Disposable {
  const channel = openChannel();
  channel.addEventListener('message', ({ data }) => listener(data as Progress));
  return { [Symbol.dispose]: () => channel.close() };
}

function openChannel(): BroadcastChannel {
  const channel = new BroadcastChannel(channelName);
  channel.unref();
  return channel;
}

/** `removing user testuser-… (12 s, at most 48 s more)` */
export function formatProgress(progress: Progress): string {
  return `${progress.doing} ${formatTime(progress)}`;
}

/** `(12 s, at most 48 s more)` */
export function formatTime({ forMs, atMostMs }: Progress): string {
  const limit = atMostMs === undefined ? '' : `, at most ${seconds(Math.max(0, atMostMs))} more`;
  return `(${seconds(forMs)}${limit})`;
}

function seconds(durationMs: number): string {
  return `${Math.round(durationMs / 1000)} s`;
}
