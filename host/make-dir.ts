import { mkdir, stat } from 'node:fs/promises';
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
