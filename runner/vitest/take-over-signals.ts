import os from 'node:os';
import type { Plugin } from 'vitest/config';
import { announceInterruption } from '../interruption.ts';
import { formatProgress, listenForProgress, type Progress } from '../progress.ts';
import { wrapText } from '../../text/terminal.ts';

/** A closed terminal and a dropped SSH session are SIGHUP. */
const signals = ['SIGHUP', 'SIGINT', 'SIGTERM'] as const;
type Signal = (typeof signals)[number];

/** One Ctrl-C can arrive twice: npm passes on what the terminal has sent to the whole process group. */
const sameRequestMs = 500;

/** Teardown may take 60 s, and the reports come after it. Below what `deploy/` grants before it kills. */
const longestEndMs = 80_000;

/** The indent of text that belongs to the line above. */
const indent = '      ';

export interface TakeOverSignalsOptions {
  readonly errorOutput: { readonly isTTY?: boolean; readonly columns?: number; write(text: string): unknown };
  /** From the first signal to the end of the process, whatever hangs. @default 80_000 */
  readonly longestEndMs?: number;
}

/**
 * A plugin that lets a run end in order when it is told to stop: the running step is cut off, teardown removes what the
 * run made, the reports are written, and the exit code is 128 plus the signal's number. vitest itself would be gone one
 * millisecond after the signal, its hooks unfinished.
 *
 * A second signal is answered with what the run is waiting for. A third one ends the process at once, and so does the
 * time limit; both name what is left behind.
 *
 * It also turns off what would keep the process alive after the run or the run from its own end: watching, standalone
 * mode, other pools (their workers do not hear of the signal) and `--bail`, which cuts hooks off.
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

/** What the signals so far have asked for. */
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
    if (this.#requests > 0) {
      // A person who hangs up is gone, not impatient.
      if (signal === 'SIGHUP' || nowMs - this.#requestedAtMs < sameRequestMs) return;
    }
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
      this.#endAtOnce(signal, `${signal}: the run did not end within ${limitMs / 1000} s: ending at once`);
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
      // Never broken: a person copies it.
      if (command !== undefined) this.#write(`${indent}remove it with: ${command}`);
    }
    // By the signal's own effect: process.exit() would wait for threads that hang in a file system or a name server.
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  }

  #say(text: string, sign = ''): void {
    const { isTTY, columns } = this.#options.errorOutput;
    const width = isTTY === true && columns ? columns - indent.length : Infinity;
    this.#write(`${sign}${wrapText(text, width).join(`\n${indent}`)}`);
  }

  /** On a terminal a line that will be overwritten may stand there, and the `^C` that was typed. */
  #write(text: string): void {
    const { errorOutput } = this.#options;
    errorOutput.write(`${errorOutput.isTTY === true ? '\r\u001B[K' : ''}${text}\n`);
  }
}
