import os from 'node:os';
import { formatProgress, listenForProgress, type Progress } from './progress.ts';
import { formatLimit } from '../text/duration.ts';
import { wrapText } from '../text/terminal.ts';

/** A closed terminal or a dropped SSH session sends SIGHUP. */
export const stopSignals = ['SIGHUP', 'SIGINT', 'SIGTERM'] as const;

/** One Ctrl-C can arrive twice: npm forwards it, and the terminal sends it to the whole process group. */
const sameRequestMs = 500;

/** Enough for a teardown of 60 s and the reports. Shorter than the time after which the units in `deploy/systemd/` kill. */
export const longestEndMs = 80_000;

/** Starts a line that continues the line above. */
const indent = '      ';

interface StopSignalsOptions {
  readonly errorOutput: { readonly isTTY?: boolean; readonly columns?: number; write(text: string): unknown };
  /** Tells the run to stop. Called once. */
  readonly stop: (signal: NodeJS.Signals) => void;
  /** Longest time from the first signal to the end of the process, even if something hangs. @default 80_000 */
  readonly longestEndMs?: number;
}

/**
 * Ends a process in good order after a signal. At the first signal the run is told to stop: it cuts off the running step,
 * teardown removes what the run made, and the reports are written. At the second one the user learns what the run is waiting
 * for. A third signal ends the process at once, and so does the time limit; both name what is left behind.
 */
export class StopSignals {
  readonly #options: StopSignalsOptions;
  #requests = 0;
  #requestedAtMs = 0;
  #progress: Progress | undefined;

  constructor(options: StopSignalsOptions) {
    this.#options = options;
  }

  /** Acts on a signal that this process got. */
  receive(signal: NodeJS.Signals): void {
    const nowMs = performance.now();
    // A second SIGHUP is not impatience: the user has already gone.
    if (this.#requests > 0 && (signal === 'SIGHUP' || nowMs - this.#requestedAtMs < sameRequestMs)) return;
    this.#requestedAtMs = nowMs;
    this.#requests++;
    if (this.#requests === 1) this.#begin(signal);
    else if (this.#requests === 2) this.#explain(signal);
    else this.#endAtOnce(signal, `${signal} for the third time: ending at once`);
  }

  #begin(signal: NodeJS.Signals): void {
    this.#say(`${signal}: stopping as soon as what this run made is removed and the reports are written`);
    listenForProgress((progress) => {
      this.#progress = progress;
    });
    this.#options.stop(signal);
    process.once('exit', () => {
      process.exitCode = 128 + os.constants.signals[signal];
    });
    const limitMs = this.#options.longestEndMs ?? longestEndMs;
    setTimeout(() => {
      this.#endAtOnce(signal, `${signal}: the run did not end within ${formatLimit(limitMs)}: ending at once`);
    }, limitMs).unref();
  }

  #explain(signal: NodeJS.Signals): void {
    const doing = this.#progress === undefined ? 'the run has not answered yet' : formatProgress(this.#progress);
    const next = signal === 'SIGINT' ? 'one more Ctrl-C' : 'a third signal';
    this.#say(`${signal}: still stopping: ${doing}; ${next} ends the run at once and leaves what is there`);
  }

  #endAtOnce(signal: NodeJS.Signals, why: string): void {
    const progress = this.#progress;
    this.#say(`${why}${progress === undefined ? '' : `, while ${formatProgress(progress)}`}`);
    if (progress === undefined) {
      this.#say(
        'what this run made may be left behind; "awsiam cleanup" removes it when no run can need it any more',
        '  ! ',
      );
    }
    for (const { entity, command } of progress?.remaining ?? []) {
      this.#say(`left behind: ${entity}`, '  ! ');
      // Never wrapped, so that it can be copied.
      if (command !== undefined) this.#write(`${indent}remove it with: ${command}`);
    }
    // process.exit() would wait for threads that hang in a file system or a name server. The signal does not.
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
    // Only the first process of a container gets here: no signal of its own ends it.
    process.exit();
  }

  #say(text: string, sign = ''): void {
    const { isTTY, columns } = this.#options.errorOutput;
    const width = isTTY === true && columns ? columns - indent.length : Infinity;
    this.#write(`${sign}${wrapText(text, width).join(`\n${indent}`)}`);
  }

  /** On a terminal, replaces the status line and the typed `^C`. */
  #write(text: string): void {
    const { errorOutput } = this.#options;
    errorOutput.write(`${errorOutput.isTTY === true ? '\r\u001B[K' : ''}${text}\n`);
  }
}
