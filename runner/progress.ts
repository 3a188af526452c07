import { BroadcastChannel } from 'node:worker_threads';
import { formatElapsed } from '../text/duration.ts';
import type { Leftover } from './monitor-run.ts';

/** An entity that the run made, or may have made, and has not removed yet. */
export interface Remaining extends Omit<Leftover, 'reason'> {
  /** It does not exist, but a request without an answer may still create it. @default false */
  readonly isAwaited?: boolean;
}

/** What a run is doing right now. */
export interface Progress {
  /** `CreateGroup: waiting for the answer to CreateGroup`, `removing user testuser-…` */
  readonly doing: string;
  /** How long it has taken so far. */
  readonly forMs: number;
  /** How much longer it may take, if there is a limit. */
  readonly atMostMs?: number;
  readonly remaining: readonly Remaining[];
}

/** Leads from the thread that does the work to the main thread, which shows it. A process has one run. */
const channelName = 'progress';

const slowMs = 2000;
const sendEveryMs = 1000;
/** How often after a signal. A second signal asks at once what the run is waiting for. */
const sendStoppingEveryMs = 100;

/** Whether a user should see what the run is waiting for. */
export function isSlow({ forMs }: Progress): boolean {
  return forMs >= slowMs;
}

/**
 * Sends the progress every second once the current work has taken two seconds. After `stopping` is aborted, sends it at once
 * and more often. A quick run sends nothing.
 *
 * If anything was sent, disposing sends the last state.
 */
export function sendProgress(current: () => Progress, stopping?: AbortSignal): Disposable {
  let channel: BroadcastChannel | undefined;
  const send = (progress = current()): void => {
    channel ??= openChannel();
    channel.postMessage(progress);
  };
  let timer = setInterval(() => {
    const progress = current();
    if (isSlow(progress)) send(progress);
  }, sendEveryMs).unref();
  const onStop = (): void => {
    send();
    clearInterval(timer);
    timer = setInterval(() => send(), sendStoppingEveryMs).unref();
  };
  if (stopping?.aborted === true) onStop();
  else stopping?.addEventListener('abort', onStop);
  return {
    [Symbol.dispose]: () => {
      clearInterval(timer);
      stopping?.removeEventListener('abort', onStop);
      if (channel !== undefined) send();
      channel?.close();
      channel = undefined;
    },
  };
}

/** Calls `listener` with everything that any thread of this process sends. Does not keep the process alive. */
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
export function formatProgress({ doing, forMs, atMostMs }: Progress): string {
  return `${doing} ${formatElapsed(forMs, atMostMs)}`;
}
