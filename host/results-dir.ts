import { statSync, existsSync } from 'node:fs';
import path from 'node:path';
import type { Values } from '../runner/monitor.ts';
import { describeUnresolved, isUnresolved } from './setting-text.ts';

const name = 'METRIST_RESULTS_DIR';

/**
 * Where reports are written and results wait: an absolute path.
 *
 * @param baseDir what a relative path is relative to
 */
export function readResultsDir(values: Values, baseDir: string): string {
  const text = values[name]?.trim() ?? '';
  return path.resolve(baseDir, text === '' || isUnresolved(text) ? 'results' : text);
}

/**
 * What is wrong with the setting itself. A directory that cannot be made or written to is no wrong setting: whoever writes
 * a report says so.
 */
export function checkResultsDir(values: Values, baseDir: string): string[] {
  const text = values[name]?.trim() ?? '';
  if (isUnresolved(text)) return [describeUnresolved(name, text)];
  if (text === '' || !isFile(path.resolve(baseDir, text))) return [];
  // If there is a file at this path, the path is no secret.
  return [`${name} is ${JSON.stringify(text)}: expected a directory, or a path where one can be made; there is a file`];
}

function isFile(file: string): boolean {
  try {
    return !statSync(file).isDirectory();
  } catch (error) {
    // A part of the path that should be a directory is a file.
    return (error as NodeJS.ErrnoException).code === 'ENOTDIR';
  }
}

/**
 * The directory that `.env` and a relative `METRIST_RESULTS_DIR` belong to, wherever a run was started from: that of
 * `vitest.config.ts` in a clone, and the working directory for an installed package. The executable has no directory of
 * its own and takes the working directory too.
 *
 * @param projectDir where this program lies
 */
export function chooseBaseDir(projectDir: string, workingDir: string): string {
  const isInstalled = projectDir.split(path.sep).includes('node_modules');
  return !isInstalled && existsSync(path.join(projectDir, 'vitest.config.ts')) ? projectDir : workingDir;
}

/** A path as people want to read it: relative where it lies below the working directory, else absolute. */
export function shortenPath(file: string, workingDir: string): string {
  const above = workingDir.endsWith(path.sep) ? workingDir : `${workingDir}${path.sep}`;
  return file.startsWith(above) && above !== path.sep ? file.slice(above.length) : file;
}
