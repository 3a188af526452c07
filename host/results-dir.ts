import { statSync } from 'node:fs';
import path from 'node:path';
import type { Values } from '../runner/monitor.ts';
import { resultsDirText } from './last-resort.js';
import { describeUnresolved, isUnresolved } from './setting-text.ts';

/** What `METRIST_RESULTS_DIR` says. */
interface ParsedResultsDir {
  /** Where the run writes: an absolute path. */
  readonly dir: string;
  /** What is wrong with the setting. If the directory cannot be made or written to, each report says so itself. */
  readonly problems: readonly string[];
}

/** @param baseDir what a relative path is relative to */
export function parseResultsDir(values: Values, baseDir: string): ParsedResultsDir {
  const name = 'METRIST_RESULTS_DIR';
  const text = resultsDirText(values);
  const standard = path.resolve(baseDir, 'results');
  if (text === '') return { dir: standard, problems: [] };
  if (isUnresolved(text)) return { dir: standard, problems: [describeUnresolved(name, text)] };
  const dir = path.resolve(baseDir, text);
  if (!isFile(dir)) return { dir, problems: [] };
  // The path of an existing file is no secret.
  const expected = 'expected a directory, or a path where one can be made; a file is in the way';
  return { dir, problems: [`${name} is ${JSON.stringify(text)}: ${expected}`] };
}

function isFile(file: string): boolean {
  try {
    return !statSync(file).isDirectory();
  } catch (error) {
    // A part of the path that should be a directory is a file.
    return (error as NodeJS.ErrnoException).code === 'ENOTDIR';
  }
}

/** A path for people: relative if it is below the working directory, otherwise absolute. */
export function shortenPath(file: string, workingDir: string): string {
  const above = workingDir.endsWith(path.sep) ? workingDir : `${workingDir}${path.sep}`;
  return file.startsWith(above) && above !== path.sep ? file.slice(above.length) : file;
}
