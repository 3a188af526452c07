import { access, constants } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

interface FileLockOptions {
  /** How long to wait for another holder. The thread is never blocked meanwhile. */
  readonly timeoutMs: number;
}

/** SQLite's code for a lock that somebody else holds. */
const busy = 5;
const pauseMs = 5;

/**
 * Locks a file, so that of several processes only one at a time does something. Makes the file if there is none; it stays
 * empty. The operating system gives the lock back when the process ends, also if it is killed. Dispose of the result to
 * unlock.
 *
 * Node.js has no lock for files, but its SQLite locks the files of its databases. A directory or a file of our own would
 * remain after a kill, and nobody could know whether its owner still lives.
 *
 * @returns `undefined` if another one holds the lock all the time
 * @throws Node's error if the file cannot be made or written
 */
export async function lockFile(file: string, { timeoutMs }: FileLockOptions): Promise<Disposable | undefined> {
  // SQLite would open a file that may not be written for reading only, and then grant a lock that excludes nobody. These
  // checks also wait for a disk that does not answer without blocking the thread.
  await access(file, constants.W_OK).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    await access(path.dirname(file), constants.W_OK);
  });
  // Loaded only now: an import would be carried out at the start of the executable, also if nothing is to be locked.
  const { DatabaseSync } = process.getBuiltinModule('node:sqlite');
  for (const untilMs = performance.now() + timeoutMs; ;) {
    const database = new DatabaseSync(file, { timeout: 0 });
    try {
      database.exec('BEGIN EXCLUSIVE');
      return { [Symbol.dispose]: () => database.close() };
    } catch (error) {
      database.close();
      if ((error as { readonly errcode?: number }).errcode !== busy) throw error;
    }
    if (performance.now() >= untilMs) return undefined;
    // Random, so that processes that wait do not all try at the same moment.
    await wait(pauseMs * (1 + Math.random()));
  }
}
