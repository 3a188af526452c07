import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';

/**
 * Makes a directory and its parents. Node's own `recursive` never returns if the file system refuses a child of an existing
 * directory, as below `/proc`.
 *
 * @throws Node's error: `ENOENT` below `/proc`, `ENOTDIR` if a file is in the way
 */
export async function makeDir(dir: string): Promise<void> {
  try {
    await mkdir(dir);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' && (await stat(dir)).isDirectory()) return;
    const parent = path.dirname(dir);
    if (code !== 'ENOENT' || parent === dir) throw error;
    await makeDir(parent);
    await mkdir(dir).catch((again: NodeJS.ErrnoException) => {
      // Another process may have made it meanwhile.
      if (again.code !== 'EEXIST') throw again;
    });
  }
}

/**
 * Removes the old files of a directory that processes left when they were killed. What cannot be removed stays: it may be
 * gone already, or belong to another user.
 */
export async function removeStale(dir: string, isOurs: (name: string) => boolean, olderThanMs: number): Promise<void> {
  const names = await readdir(dir).catch(() => []);
  for (const entry of names.filter(isOurs).map((name) => path.join(dir, name))) {
    const stats = await stat(entry).catch(() => undefined);
    if (stats !== undefined && Date.now() - stats.mtimeMs > olderThanMs) await rm(entry).catch(() => {});
  }
}
