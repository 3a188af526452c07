import type { OutputStream } from './command-context.ts';

export interface Progress {
  /** One more is done. */
  tick(what: string): void;
  /** Ends the reports, and takes the line off a terminal. */
  end(): void;
}

/** A terminal is not repainted more often than this. */
const repaintMs = 100;
/** What takes longer than this says that it is still at work. */
const quietMs = 2000;
/** Where the output is no terminal, from one such line to the next. */
const reportMs = 10_000;

/**
 * Tells how far a command is that may take long: one line that counts on a terminal, elsewhere a line now and then.
 *
 * @param doing what the command does until the first one is done
 */
export function createProgress(output: OutputStream, doing: string): Progress {
  const isTerminal = output.isTTY === true;
  let count = 0;
  let line = doing;
  let paintedAtMs = -Infinity;
  const show = (): void => {
    paintedAtMs = performance.now();
    output.write(isTerminal ? `\r\u001B[K${line}` : `still working: ${line}\n`);
  };
  const report = (): void => {
    show();
    if (!isTerminal) timer = setTimeout(report, reportMs);
  };
  let timer = setTimeout(report, quietMs);
  return {
    tick: (what) => {
      line = `${++count} · ${what}`;
      if (isTerminal && performance.now() - paintedAtMs >= repaintMs) show();
    },
    end: () => {
      clearTimeout(timer);
      if (isTerminal && paintedAtMs !== -Infinity) output.write('\r\u001B[K');
      paintedAtMs = -Infinity;
    },
  };
}
