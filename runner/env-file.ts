import { readFileSync } from 'node:fs';
import path from 'node:path';
import dotenv from 'dotenv';
import type { Values } from './monitor.ts';

/** What the settings are after `.env` was read. */
export interface EnvFile {
  readonly values: Values;
  /** One sentence each: why the file could not be read, and what to do. */
  readonly problems: readonly string[];
}

/**
 * Adds the variables of the file `.env` to those of the environment, which win. No file is no problem; one that cannot be
 * read is, because the run would otherwise use half of its settings.
 *
 * @param dir where the file lies
 */
export function readEnvFile(dir: string, environment: Values): EnvFile {
  const file = path.join(dir, '.env');
  try {
    return { values: { ...dotenv.parse(readFileSync(file)), ...environment }, problems: [] };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return { values: environment, problems: [] };
    const reason = reasons[code ?? ''] ?? message;
    return {
      values: environment,
      problems: [
        `the file ${file} could not be read: ${reason}; or remove it, and set the variables in the environment`,
      ],
    };
  }
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'permission denied; make it readable for the user that runs this (chown, chmod 600)',
  EISDIR: 'it is a directory; put a file in its place',
};
