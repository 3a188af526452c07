import type { TerminalOptions } from '../reporters/terminal.ts';
import type { Values } from '../runner/monitor.ts';
import { outline } from '../suites/awsiam/outline.ts';
import { hideSecrets, redact } from '../text/redact.ts';
import { columnsOf } from '../text/terminal.ts';

export interface OutputStream {
  readonly isTTY?: boolean;
  /** The terminal's width. */
  readonly columns?: number | undefined;
  /** Whether it shows colours, by the terminal and by `NO_COLOR` and `FORCE_COLOR`. Absent if it is no terminal. */
  hasColors?(): boolean;
  /** @param done called when the text is written, or cannot be */
  write(text: string, done?: (error?: Error | null) => void): unknown;
}

/** What a command knows about the process that it runs in. */
export interface CommandContext {
  /** The command that starts this program, without arguments. */
  readonly self: readonly string[];
  /** `awsiam 0.1.0 (commit ae58712)` */
  readonly build: string;
  /** The process's environment, without what `.env` adds. */
  readonly environment: Values;
  /** The settings: the environment and what `.env` adds to it. */
  readonly values: Values;
  /** Where `.env` is. A relative `METRIST_RESULTS_DIR` is relative to it. */
  readonly baseDir: string;
  /** The path of `.env`, as messages show it. */
  readonly envFile: string;
  /** Why `.env` could not be read, one sentence each. If there are any, no command runs. */
  readonly envProblems: readonly string[];
  /** Reads `.env` again: changes `values`, and returns the new `envProblems`. */
  readonly loadEnvFile: () => Promise<readonly string[]>;
  readonly output: OutputStream;
  /** For errors and progress, which must not get into a pipe. */
  readonly errorOutput: OutputStream;
  readonly onSignal: (listener: (signal: NodeJS.Signals) => void) => void;
  /** Calls the newest listener with each error of this process that nobody handles. Without one, such an error ends it. */
  readonly onUnhandled: (listener: (error: unknown) => void) => Disposable;
  /** Ends this process at once. For one that could not end by itself, because a disk or a name server hangs. */
  readonly endAtOnce: () => void;
}

/** What a command gets in addition while it runs. */
export interface RunningContext extends CommandContext {
  /** Aborted when a signal asks the command to stop. */
  readonly signal: AbortSignal;
  /** The command calls this if it failed, after it has printed why. @param exitCode @default 1 */
  readonly onFailure: (exitCode?: number) => void;
}

/** How to write results for the stream of a command. */
export function terminalOf({ output, values }: Pick<CommandContext, 'output' | 'values'>): TerminalOptions {
  return {
    color: output.hasColors?.() ?? false,
    // Read each time, because a window can be resized.
    get columns() {
      return columnsOf(output, values);
    },
  };
}

/** Returns the same context with streams that hide every secret: those in its values and those that are found later. */
export function redactContext(context: CommandContext): CommandContext {
  hideSecrets(outline.secrets(context.values));
  return { ...context, output: redactStream(context.output), errorOutput: redactStream(context.errorOutput) };
}

function redactStream(stream: OutputStream): OutputStream {
  return {
    ...(stream.isTTY !== undefined && { isTTY: stream.isTTY }),
    // Read each time, because a window can be resized.
    get columns() {
      return stream.columns;
    },
    ...(stream.hasColors !== undefined && { hasColors: () => stream.hasColors?.() ?? false }),
    write: (text, done) => stream.write(redact.text(text), done),
  };
}
