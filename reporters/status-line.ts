import type { Clock } from '../runner/clock.ts';
import { wrapText } from '../text/terminal.ts';
import { oneLine } from '../text/printable.ts';
import { clip } from '../text/redact.ts';

export interface StatusOutput {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  write(text: string): unknown;
}

interface StatusLineOptions {
  readonly clock: Pick<Clock, 'elapsedMs'>;
  /** How long to wait before the first line if the output is not a terminal. @default 0 */
  readonly quietMs?: number;
}

/** On a terminal, the line is repainted at most this often. */
const repaintMs = 100;
/** Elsewhere a line is written at most this often, because every line stays. */
const logEveryMs = 10_000;

const start = '  … ';
/** The terminal adds this to the line if the user presses Ctrl-C. */
const typed = '^C';
const shortestText = 10;

/** Shows what is going on: on a terminal in one line that is removed again, elsewhere with a line every ten seconds. */
export class StatusLine {
  readonly #output: StatusOutput;
  readonly #clock: Pick<Clock, 'elapsedMs'>;
  #nextMs: number;
  #isShown = false;

  constructor(output: StatusOutput, { clock, quietMs = 0 }: StatusLineOptions) {
    this.#output = output;
    this.#clock = clock;
    this.#nextMs = clock.elapsedMs() + (output.isTTY === true ? 0 : quietMs);
  }

  /** @param time how long it has taken so far. It is never cut; on a very narrow terminal it is left out */
  show(text: string, time = ''): void {
    const nowMs = this.#clock.elapsedMs();
    if (nowMs < this.#nextMs) return;
    const { isTTY, columns = 80 } = this.#output;
    const line = oneLine(text, 1000);
    const end = time === '' ? '' : ` ${time}`;
    if (isTTY === true) {
      this.#nextMs = nowMs + repaintMs;
      this.#isShown = true;
      // A line of two rows could not be removed.
      const width = columns - 1 - typed.length;
      const room = width - start.length - end.length;
      const painted = room < shortestText ? clip(`${start}${line}`, width) : `${start}${fit(line, room)}${end}`;
      this.#output.write(`\r\u001B[K${painted}`);
    } else {
      this.#nextMs = nowMs + logEveryMs;
      this.#output.write(`${start}${line}${end}\n`);
    }
  }

  /** Removes the line, so that something else can be written there. */
  clear(): void {
    if (this.#isShown) this.#output.write('\r\u001B[K');
    this.#isShown = false;
  }
}

/** Cuts after a word, or within the first word if that alone is too long. */
function fit(line: string, room: number): string {
  const [first = '', ...rest] = line.length <= room ? [line] : wrapText(line, room - 1);
  return clip(rest.length === 0 ? first : `${first}…`, room);
}
