import type { Monitor, Values } from '../../../runner/monitor.ts';
import { Conversation } from './conversation.ts';
import { protocolVersion } from '../messages.ts';
import { readMessages, type MessageInput } from './read-messages.ts';
import { Speaker, type SpeakerOptions } from './speaker.ts';

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
