import { lstatSync, mkdirSync, statfsSync } from 'node:fs';
import { enableCompileCache, getCompileCacheDir } from 'node:module';
import os from 'node:os';
import path from 'node:path';

/** The cache takes about 10 MB. On a disk with less than this it would only leave empty files behind. */
const leastFreeBytes = 64 * 1024 * 1024;
const leastFreeFiles = 10_000;
const uid = process.getuid?.();

/**
 * Lets Node keep compiled code between runs: a monitor starts every two minutes with the same code. Import this before
 * what is to be cached. Worker threads inherit it through the environment. `NODE_DISABLE_COMPILE_CACHE=1` turns it off,
 * and `NODE_COMPILE_CACHE` names another directory.
 *
 * Code from this directory is run, so nobody else may be able to write to it.
 *
 * Plain JavaScript: what strips types takes longer to load than all that it would strip, and with the cache it is not
 * needed.
 */
if (process.env['NODE_COMPILE_CACHE'] === undefined) {
  const dir = path.join(os.tmpdir(), `awsiam-compile-cache-${uid ?? 'user'}`);
  if (isPrivate(dir) && hasRoom(dir)) enableCompileCache(dir);
  const enabled = getCompileCacheDir();
  if (enabled !== undefined) process.env['NODE_COMPILE_CACHE'] = dir;
}

/**
 * Whether the directory is there, or could be made, and belongs to this user alone.
 *
 * @param {string} dir
 */
function isPrivate(dir) {
  try {
    mkdirSync(dir, { mode: 0o700 });
  } catch {
    // It is there already, or cannot be made: the next lines tell.
  }
  const stat = lstatSync(dir, { throwIfNoEntry: false });
  return (
    stat !== undefined && stat.isDirectory() && (uid === undefined || (stat.uid === uid && (stat.mode & 0o022) === 0))
  );
}

/** @param {string} dir */
function hasRoom(dir) {
  try {
    const { bavail, bsize, files, ffree } = statfsSync(dir);
    // Some file systems count no files and say 0.
    return bavail * bsize >= leastFreeBytes && (files === 0 || ffree >= leastFreeFiles);
  } catch {
    return false;
  }
}
