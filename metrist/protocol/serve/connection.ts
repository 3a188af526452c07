import { clip, redact } from '../../../text/redact.ts';
import { toWireText } from '../../result-text.ts';
import { FrameBuffer, formatFrame } from '../frame.ts';
import { formatFromMonitor, type LogLevel, parseToMonitor, type SentMessage, type ToMonitor } from '../messages.ts';

/**
 * Reads the Orchestrator's messages from stdin until it ends or cannot be understood.
 *
 * @param onEnd called once. `problem`: what went wrong; absent if the input ended normally
 */
export function readMessages(
  input: NodeJS.ReadableStream,
  {
    onMessage,
    onEnd,
  }: { readonly onMessage: (message: ToMonitor) => void; readonly onEnd: (problem?: string) => void },
): void {
  const buffer = new FrameBuffer();
  let ended = false;
  const end = (problem?: string): void => {
    if (!ended) onEnd(problem);
    ended = true;
  };
  input.on('data', (chunk: Buffer) => {
    if (ended) return;
    buffer.append(chunk);
    try {
      for (let body; (body = buffer.next()) !== undefined;) onMessage(parseToMonitor(body));
    } catch (error) {
      end(`the bytes on stdin are not a message of the protocol: ${(error as Error).message}`);
    }
  });
  input.on('error', (error) => end(`stdin could not be read: ${error.message}`));
  const onClose = (): void =>
    end(buffer.pendingBytes > 0 ? `stdin ended ${buffer.pendingBytes} bytes into a message` : undefined);
  input.on('end', onClose);
  input.on('close', onClose);
}

export interface WriterOptions {
  /**
   * Takes whole frames and nothing else: stdout.
   *
   * @param onLost to be called if nobody read the frame
   */
  readonly output: (frame: Uint8Array, onLost: () => void) => void;
  /** Takes log messages that cannot reach the Orchestrator. */
  readonly errorOutput: { write(text: string): unknown };
}

const maxLogLength = 4000;

/** Writes a monitor's messages to the Orchestrator, framed and without secrets. */
export class MessageWriter {
  readonly #options: WriterOptions;
  #canLog = false;

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  /** To be called after `Configured`: an earlier log message would break the handshake and end the run. */
  allowLogs(): void {
    this.#canLog = true;
  }

  write(message: SentMessage, onLost = (): void => {}): void {
    this.#options.output(formatFrame(formatFromMonitor(redact.value(message))), onLost);
  }

  /** Logs to the Orchestrator. Before it takes logs, and when nobody reads stdout any more, logs to stderr. */
  log(level: LogLevel, text: string): void {
    const safe = toWireText(clip(text, maxLogLength));
    const writeToStderr = (): void => void this.#options.errorOutput.write(`${level.toLowerCase()}: ${safe}\n`);
    if (this.#canLog) this.write({ kind: 'log', level, text: safe }, writeToStderr);
    else writeToStderr();
  }
}
