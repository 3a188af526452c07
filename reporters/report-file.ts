import { open, stat } from 'node:fs/promises';
import type { Overview } from '../history/overview.ts';
import type { OverallState } from '../history/state.ts';
import type { RunMode } from '../runner/monitor-run.ts';

/** What a report file shows, so that the next run knows whether to write it again. */
export interface ReportMark {
  readonly mode: RunMode;
  readonly instance?: string;
  readonly state: OverallState;
  /** The moment that the report shows. Epoch, UTC. */
  readonly nowMs: number;
}

const start = '<!-- awsiam report ';
const end = ' -->';
/** Longer than any mark. */
const markBytes = 2048;

/**
 * Puts the mark in front of the page, as a comment.
 *
 * ```html
 * <!-- awsiam report {"mode":"live","instance":"us-east-1","state":"up","nowMs":1795353600000} -->
 * <!doctype html>
 * ```
 */
export function withMark(page: string, { mode, instance, state, nowMs }: Overview): string {
  const mark: ReportMark = {
    mode,
    ...(instance !== undefined && { instance }),
    state: state.overall.state,
    nowMs,
  };
  // Neither may end the comment, whatever the instance is called.
  const json = JSON.stringify(mark).replaceAll('>', '\\u003e').replaceAll('--', '-\\u002d');
  return `${start}${json}${end}\n${page}`;
}

/** Reads the mark of a report. Absent if there is no such file, or if it is none of ours. */
export async function readMark(file: string): Promise<ReportMark | undefined> {
  try {
    // Opening a named pipe would wait for ever.
    if (!(await stat(file)).isFile()) return undefined;
    await using handle = await open(file, 'r');
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(markBytes), 0, markBytes, 0);
    const [line = ''] = buffer.toString('utf8', 0, bytesRead).split('\n', 1);
    if (!line.startsWith(start) || !line.endsWith(end)) return undefined;
    const mark = JSON.parse(line.slice(start.length, -end.length)) as Partial<ReportMark>;
    return typeof mark.nowMs === 'number' ? (mark as ReportMark) : undefined;
  } catch {
    return undefined;
  }
}
