import { readdirSync, readFileSync } from 'node:fs';

/** What Linux says about a running process. */

/** CPU time of all threads so far, to the nanosecond, unlike `/proc/<pid>/stat`. */
export function readCpuMs(pid: number): number {
  const tasks = readdirSync(`/proc/${pid}/task`);
  const ns = tasks.map((task) => Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]));
  return ns.reduce((sum, each) => sum + each, 0) / 1e6;
}

/** 0 if the process has ended. */
export function readMemoryMib(pid: number, what: 'VmRSS' | 'VmHWM'): number {
  return readMib(`/proc/${pid}/status`, what);
}

/**
 * The memory of this process, with its part of what it shares with others: the sum over all processes is what the host needs.
 * 0 if the process has ended.
 */
export function readShareOfMemoryMib(pid: number): number {
  return readMib(`/proc/${pid}/smaps_rollup`, 'Pss');
}

function readMib(file: string, what: string): number {
  try {
    const [, kib] = new RegExp(`^${what}:\\s+(\\d+) kB$`, 'm').exec(readFileSync(file, 'utf8')) ?? [];
    return Number(kib ?? 0) / 1024;
  } catch {
    return 0;
  }
}
