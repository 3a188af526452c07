import { lstat, open, unlink, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { makeDir } from '../host/make-dir.ts';
import { messageOf, oneLine, plural } from '../text/printable.ts';
import { dayFile, dayOf, listDays } from './day-files.ts';
import type { RunRecord } from './run-record.ts';
import { dayMs } from '../text/time.ts';

/** Writes the history of one results directory. One for a process, which looks for old files once a day. */
export class HistoryWriter {
  readonly #dir: string;
  readonly #historyDays: number;
  #lastCleaned: string | undefined;

  /**
   * @param options.dir `results/runs`
   * @param options.historyDays files of days that are longer ago are removed
   */
  constructor({ dir, historyDays }: { readonly dir: string; readonly historyDays: number }) {
    this.#dir = dir;
    this.#historyDays = historyDays;
  }

  /**
   * Appends a run to the file of its day.
   *
   * @throws Node's error, or an error that says that the disk took only a part
   */
  async append(record: RunRecord): Promise<void> {
    await makeDir(this.#dir);
    await appendLine(path.join(this.#dir, dayFile(dayOf(record.startedAt))), JSON.stringify(record));
  }

  /**
   * Removes the files of days that are too long ago, at most once for each day. Never rejects.
   *
   * @param now the start of the run, which is corrected by the service's clock if this host's is wrong
   * @returns what went wrong, as a clause
   */
  async removeOld(now: string): Promise<string | undefined> {
    const today = dayOf(now);
    if (this.#lastCleaned === today) return undefined;
    this.#lastCleaned = today;
    const oldest = dayOf(new Date(Date.parse(today) - this.#historyDays * dayMs));
    try {
      const failures: unknown[] = [];
      for (const day of await listDays(this.#dir)) {
        if (day < oldest) await removeFile(path.join(this.#dir, dayFile(day))).catch((error) => failures.push(error));
      }
      if (failures.length === 0) return undefined;
      return `${plural(failures.length, 'old file')} could not be removed: ${reasonOf(failures[0])}`;
    } catch (error) {
      return `old files could not be looked for: ${reasonOf(error)}`;
    }
  }
}

/** Why a file could not be read or written, on one line. */
export function reasonOf(error: unknown): string {
  return oneLine(messageOf(error), 200);
}

async function removeFile(file: string): Promise<void> {
  try {
    if ((await lstat(file)).isFile()) await unlink(file);
  } catch (error) {
    // Another run may have removed it.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

async function appendLine(file: string, line: string): Promise<void> {
  await using handle = await open(file, 'a+');
  // If a full disk cut off the last line, the new one must not continue it.
  const start = (await endsInTheMiddleOfALine(handle)) ? '\n' : '';
  const bytes = Buffer.from(`${start}${line}\n`);
  // In one write, so that two runs at the same time do not mix.
  const { bytesWritten } = await handle.write(bytes);
  if (bytesWritten < bytes.length) throw new Error('the disk took only a part of the line');
}

async function endsInTheMiddleOfALine(handle: FileHandle): Promise<boolean> {
  const { size } = await handle.stat();
  if (size === 0) return false;
  const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, size - 1);
  return buffer.toString() !== '\n';
}
