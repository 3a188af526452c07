import { EventQueue, type ProcessEvent } from '../monitor-process.ts';
import { formatFrame } from '../../frame.ts';

/** A monitor without a process: tests decide what it writes, and read what it received. */
export interface FakeMonitor {
  readonly events: EventQueue<ProcessEvent>;
  write(message: string): void;
  /** The messages that it received. */
  readonly received: readonly string[];
  /** Bytes on stdout, as one chunk. */
  readonly raw: (text: string, atMs?: number) => void;
  /** Messages on stdout, all in one chunk. */
  readonly send: (...messages: readonly string[]) => void;
  readonly emit: (kind: 'stderr' | 'stopped' | 'ended') => void;
}

/** @param react called with each message that it receives */
export function fakeMonitor(react: (message: string, monitor: FakeMonitor) => void = () => {}): FakeMonitor {
  const received: string[] = [];
  const events = new EventQueue<ProcessEvent>();
  const raw = (text: string, atMs = 0): void => events.push({ kind: 'stdout', bytes: Buffer.from(text), atMs });
  const monitor: FakeMonitor = {
    events,
    received,
    raw,
    send: (...messages) => raw(messages.map((message) => formatFrame(message).toString()).join('')),
    emit: (kind) => events.push({ kind }),
    write(message) {
      received.push(message);
      react(message, monitor);
    },
  };
  return monitor;
}
