import { isUtf8 } from 'node:buffer';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import type { RunMode } from '../runner/monitor-run.ts';
import { dayFile, dayOf, listDays } from './day-files.ts';
import { hideAccount } from './hide-account.ts';
import { parseRecord, type RunRecord } from './run-record.ts';
import { reasonOf } from './write-history.ts';

const defaultMaxLineBytes = 8 * 1024 * 1024;

interface ReadHistoryOptions {
  /** `results/runs` */
  readonly dir: string;
  /** The first UTC day to read: `2026-11-22`. @default the oldest */
  readonly fromDay?: string;
  /** The last UTC day to read. @default the newest */
  readonly toDay?: string;
  /** Only runs of this mode. @default every mode */
  readonly mode?: RunMode;
  /** Gives each run without account numbers and names of entities, for readers elsewhere. @default false */
  readonly hideAccount?: boolean;
  /** Longer lines are skipped, so that a damaged file does not use up the memory. @default 8 MiB */
  readonly maxLineBytes?: number;
  /** Ends the reading with its reason. @default never */
  readonly signal?: AbortSignal;
}

/**
 * Reads the history as a stream: day by day, the oldest first, and each day in the order in which its runs ended. Needs the
 * memory of one line, however long the history is. Damaged lines and files are skipped; after the loop the fields say what
 * was missing.
 *
 * ```ts
 * const history = new HistoryReader({ dir: 'results/runs', mode: 'live' });
 * for await (const run of history) …
 * ```
 */
export class HistoryReader {
  /** How many lines were no runs: torn by a full disk, foreign, damaged, or too long. */
  skipped = 0;
  /** Which files could not be read, one clause each. */
  readonly problems: string[] = [];
  readonly #options: ReadHistoryOptions;

  constructor(options: ReadHistoryOptions) {
    this.#options = options;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<RunRecord> {
    const { dir, fromDay = '', toDay = '9999-12-31', mode, maxLineBytes = defaultMaxLineBytes, signal } = this.#options;
    const shown = this.#options.hideAccount === true ? hideAccount : (run: RunRecord): RunRecord => run;
    for (const day of await this.#days(dir)) {
      if (day < fromDay || day > toDay) continue;
      try {
        for await (const { run } of readDay({ dir, day, maxLineBytes })) {
          signal?.throwIfAborted();
          if (run === undefined) this.skipped += 1;
          else if (mode === undefined || run.mode === mode) yield shown(run);
        }
      } catch (error) {
        signal?.throwIfAborted();
        this.problems.push(`${path.join(dir, dayFile(day))} could not be read: ${reasonOf(error)}`);
      }
    }
  }

  async #days(dir: string): Promise<string[]> {
    try {
      return await listDays(dir);
    } catch (error) {
      this.problems.push(`${dir} could not be read: ${reasonOf(error)}`);
      return [];
    }
  }
}

/** A line of a day's file. */
interface HistoryLine {
  /** Absent if the line is no run of this day. */
  readonly run?: RunRecord;
  /** Whether it has its line feed. Without it, the line is torn or still being written. */
  readonly isComplete: boolean;
  /** Where in the file the next line begins. */
  readonly endByte: number;
}

interface ReadDayOptions {
  /** `results/runs` */
  readonly dir: string;
  /** `2026-11-22` */
  readonly day: string;
  /** Where a line begins. @default 0 */
  readonly startByte?: number;
  readonly maxLineBytes?: number;
}

/**
 * Reads the lines of one day. There are none if the file does not exist: another process may have removed it because of its
 * age.
 *
 * @throws Node's error if the file cannot be read
 */
export async function* readDay(options: ReadDayOptions): AsyncGenerator<HistoryLine> {
  const { dir, day, startByte = 0, maxLineBytes = defaultMaxLineBytes } = options;
  const file = path.join(dir, dayFile(day));
  try {
    // Opening a named pipe would wait for ever.
    if (!(await stat(file)).isFile()) throw new Error('it is not a file');
    const chunks = createReadStream(file, { start: startByte });
    for await (const { bytes, isComplete, endByte } of splitLines(chunks, maxLineBytes)) {
      const run = bytes !== undefined && isUtf8(bytes) ? parseRecord(bytes.toString()) : undefined;
      const end = { isComplete, endByte: startByte + endByte };
      // The days are in order only if each run stands in the file of its day.
      yield run === undefined || dayOf(run.startedAt) !== day ? end : { run, ...end };
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

const lineFeed = 0x0a;

/** A line that is not empty. */
interface Line {
  /** Absent if the line is too long. */
  readonly bytes?: Buffer;
  /** Whether it has its line feed. */
  readonly isComplete: boolean;
  /** How many bytes there were up to the end of the line, with its line feed. */
  readonly endByte: number;
}

/** Splits bytes into lines. The bytes of a line that is too long are not kept. */
export async function* splitLines(chunks: AsyncIterable<Buffer>, maxLineBytes: number): AsyncGenerator<Line> {
  let parts: Buffer[] = [];
  let length = 0;
  let offset = 0;
  const takeLine = (isComplete: boolean, endByte: number): Line => {
    const end = { isComplete, endByte };
    const line = length > maxLineBytes ? end : { bytes: Buffer.concat(parts, length), ...end };
    parts = [];
    length = 0;
    return line;
  };
  const keep = (bytes: Buffer): void => {
    length += bytes.length;
    if (length > maxLineBytes) parts = [];
    else parts.push(bytes);
  };
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(lineFeed); end >= 0; end = chunk.indexOf(lineFeed, start)) {
      keep(chunk.subarray(start, end));
      start = end + 1;
      if (length > 0) yield takeLine(true, offset + start);
    }
    keep(chunk.subarray(start));
    offset += chunk.length;
  }
  if (length > 0) yield takeLine(false, offset);
}
