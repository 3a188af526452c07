import { access, constants } from 'node:fs/promises';
import path from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { setTimeout as wait } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';

interface FileLockOptions {
  /** How long to wait for another holder. The thread is never blocked meanwhile. */
  readonly timeoutMs: number;
  /**
   * What the holder says to those that `readLockNote`. It stays in the file after a kill. If the disk does not take it, the
   * file is locked without it.
   * @default nothing, and a new file stays empty
   */
  readonly note?: string;
}

/** SQLite's code for a lock that somebody else holds. */
const busy = 5;
const pauseMs = 5;
/** Keeps a lock after a transaction, writes no file for a journal, and does not wait for the disk. */
const keepLock = 'PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF';

/**
 * Locks a file, so that of several processes only one at a time does something. Makes the file if there is none. The
 * operating system gives the lock back when the process ends, also if it is killed. Dispose of the result to
 * unlock.
 *
 * Node.js has no lock for files, but its SQLite locks the files of its databases. A directory or a file of our own would
 * remain after a kill, and nobody could know whether its owner still lives.
 *
 * @returns `undefined` if another one holds the lock all the time
 * @throws Node's error if the file cannot be made or written
 */
export async function lockFile(file: string, { timeoutMs, note }: FileLockOptions): Promise<Disposable | undefined> {
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
      if (note !== undefined) database.exec(keepLock);
      database.exec('BEGIN EXCLUSIVE');
      if (note !== undefined) writeNote(database, note);
      return { [Symbol.dispose]: () => void (database.isOpen && database.close()) };
    } catch (error) {
      database.close();
      if ((error as { readonly errcode?: number }).errcode !== busy) throw error;
    }
    if (performance.now() >= untilMs) return undefined;
    // Random, so that processes that wait do not all try at the same moment.
    await wait(pauseMs * (1 + Math.random()));
  }
}

/**
 * Reads what the holder of a lock says, or the last one if it was killed. Works while the file is locked.
 *
 * @returns `undefined` if there is no note
 */
export function readLockNote(file: string): string | undefined {
  const { DatabaseSync } = process.getBuiltinModule('node:sqlite');
  // Read without a lock. To open the file in another way would do harm: a process that closes a file loses its locks on it.
  const url = pathToFileURL(file);
  url.searchParams.set('immutable', '1');
  try {
    using database = new DatabaseSync(url, { readOnly: true });
    const text = database.prepare('SELECT text FROM note').get()?.['text'];
    return typeof text === 'string' ? text : undefined;
  } catch {
    return undefined;
  }
}

/**
 * A view is in the first page of the file, which SQLite writes at once. So a kill leaves the old note or the new one. With
 * the journal in memory there is no second file.
 */
function writeNote(database: DatabaseSync, note: string): void {
  try {
    database.exec(
      `DROP VIEW IF EXISTS note; CREATE VIEW note AS SELECT '${note.replaceAll("'", "''")}' AS text; COMMIT`,
    );
  } catch {
    // A full disk, for example. The lock stays, because of its mode.
    if (!database.isTransaction) database.exec('BEGIN EXCLUSIVE');
  }
}
