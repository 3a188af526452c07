import { statSync } from 'node:fs';
import type { Values } from './monitor.ts';
import { describeUnresolved, isUnresolved } from './setting-text.ts';

const name = 'METRIST_RESULTS_DIR';

/** Where reports are written and results wait, as it was set: absolute, or relative to where the run takes place. */
export function readResultsDir(values: Values): string {
  const text = values[name]?.trim() ?? '';
  return text === '' || isUnresolved(text) ? 'results' : text;
}

/**
 * What is wrong with the setting itself. A directory that cannot be made or written to is no wrong setting: whoever writes
 * a report says so.
 */
export function checkResultsDir(values: Values): string[] {
  const text = values[name]?.trim() ?? '';
  if (isUnresolved(text)) return [describeUnresolved(name, text)];
  if (text === '' || !isFile(text)) return [];
  return [`${name} is ${JSON.stringify(text)}: expected a directory, or a path where one can be made; there is a file`];
}

function isFile(path: string): boolean {
  try {
    return !statSync(path).isDirectory();
  } catch (error) {
    // A part of the path that should be a directory is a file.
    return (error as NodeJS.ErrnoException).code === 'ENOTDIR';
  }
}
