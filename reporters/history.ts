import { open, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { makeDir } from '../host/make-dir.ts';
import type { MonitorRun } from '../runner/monitor-run.ts';
import type { ReportOutcome, RunReporter } from './run-reporter.ts';
import { messageOf, oneLine } from '../text/printable.ts';

/** Appends each run to the file of its day (UTC), as one line of JSON: `results/runs/2026-11-22.ndjson`. */
export class HistoryReporter implements RunReporter {
  readonly what: string;
  readonly #dir: string;

  /** @param options.dir `results/runs`; `shownAs` is the path as messages show it */
  constructor({ dir, shownAs = dir }: { readonly dir: string; readonly shownAs?: string }) {
    this.what = `history ${shownAs}`;
    this.#dir = dir;
  }

  async report(run: MonitorRun): Promise<ReportOutcome> {
    const name = `${run.startedAt.slice(0, 10)}.ndjson`;
    const text = path.join(this.what, name);
    try {
      await makeDir(this.#dir);
      await appendLine(path.join(this.#dir, name), JSON.stringify(run));
      return { ok: true, text };
    } catch (error) {
      return { ok: false, text: `${text} could not be written: ${oneLine(messageOf(error), 200)}` };
    }
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
