import { randomInt } from 'node:crypto';
import { readdir, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';

/** An unfinished file that is older than this belongs to a process that was killed while it wrote. */
const staleAfterMs = 600_000;

/**
 * Writes another file and renames it, so that nobody reads half a document, and the older one stays whole if this fails. A
 * symbolic link stays one. Never replaces a directory or a device.
 *
 * @param data text, or the parts of one, so that it need not be in memory at once
 * @throws Node's error, or an error that says what stands in the way
 */
export async function replaceFile(file: string, data: string | AsyncIterable<string>): Promise<void> {
  const target = await realpath(file).catch(() => file);
  const there = await stat(target).catch(() => undefined);
  if (there?.isDirectory() === true) throw new Error('a directory is in the way');
  if (there !== undefined && !there.isFile()) throw new Error('a pipe or device is in the way');
  const unfinished = `${target}.${randomInt(2 ** 32)}`;
  try {
    // Fails if the disk takes only a part.
    await writeFile(unfinished, data, { flush: true });
    await rename(unfinished, target);
  } catch (error) {
    await rm(unfinished, { force: true }).catch(() => {});
    throw error;
  }
}

/** Removes unfinished files of processes that were killed while they replaced `file`. What cannot be removed stays. */
export async function removeUnfinished(file: string): Promise<void> {
  const dir = path.dirname(file);
  const start = `${path.basename(file)}.`;
  for (const name of await readdir(dir).catch(() => [])) {
    if (!name.startsWith(start) || !/^\d+$/.test(name.slice(start.length))) continue;
    const unfinished = path.join(dir, name);
    const stats = await stat(unfinished).catch(() => undefined);
    if (stats !== undefined && Date.now() - stats.mtimeMs > staleAfterMs) await rm(unfinished).catch(() => {});
  }
}
