import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { onTestFinished, type TestContext } from 'vitest';

/** Whether a test that this machine cannot run is skipped. If not, it fails: under `.ci/run`, which sets CI. */
export const maySkip = process.env['CI'] === undefined;

/** Skips the running test if this machine lacks what it needs. */
export function need<T>(context: Pick<TestContext, 'skip'>, value: T | undefined, what: string): T {
  if (value !== undefined) return value;
  if (!maySkip) throw new Error(`needs ${what}`);
  return context.skip(`needs ${what}`);
}

/** Mounts a disk of this size (`16k`) on a directory until the test is over. */
export async function mountSmallDisk(
  context: Pick<TestContext, 'skip'> & Partial<Pick<TestContext, 'onTestFinished'>>,
  dir: string,
  size: string,
): Promise<void> {
  const run = promisify(execFile);
  const mounted = await run('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', dir]).catch(() => undefined);
  need(context, mounted, 'root, to mount a small disk');
  const cleanUp = context.onTestFinished ?? onTestFinished;
  cleanUp(async () => void (await run('umount', [dir])));
}
