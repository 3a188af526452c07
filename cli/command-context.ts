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
  /** The process's environment, without what `.env` adds. */
  readonly environment: Values;
  /** The settings: the environment and what `.env` adds to it. */
  readonly values: Values;
  /** The path of `.env`, as messages show it. */
  readonly envFile: string;
  /** Why `.env` could not be read, a sentence each. Every command refuses to run then. */
  readonly envProblems: readonly string[];
  readonly output: OutputStream;
  /** For errors and progress: what is piped on holds neither. */
  readonly errorOutput: OutputStream;
  readonly onSignal: (listener: (signal: NodeJS.Signals) => void) => void;
}
