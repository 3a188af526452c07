import type { Monitor, Values } from '../../../runner/monitor.ts';
import { Conversation } from './conversation.ts';
import { protocolVersion, parseToMonitor, type ToMonitor } from '../messages.ts';
import { Speaker, type SpeakerOptions } from './speaker.ts';
import { FrameBuffer } from '../frame.ts';

export interface ServeOptions<Config, Session> extends SpeakerOptions {
  /** Loads the monitor. Called when `Started` has been said: the Orchestrator need not wait for it. */
  readonly load: () => Promise<Monitor<Config, Session>>;
  /** The environment. It wins over the Config JSON. */
  readonly values: Values;
  /** The properties that the Config JSON can have, and under which name the monitor reads each. */
  readonly properties: ReadonlyMap<string, string>;
  /** What runs here, for the Orchestrator's log: `awsiam 0.1.0`. */
  readonly about: string;
  readonly input: MessageInput;
  /** Calls the listener when the process is told to stop. */
  readonly onSignal: (listener: (signal: NodeJS.Signals) => void) => void;
  /** Calls the listener with what nobody caught. */
  readonly onCrash: (listener: (error: unknown) => void) => void;
  /** Whether `Started` has been said already. @default false */
  readonly greeted?: boolean;
  /**
   * How long teardown and sweep may go on when there is nobody left to wait for them: five seconds after SIGTERM the
   * Orchestrator kills.
   * @default 3_000
   */
  readonly hurryMs?: number;
}

/**
 * Front end 2: runs a monitor under the Metrist Orchestrator. Never rejects.
 *
 * @returns when the run is over, everything that it made is removed, and the process should end
 */
export async function serveMonitor<Config, Session>(options: ServeOptions<Config, Session>): Promise<void> {
  const { greeted = false, input, load, onCrash, onSignal } = options;
  const speaker = new Speaker(options);
  if (!greeted) speaker.say({ kind: 'started', version: protocolVersion });
  const monitor = load();
  // While the handshake goes on. What fails here fails the first step.
  const prepared = monitor.then(async (loaded) => await loaded.prepare({ mode: 'live' }));
  prepared.catch(() => {});

  const conversation = new Conversation({ ...options, speaker, monitor, prepared });
  onSignal((signal) => conversation.leave(signal));
  onCrash((error) => conversation.crash(error));
  readMessages(input, {
    onMessage: (message) => conversation.receive(message),
    onEnd: (problem) => {
      if (problem !== undefined) speaker.log('Error', problem);
      conversation.leave('the end of its input');
    },
  });
  await conversation.over;
}

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
