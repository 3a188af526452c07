import os from 'node:os';
import type { Plugin } from 'vitest/config';
import { announceInterruption } from '../interruption.ts';
import { formatProgress, listenForProgress, type Progress } from '../progress.ts';
import { formatLimit } from '../../text/duration.ts';
import { wrapText } from '../../text/terminal.ts';

/** A closed terminal or a dropped SSH session sends SIGHUP. */
const signals = ['SIGHUP', 'SIGINT', 'SIGTERM'] as const;
type Signal = (typeof signals)[number];

/** One Ctrl-C can arrive twice: npm forwards it, and the terminal sends it to the whole process group. */
const sameRequestMs = 500;

/** Enough for a teardown of 60 s and the reports. Shorter than the time after which `deploy/awsiam.service` kills. */
const longestEndMs = 80_000;

/** Starts a line that continues the line above. */
const indent = '      ';

interface TakeOverSignalsOptions {
  readonly errorOutput: { readonly isTTY?: boolean; readonly columns?: number; write(text: string): unknown };
  /** Longest time from the first signal to the end of the process, even if something hangs. @default 80_000 */
  readonly longestEndMs?: number;
}

/**
 * A plugin that ends a run in good order after a signal: it cuts off the running step, teardown removes what the run
 * made, the reports are written, and the exit code is 128 plus the signal's number. By itself vitest would exit a
 * millisecond after the signal, in the middle of its hooks.
 *
 * After a second signal it says what the run is waiting for. A third signal ends the process at once, and so does the
 * time limit; both name what is left behind.
 *
 * It also turns off what would keep a run from ending: watching, standalone mode, other pools (their workers do not
 * learn of the signal) and `--bail`, which cuts hooks off.
 */
export function takeOverSignals(options: TakeOverSignalsOptions): Plugin {
  return {
    name: 'take-over-signals',
    configureVitest({ vitest, project }) {
      const { errorOutput } = options;
      if (vitest.config.watch) errorOutput.write('A monitor run is not watched: it runs once and ends.\n');
      const once = { watch: false, standalone: false, bail: 0, pool: 'threads' } as const;
      Object.assign(vitest.config, once);
      Object.assign(project.config, once);
      const stop = new Stop(options);
      for (const signal of signals) {
        process.removeAllListeners(signal);
        process.on(signal, () => stop.request(signal));
      }
    },
  };
}

/** Counts the signals and acts on each. */
class Stop {
  readonly #options: TakeOverSignalsOptions;
  #requests = 0;
  #requestedAtMs = 0;
  #progress: Progress | undefined;

  constructor(options: TakeOverSignalsOptions) {
    this.#options = options;
  }

  request(signal: Signal): void {
    const nowMs = performance.now();
    // A second SIGHUP is not impatience: the user has already gone.
    if (this.#requests > 0 && (signal === 'SIGHUP' || nowMs - this.#requestedAtMs < sameRequestMs)) return;
    this.#requestedAtMs = nowMs;
    this.#requests++;
    if (this.#requests === 1) this.#begin(signal);
    else if (this.#requests === 2) this.#explain(signal);
    else this.#endAtOnce(signal, `${signal} for the third time: ending at once`);
  }

  #begin(signal: Signal): void {
    this.#say(`${signal}: stopping as soon as what this run made is removed and the reports are written`);
    listenForProgress((progress) => {
      this.#progress = progress;
    });
    announceInterruption(signal);
    process.once('exit', () => {
      process.exitCode = 128 + os.constants.signals[signal];
    });
    const limitMs = this.#options.longestEndMs ?? longestEndMs;
    setTimeout(() => {
      this.#endAtOnce(signal, `${signal}: the run did not end within ${formatLimit(limitMs)}: ending at once`);
    }, limitMs).unref();
  }

  #explain(signal: Signal): void {
    const doing = this.#progress === undefined ? 'the run has not answered yet' : formatProgress(this.#progress);
    const next = signal === 'SIGINT' ? 'one more Ctrl-C' : 'a third signal';
    this.#say(`${signal}: still stopping: ${doing}; ${next} ends the run at once and leaves what is there`);
  }

  #endAtOnce(signal: Signal, why: string): void {
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
