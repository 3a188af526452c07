import { isUtf8 } from 'node:buffer';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import type { RunMode } from '../runner/monitor-run.ts';
import { dayFile, dayOf, listDays } from './day-files.ts';
import { parseRecord, type RunRecord } from './run-record.ts';
import { reasonOf } from './write-history.ts';

interface ReadHistoryOptions {
  /** `results/runs` */
  readonly dir: string;
  /** The first UTC day to read: `2026-11-22`. @default the oldest */
  readonly fromDay?: string;
  /** The last UTC day to read. @default the newest */
  readonly toDay?: string;
  /** Only runs of this mode. @default every mode */
  readonly mode?: RunMode;
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
    const { dir, fromDay = '', toDay = '9999-12-31', mode, maxLineBytes = 8 * 1024 * 1024, signal } = this.#options;
    for (const day of await this.#days(dir)) {
      if (day < fromDay || day > toDay) continue;
      for await (const line of this.#lines(path.join(dir, dayFile(day)), maxLineBytes)) {
        signal?.throwIfAborted();
        const record = line !== undefined && isUtf8(line) ? parseRecord(line.toString()) : undefined;
        // The days are in order only if each run stands in the file of its day.
        if (record === undefined || dayOf(record.startedAt) !== day) this.skipped += 1;
        else if (mode === undefined || record.mode === mode) yield record;
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

  async *#lines(file: string, maxLineBytes: number): AsyncGenerator<Buffer | undefined> {
    try {
      // Opening a named pipe would wait for ever.
      if (!(await stat(file)).isFile()) throw new Error('it is not a file');
      yield* splitLines(createReadStream(file), maxLineBytes);
    } catch (error) {
      // Another process may have removed it because of its age.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
      this.problems.push(`${file} could not be read: ${reasonOf(error)}`);
    }
  }
}

const lineFeed = 0x0a;

/** Splits bytes into lines that are not empty. A line that is too long is `undefined`, and its bytes are not kept. */
export async function* splitLines(
  chunks: AsyncIterable<Buffer>,
  maxLineBytes: number,
): AsyncGenerator<Buffer | undefined> {
  let parts: Buffer[] = [];
  let length = 0;
  const takeLine = (): Buffer | undefined => {
    const line = length > maxLineBytes ? undefined : Buffer.concat(parts, length);
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
      if (length > 0) yield takeLine();
    }
    keep(chunk.subarray(start));
  }
  if (length > 0) yield takeLine();
}
