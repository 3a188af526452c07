import { randomInt } from 'node:crypto';
import { open, realpath, rename, rm } from 'node:fs/promises';

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

/**
 * Writes another file and renames it, so that nobody reads half a document. A symbolic link stays one.
 *
 * @throws Node's error if the disk does not take all of it
 */
export async function replaceFile(file: string, text: string, options: ReplaceFileOptions = {}): Promise<void> {
  const { mode, suffix = String(randomInt(2 ** 32)) } = options;
  const target = await realpath(file).catch(() => file);
  const unfinished = `${target}.${suffix}`;
  try {
    // It may be another user's.
    if (options.suffix !== undefined) await rm(unfinished, { force: true });
    await using handle = await open(unfinished, 'wx');
    if (mode !== undefined) await handle.chmod(mode);
    // Fails if the disk takes only a part.
    await handle.writeFile(text);
    await handle.sync();
    await rename(unfinished, target);
  } catch (error) {
    await rm(unfinished, { force: true }).catch(() => {});
    throw error;
  }
}
