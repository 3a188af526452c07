import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { projectDir } from './spawn-node.ts';

/** What one Node program took from its start to its end, as it measured itself. */
export interface Measured {
  readonly wallMs: number;
  /** User and system time, all threads. */
  readonly cpuMs: number;
  /** The most memory that it had at a time (resident set). */
  readonly peakMb: number;
  readonly stdout: string;
}

/** Prints the program's own figures on a pipe of its own. A data URL, because loading a file of TypeScript takes memory. */
const selfMeasurement = `data:text/javascript,${encodeURIComponent(`
import { writeSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';
if (isMainThread) process.on('exit', () => {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  writeSync(3, JSON.stringify({ cpuMs: (userCPUTime + systemCPUTime) / 1000, peakMb: maxRSS / 1000 }));
});`)}`;

/**
 * Runs a Node program of the project until it ends, and measures it. Its environment has none of this process's settings.
 *
 * @throws Error with everything that the program printed, if it does not exit with 0
 */
export async function measureNode(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Measured> {
  const { PATH = '', HOME = '' } = process.env;
  const startMs = performance.now();
  const child = spawn(process.execPath, ['--import', selfMeasurement, ...args], {
    cwd: projectDir,
    env: { PATH, HOME, ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  const [[code], ...printed] = await Promise.all([
    once(child, 'close'),
    ...child.stdio.slice(1).map((stream) => text(stream as Readable)),
  ]);
  const [out = '', err = '', json = ''] = printed;
  const wallMs = performance.now() - startMs;
  if (code !== 0) throw new Error(`${args.join(' ')} exited with ${String(code)}:\n${out}${err}`);
  return { wallMs, ...(JSON.parse(json) as Pick<Measured, 'cpuMs' | 'peakMb'>), stdout: out };
}
