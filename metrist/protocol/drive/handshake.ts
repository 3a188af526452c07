import { quote } from '../../../text/printable.ts';
import { parseFromMonitor, protocolVersion } from '../messages.ts';
import type { MonitorProcess, ProcessEvent } from './monitor-process.ts';
import { parseChunk } from './orchestrator-rules.ts';

interface HandshakeOptions {
  readonly monitor: Pick<MonitorProcess, 'events' | 'write'>;
  /** One compact JSON object. */
  readonly configJson: string;
  readonly silenceMs: number;
  readonly elapsedMs: () => number;
  readonly onProblem: (text: string) => void;
  /** When `Started` arrived, on the clock of `elapsedMs`. */
  readonly onStarted: (atMs: number) => void;
}

const effect = 'the Orchestrator gives up the run and reports nothing';

/**
 * Performs the handshake up to `Config` (`Started`, `Version`, `Ready`, `Config`), as strictly as the Orchestrator.
 *
 * @returns whether the run goes on. If not, the problem has been reported, unless the run was stopped from outside.
 */
export async function performHandshake(options: HandshakeOptions): Promise<boolean> {
  const { monitor, onProblem } = options;
  const started = await readMessage('Started', options);
  if (started === undefined) return false;
  options.onStarted(started.atMs);
  const message = parseFromMonitor(started.body);
  const sent = `the monitor sent ${quote(started.body)}`;
  if (message.kind !== 'started') {
    onProblem(`${sent} instead of Started: ${effect}; send Started 1.1 first, and log only after Config`);
    return false;
  }
  if (!/^1\.0*[01](?!\d)/.test(message.version)) {
    onProblem(
      `${sent}: the Orchestrator speaks only 1.0 and 1.1, gives up the run and reports nothing; send Started 1.1`,
    );
    return false;
  }
  monitor.write(`Version ${protocolVersion}`);
  const ready = await readMessage('Ready', options);
  if (ready === undefined) return false;
  if (parseFromMonitor(ready.body).kind !== 'ready') {
    onProblem(
      `the monitor sent ${quote(ready.body)} instead of Ready: the Orchestrator takes it for Ready, and ends the run at ` +
        'the Ready that follows; answer Version with Ready, and log only after Config',
    );
  }
  monitor.write(`Config ${options.configJson}`);
  return true;
}

/**
 * During the handshake the Orchestrator takes every chunk of output for one message. A second message or a line break in
 * the chunk breaks it. A message that arrives in pieces breaks it too. That message may arrive whole another time, so here
 * the pieces are reported and put together.
 */
async function readMessage(
  expected: string,
  options: HandshakeOptions,
): Promise<{ readonly body: Buffer; readonly atMs: number } | undefined> {
  const { onProblem } = options;
  let pending: Buffer = Buffer.alloc(0);
  for (;;) {
    const event = await nextOutput(options);
    if (event?.kind !== 'stdout') {
      const seconds = options.silenceMs / 1000;
      const seen = pending.length === 0 ? '' : `, only ${quote(pending)}`;
      if (event === undefined) {
        onProblem(
          `the monitor sent no ${expected} within ${seconds} s${seen}: ${effect}; answer first, and load slow parts later`,
        );
      } else if (event.kind === 'ended') {
        onProblem(
          `the monitor ended before it sent ${expected}${seen}: the Orchestrator reports nothing; its stderr may say why`,
        );
      }
      return undefined;
    }
    const bytes = Buffer.concat([pending, event.bytes]);
    const parsed = parseChunk(bytes);
    const wrote = `the monitor wrote ${quote(bytes)} to stdout`;
    if (parsed.kind === 'message' && parsed.rest.length === 0) return { body: parsed.body, atMs: event.atMs };
    switch (parsed.kind) {
      case 'noise':
        onProblem(
          `${wrote} before ${expected}: the Orchestrator skips it, and a message in the same chunk; write only messages ` +
            'to stdout',
        );
        break;
      case 'part':
        if (pending.length === 0) {
          onProblem(`${wrote}, only a part of a message: ${effect}; write the length and the text at once`);
        }
        pending = bytes;
        break;
      case 'message':
      case 'broken':
        onProblem(
          `${wrote}, which is not ${expected} as one message: ${effect}; until Config arrives, send one message at a time ` +
            'and wait for the answer, with its length in bytes before it and nothing after it',
        );
        return undefined;
      default:
        parsed satisfies never;
    }
  }
}

/** Waits for output to stdout, or the end. Output to stderr does not count. */
async function nextOutput({ monitor, silenceMs, elapsedMs }: HandshakeOptions): Promise<ProcessEvent | undefined> {
  const untilMs = elapsedMs() + silenceMs;
  for (;;) {
    const event = await monitor.events.next(untilMs - elapsedMs());
    if (event?.kind !== 'stderr') return event;
  }
}
