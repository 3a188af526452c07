import type { Clock } from '../runner/clock.ts';
import { wrapText } from '../text/terminal.ts';
import { clip, oneLine } from '../text/printable.ts';

export interface StatusOutput {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  write(text: string): unknown;
}

export interface StatusLineOptions {
  readonly clock: Pick<Clock, 'elapsedMs'>;
  /** Without a terminal, how long to wait before the first line. @default 0 */
  readonly quietMs?: number;
}

/** A terminal is not repainted more often than this. */
const repaintMs = 100;
/** In a log each line stays. */
const logEveryMs = 10_000;

const start = '  … ';
/** What a terminal adds to the line when a person presses Ctrl-C. */
const typed = '^C';
const shortestText = 10;

/** Says what is going on: on a terminal in one line that is removed again, elsewhere in a line now and then. */
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

  /** @param time how long it has taken so far: shown whole also where there is no room for all of the text */
  show(text: string, time = ''): void {
    const nowMs = this.#clock.elapsedMs();
    if (nowMs < this.#nextMs) return;
    const { isTTY, columns = 80 } = this.#output;
    const line = oneLine(text, 1000);
    const end = time === '' ? '' : ` ${time}`;
    if (isTTY === true) {
      this.#nextMs = nowMs + repaintMs;
      this.#isShown = true;
      // A line that runs over into a second row could not be removed.
      const width = columns - 1 - typed.length;
      const room = width - start.length - end.length;
      const painted = room < shortestText ? clip(`${start}${line}`, width) : `${start}${fit(line, room)}${end}`;
      this.#output.write(`\r\u001B[K${painted}`);
    } else {
      this.#nextMs = nowMs + logEveryMs;
      this.#output.write(`${start}${line}${end}\n`);
    }
  }

  /** Removes the line, so that something else can be written in its place. */
  clear(): void {
    if (this.#isShown) this.#output.write('\r\u001B[K');
    this.#isShown = false;
  }
}

/** Cut after a word; within one where it alone is too long. */
function fit(line: string, room: number): string {
  const [first = '', ...rest] = line.length <= room ? [line] : wrapText(line, room - 1);
  return clip(rest.length === 0 ? first : `${first}…`, room);
}
