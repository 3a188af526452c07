import { EventQueue, type ProcessEvent } from '../monitor-process.ts';
import { formatFrame } from '../../frame.ts';

/** A monitor without a process: tests say what it writes, and read what it was told. */
export interface FakeMonitor {
  readonly events: EventQueue<ProcessEvent>;
  write(message: string): void;
  /** What it was told. */
  readonly told: readonly string[];
  /** Bytes on stdout, as one chunk. */
  readonly raw: (text: string, atMs?: number) => void;
  /** Messages on stdout, all in one chunk. */
  readonly send: (...messages: readonly string[]) => void;
  readonly sign: (kind: 'stderr' | 'stopped' | 'ended') => void;
}

/** @param react called with everything that it is told */
export function fakeMonitor(react: (message: string, monitor: FakeMonitor) => void = () => {}): FakeMonitor {
  const told: string[] = [];
  const events = new EventQueue<ProcessEvent>();
  const raw = (text: string, atMs = 0): void => events.push({ kind: 'stdout', bytes: Buffer.from(text), atMs });
  const monitor: FakeMonitor = {
    events,
    told,
    raw,
    send: (...messages) => raw(messages.map((message) => formatFrame(message).toString()).join('')),
    sign: (kind) => events.push({ kind }),
    write(message) {
      told.push(message);
      react(message, monitor);
    },
  };
  return monitor;
}
