import type { OutputStream } from './command-context.ts';

export interface Progress {
  /** One more is done. */
  tick(what: string): void;
  /** Takes the progress off the screen. */
  end(): void;
}

/** The terminal is not repainted more often than this. */
const repaintMs = 100;

/** One line that counts, on a terminal; nothing elsewhere. */
export function createProgress(output: OutputStream): Progress {
  let count = 0;
  let paintedAtMs = -Infinity;
  if (output.isTTY !== true) return { tick: () => {}, end: () => {} };
  return {
    tick: (what) => {
      count++;
      const nowMs = performance.now();
      if (nowMs - paintedAtMs < repaintMs) return;
      paintedAtMs = nowMs;
      output.write(`\r\u001B[K${count} · ${what}`);
    },
    end: () => {
      if (paintedAtMs !== -Infinity) output.write('\r\u001B[K');
      paintedAtMs = -Infinity;
    },
  };
}
