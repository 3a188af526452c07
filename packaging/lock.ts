import { mkdir, rm, stat, utimes } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

const refreshMs = 2_000;
/** A process that lives refreshes its lock long before. */
const abandonedAfterMs = 15_000;

/**
 * Does something while no other process does it. Waits for the one that does; the lock of a process that was killed is
 * broken.
 *
 * @param lockPath a directory that is made and removed
 */
export async function withLock<Result>(lockPath: string, act: () => Promise<Result>): Promise<Result> {
  while (!(await tryToLock(lockPath))) await delay(100);
  const timer = setInterval(() => void refresh(lockPath), refreshMs);
  try {
    return await act();
  } finally {
    clearInterval(timer);
    await rm(lockPath, { recursive: true, force: true });
  }
}

async function tryToLock(lockPath: string): Promise<boolean> {
  try {
    await mkdir(lockPath);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  const refreshedAt = await stat(lockPath).then(
    ({ mtimeMs }) => mtimeMs,
    () => Date.now(),
  );
  if (Date.now() - refreshedAt > abandonedAfterMs) await rm(lockPath, { recursive: true, force: true });
  return false;
}

async function refresh(lockPath: string): Promise<void> {
  const now = new Date();
  // Where it is gone, somebody took this process for dead.
  await utimes(lockPath, now, now).catch(() => {});
}
