import { randomInt } from 'node:crypto';
import { open, readdir, realpath, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';

interface ReplaceFileOptions {
  /** Who may read the file, whatever the process's umask: `0o644`. @default what the umask leaves */
  readonly mode?: number;
  /**
   * What is appended to the name of the unfinished file. If only one process at a time writes the file, a fixed name leaves
   * at most one such file after kills.
   * @default a random number
   */
  readonly suffix?: string;
}

/** An unfinished file that is older than this belongs to a process that was killed while it wrote. */
const staleAfterMs = 600_000;

/**
 * Writes another file and renames it, so that nobody reads half a document, and the older one stays whole if this fails. A
 * symbolic link stays one. Never replaces a directory, a pipe or a device.
 *
 * @param data a text, or its parts, so that it need not be in memory at once
 * @throws Node's error if the disk does not take all of it, or an error that says what stands in the way
 */
export async function replaceFile(
  file: string,
  data: string | AsyncIterable<string>,
  options: ReplaceFileOptions = {},
): Promise<void> {
  const { mode, suffix = String(randomInt(2 ** 32)) } = options;
  const target = await realpath(file).catch(() => file);
  const there = await stat(target).catch(() => undefined);
  if (there?.isDirectory() === true) throw new Error('a directory is in the way');
  if (there !== undefined && !there.isFile()) throw new Error('a pipe or device is in the way');
  const unfinished = `${target}.${suffix}`;
  try {
    // It may be another user's.
    if (options.suffix !== undefined) await rm(unfinished, { force: true });
    await using handle = await open(unfinished, 'wx');
    if (mode !== undefined) await handle.chmod(mode);
    // Fails if the disk takes only a part.
    await handle.writeFile(data);
    await handle.sync();
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
