import { FrameBuffer } from '../frame.ts';
import { parseToMonitor, type ToMonitor } from '../messages.ts';

export interface MessageListener {
  readonly onMessage: (message: ToMonitor) => void;
  /** Called once, at the end of the input. `problem`: why it ended, where that was not in order. */
  readonly onEnd: (problem?: string) => void;
}

/** Where messages come from: stdin. */
export interface MessageInput {
  on(event: 'data', listener: (chunk: Uint8Array) => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  on(event: 'end' | 'close', listener: () => void): unknown;
}

/** Reads the Orchestrator's messages as they come, until the input ends or cannot be understood any more. */
export function readMessages(input: MessageInput, { onMessage, onEnd }: MessageListener): void {
  const buffer = new FrameBuffer();
  let ended = false;
  const end = (problem?: string): void => {
    if (ended) return;
    ended = true;
    onEnd(problem);
  };
  input.on('data', (chunk) => {
    if (ended) return;
    buffer.append(chunk);
    try {
      for (let body = buffer.next(); body !== undefined; body = buffer.next()) onMessage(parseToMonitor(body));
    } catch (error) {
      end(`what came on stdin is no message of the protocol: ${(error as Error).message}`);
    }
  });
  input.on('error', (error) => end(`stdin could not be read: ${error.message}`));
  const onClose = (): void =>
    end(buffer.pendingBytes > 0 ? `stdin ended ${buffer.pendingBytes} bytes into a message` : undefined);
  input.on('end', onClose);
  input.on('close', onClose);
}
