import type { Monitor } from '../../../runner/monitor.ts';
import { protocolVersion } from '../messages.ts';
import { MessageWriter, readMessages, type WriterOptions } from './connection.ts';
import { Conversation, type ConversationSettings, type Reporting } from './conversation.ts';

export interface ServeOptions<Config, Session> extends ConversationSettings, WriterOptions {
  /** Loads the monitor. Called after `Started` is written, so that the Orchestrator does not wait for it. */
  readonly load: () => Promise<Monitor<Config, Session>>;
  /** Loads what reports finished runs. Called after `Started` is written. @default nobody wants a report */
  readonly loadReporting?: () => Promise<Reporting>;
  /** Where messages come from: stdin. */
  readonly input: NodeJS.ReadableStream;
  /** Calls the listener when the process is told to stop. */
  readonly onSignal: (listener: (signal: NodeJS.Signals) => void) => void;
  /** Calls the listener with uncaught errors. */
  readonly onCrash: (listener: (error: unknown) => void) => void;
  /** Whether `Started` has already been written. @default false */
  readonly startedSent?: boolean;
}

/**
 * The front end for the Metrist Orchestrator: runs a monitor as its messages ask. Never rejects.
 *
 * @returns a promise that settles when the run is over and torn down, and the process should end
 */
export async function serveMonitor<Config, Session>(options: ServeOptions<Config, Session>): Promise<void> {
  const { startedSent = false, input, load, onCrash, onSignal } = options;
  const writer = new MessageWriter(options);
  if (!startedSent) writer.write({ kind: 'started', version: protocolVersion });
  const monitor = load();
  // Prepares during the handshake. An error here fails the first step.
  const prepared = monitor.then(async (loaded) => await loaded.prepare({ mode: 'live' }));
  prepared.catch(() => {});

  const reporting = options.loadReporting?.();
  // An error here is logged when the run is to be reported.
  reporting?.catch(() => {});

  const conversation = new Conversation({ ...options, writer, monitor, prepared, reporting });
  onSignal((signal) => conversation.stop(signal));
  onCrash((error) => conversation.crash(error));
  readMessages(input, {
    onMessage: (message) => conversation.receive(message),
    onEnd: (problem) => {
      if (problem !== undefined) writer.log('Error', problem);
      conversation.stop('the end of its input');
    },
  });
  await conversation.over;
}
