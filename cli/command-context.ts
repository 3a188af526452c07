import type { Values } from '../runner/monitor.ts';

export interface OutputStream {
  readonly isTTY?: boolean;
  /** The terminal's width. */
  readonly columns?: number;
  write(text: string): unknown;
}

/** What a command knows of the process it runs in. */
export interface CommandContext {
  /** The command that starts this program, without arguments. */
  readonly self: readonly string[];
  readonly values: Values;
  readonly output: OutputStream;
  /** For errors and progress: what is piped on holds neither. */
  readonly errorOutput: OutputStream;
  readonly onSignal: (listener: (signal: NodeJS.Signals) => void) => void;
}
