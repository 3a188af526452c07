import { formatToMonitor, parseFromMonitor, protocolVersion } from '../messages.ts';
import type { MonitorProcess, ProcessEvent } from './monitor-process.ts';
import { quote } from '../../../text/printable.ts';

export interface HandshakeOptions {
  readonly monitor: Pick<MonitorProcess, 'events' | 'write'>;
  /** One compact JSON object. */
  readonly configJson: string;
  readonly silenceMs: number;
  readonly elapsedMs: () => number;
  readonly onProblem: (text: string) => void;
  /** When `Started` had come, on the clock of `elapsedMs`. */
  readonly onStarted: (atMs: number) => void;
  readonly onStray: (bytes: number) => void;
}

const givesUp = 'the Orchestrator gives the run up and reports nothing';

/**
 * `Started`, `Version`, `Ready`, `Config`: everything up to the monitor's `Configured`, as strict as the Orchestrator.
 *
 * @returns whether the run goes on; where it does not, its problem was told, unless it was stopped
 */
export async function shakeHands(options: HandshakeOptions): Promise<boolean> {
  const { monitor, onProblem } = options;
  const started = await readMessage('Started', options);
  if (started === undefined) return false;
  options.onStarted(started.atMs);
  const problem = checkStarted(started.body);
  if (problem !== undefined) {
    onProblem(problem);
    return false;
  }
  monitor.write(formatToMonitor({ kind: 'version', version: protocolVersion }));
  const ready = await readMessage('Ready', options);
  if (ready === undefined) return false;
  if (parseFromMonitor(ready.body).kind !== 'ready') {
    onProblem(
      `the monitor sent ${quote(ready.body)} where Ready was due: the Orchestrator takes it for Ready, and ends the ` +
        'run at the Ready that follows; answer Version with Ready, and log only after Config has come',
    );
  }
  monitor.write(formatToMonitor({ kind: 'config', json: options.configJson }));
  return true;
}

function checkStarted(body: Buffer): string | undefined {
  const message = parseFromMonitor(body);
  const sent = `the monitor sent ${quote(body)}`;
  if (message.kind !== 'started') {
    const advice = message.kind === 'log' ? 'log only after Config has come' : 'send Started 1.1 before all else';
    return `${sent} where Started was due: ${givesUp}; ${advice}`;
  }
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(message.version) ?? [];
  if (major === '1' && Number(minor) <= 1) return undefined;
  return `${sent}: the Orchestrator speaks 1.0 and 1.1 alone, gives the run up and reports nothing; send Started 1.1`;
}

interface Message {
  readonly body: Buffer;
  readonly atMs: number;
}

/**
 * Here the Orchestrator takes every chunk of output for one message: a second message, or a line break, breaks it. What
 * comes in pieces does too, but may be whole at another time; it is told, and put together.
 */
async function readMessage(expected: string, options: HandshakeOptions): Promise<Message | undefined> {
  const { onProblem } = options;
  let pending: Buffer = Buffer.alloc(0);
  for (;;) {
    const event = await nextOutput(options);
    if (event?.kind !== 'stdout') {
      const problem = describeEnd(expected, event, pending, options.silenceMs);
      if (problem !== undefined) onProblem(problem);
      return undefined;
    }
    const bytes = Buffer.concat([pending, event.bytes]);
    const chunk = parseHandshakeChunk(bytes);
    const wrote = `the monitor wrote ${quote(bytes)} to stdout`;
    switch (chunk.kind) {
      case 'message':
        return { body: chunk.body, atMs: event.atMs };
      case 'noise':
        options.onStray(bytes.length);
        onProblem(
          `${wrote} before ${expected}: the Orchestrator passes over it, and over a message that comes along; write ` +
            'everything but messages to stderr',
        );
        break;
      case 'part':
        if (pending.length === 0) {
          onProblem(
            `${wrote}, a part of a message: before it has sent Config the Orchestrator takes every piece for a message of ` +
              'its own, gives the run up and reports nothing; write length and text at once',
          );
        }
        pending = bytes;
        break;
      case 'broken':
        options.onStray(bytes.length);
        onProblem(
          `${wrote}, which is not ${expected} as one message: ${givesUp}; until Config has come send one message at a ` +
            'time and wait for the answer, with its length in bytes before it and nothing behind it',
        );
        return undefined;
      default:
        chunk satisfies never;
    }
  }
}

/** Only output to stdout counts, and starts the wait again. */
async function nextOutput({ monitor, silenceMs, elapsedMs }: HandshakeOptions): Promise<ProcessEvent | undefined> {
  const untilMs = elapsedMs() + silenceMs;
  for (;;) {
    const event = await monitor.events.next(untilMs - elapsedMs());
    if (event?.kind !== 'stderr') return event;
  }
}

function describeEnd(
  expected: string,
  event: Exclude<ProcessEvent, { kind: 'stdout' }> | undefined,
  pending: Buffer,
  silenceMs: number,
): string | undefined {
  if (event?.kind === 'stopped') return undefined;
  const seen = pending.length === 0 ? '' : `, but for ${quote(pending)}`;
  if (event === undefined) {
    return `the monitor sent no ${expected} within ${silenceMs / 1000} s${seen}: ${givesUp}; answer first, and load what is slow afterwards`;
  }
  return `the monitor ended before it sent ${expected}${seen}: the Orchestrator reports nothing; what it wrote to stderr may say why`;
}

/** What one chunk of output is during the handshake, where the Orchestrator takes every chunk for one whole message. */
export type HandshakeChunk =
  | { readonly kind: 'message'; readonly body: Buffer }
  /** A message that has not come whole. */
  | { readonly kind: 'part' }
  /** The Orchestrator passes over it. */
  | { readonly kind: 'noise' }
  /** Begins like a message and is none, or is more than one. */
  | { readonly kind: 'broken' };

const maxLengthDigits = 16;

/** Says what a chunk, or what has come of it so far, is. */
export function parseHandshakeChunk(chunk: Buffer): HandshakeChunk {
  const [start = '', digits, space] = /^-?(\d+)?( )?/.exec(chunk.toString('latin1', 0, 32)) ?? [];
  if (digits === undefined) return { kind: 'noise' };
  if (start.startsWith('-') || digits.length > maxLengthDigits) return { kind: 'broken' };
  if (space === undefined) return { kind: start.length === chunk.length ? 'part' : 'broken' };
  const end = start.length + Number(digits);
  if (chunk.length === end) return { kind: 'message', body: chunk.subarray(start.length) };
  return { kind: chunk.length < end ? 'part' : 'broken' };
}
