import { mkdir, stat, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

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

/** A directory that only this user can read. */
export interface PrivateDir {
  readonly path: string;
  readonly remove: () => Promise<void>;
}

const prefix = '.awsiam-private-';
/** A directory is needed for less than a second. An older one was left by a process that was killed. */
const staleAfterMs = 3_600_000;
/** A place that takes longer is considered to hang. */
const placeTimeoutMs = 3000;
/** More than vitest writes to such a directory. */
const probe = 'x'.repeat(256);

/**
 * Makes a private directory in the first of these places that takes a file. Also removes those of killed runs there.
 *
 * @returns `undefined` if no place takes a file
 */
export async function makePrivateDir(places: readonly string[]): Promise<PrivateDir | undefined> {
  for (const place of places) {
    const dir = await Promise.race([tryPlace(place), delay(placeTimeoutMs, undefined, { ref: false })]);
    if (dir !== undefined) return { path: dir, remove: async () => await removeDir(dir) };
  }
  return undefined;
}

async function tryPlace(place: string): Promise<string | undefined> {
  let dir: string | undefined;
  try {
    await makeDir(place);
    await removeStale(place, (name) => name.startsWith(prefix), { olderThanMs: staleAfterMs, recursive: true });
    dir = await mkdtemp(path.join(place, prefix));
    await writeFile(path.join(dir, 'probe'), probe);
    return dir;
  } catch {
    if (dir !== undefined) await removeDir(dir);
    return undefined;
  }
}

/**
 * Removes the old entries of a directory that processes left when they were killed. What cannot be removed stays: it may be
 * gone already, or belong to another user.
 */
export async function removeStale(
  dir: string,
  isOurs: (name: string) => boolean,
  { olderThanMs, recursive }: { readonly olderThanMs: number; readonly recursive: boolean },
): Promise<void> {
  const names = await readdir(dir).catch(() => []);
  for (const entry of names.filter(isOurs).map((name) => path.join(dir, name))) {
    const stats = await stat(entry).catch(() => undefined);
    if (stats !== undefined && Date.now() - stats.mtimeMs > olderThanMs) await rm(entry, { recursive }).catch(() => {});
  }
}

async function removeDir(dir: string): Promise<void> {
  await rm(dir, { recursive: true, force: true }).catch(() => {});
}
