import { lstatSync, mkdirSync, statfsSync } from 'node:fs';
import { enableCompileCache, getCompileCacheDir } from 'node:module';
import os from 'node:os';
import path from 'node:path';

/** The cache takes about 10 MB. With less space than this it could leave empty files behind. */
const leastFreeBytes = 64 * 1024 * 1024;
const leastFreeFiles = 10_000;
const uid = process.getuid?.();

/**
 * Lets Node keep compiled code between runs, because a monitor starts every two minutes with the same code. Import this
 * before the code that should be cached. Worker threads inherit the setting through the environment.
 * `NODE_DISABLE_COMPILE_CACHE=1` turns the cache off, and `NODE_COMPILE_CACHE` names another directory.
 *
 * Node runs code from this directory, so only this user may be able to write to it.
 *
 * Plain JavaScript, because loading Node's type stripper takes longer than the whole file, and with the cache nothing else
 * needs it.
 */
if (process.env['NODE_COMPILE_CACHE'] === undefined) {
  const dir = path.join(os.tmpdir(), `awsiam-compile-cache-${uid ?? 'user'}`);
  if (isPrivate(dir) && hasRoom(dir)) enableCompileCache(dir);
  const enabled = getCompileCacheDir();
  if (enabled !== undefined) process.env['NODE_COMPILE_CACHE'] = dir;
}

/**
 * Whether the directory exists or can be made, and only this user can write to it.
 *
 * @param {string} dir
 */
function isPrivate(dir) {
  try {
    mkdirSync(dir, { mode: 0o700 });
  } catch {
    // It exists, or it cannot be made. The next lines find out.
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
    // Some file systems do not count files and report 0.
    return bavail * bsize >= leastFreeBytes && (files === 0 || ffree >= leastFreeFiles);
  } catch {
    return false;
  }
}
