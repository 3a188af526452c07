import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

/** What a scheduler does to a process that it wants to end, and when, counted from the cancel. The last is SIGKILL. */
export type Cancel = readonly (readonly [afterMs: number, signal: (pid: number) => unknown])[];

/**
 * Cancels a process, which leads a process group of its own (`detached`), as a scheduler does. Resolves when everything that
 * it started has closed its output.
 *
 * @returns how many stages of the cancel it took. All of them if something had to be killed
 */
export async function cancel(child: ChildProcess, stages: Cancel): Promise<number> {
  const ended = new AbortController();
  const closed = once(child, 'close').then(() => ended.abort());
  const startMs = performance.now();
  let count = 0;
  for (const [afterMs, signal] of stages) {
    const waitMs = Math.max(0, startMs + afterMs - performance.now());
    await delay(waitMs, undefined, { signal: ended.signal }).catch(() => {});
    if (ended.signal.aborted) break;
    await signal(child.pid ?? 0);
    count++;
  }
  await closed;
  return count;
}

/** Sends a signal to a process or, if the number is negative, to a process group. It may have ended. */
export function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** The processes of a process group, the newest first. */
export async function membersOf(group: number): Promise<readonly number[]> {
  const pids = (await readdir('/proc')).map(Number).filter((pid) => pid > 0);
  const groups = await Promise.all(
    pids.map(async (pid) => {
      const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
      // Behind the name, which may hold anything: state, parent, group.
      const [, , processGroup] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return Number(processGroup);
    }),
  );
  return pids.filter((_, index) => groups[index] === group).toSorted((a, b) => b - a);
}
