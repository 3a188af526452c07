import { readFileSync } from 'node:fs';
import path from 'node:path';
import dotenv from 'dotenv';
import type { Values } from '../runner/monitor.ts';

interface EnvFile {
  /** The variables that it adds to the environment. */
  readonly added: Readonly<Record<string, string>>;
  /** Why the file could not be read, and what to do. */
  readonly problems: readonly string[];
}

/**
 * Reads the file `.env`. It may be absent, but a file that cannot be read is a problem: the run would use only a part of its
 * settings.
 *
 * @param dir the directory of the file
 */
export function readEnvFile(dir: string, environment: Values): EnvFile {
  const file = path.join(dir, '.env');
  try {
    return { added: mergeEnvFile(environment, dotenv.parse(readFileSync(file))), problems: [] };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return { added: {}, problems: [] };
    const reason = reasons[code ?? ''] ?? message;
    return {
      added: {},
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

/**
 * The variables that a `.env` file adds to an environment. The environment wins, but an empty variable counts as absent, as
 * everywhere. dotenv by itself would keep it empty.
 *
 * @param file the file's variables, as dotenv parses them
 * @returns the variables to set, none of them empty
 */
export function mergeEnvFile(environment: Values, file: Values): Record<string, string> {
  const added = Object.entries(file).filter(
    (entry): entry is [string, string] => !isEmpty(entry[1]) && isEmpty(environment[entry[0]]),
  );
  return Object.fromEntries(added);
}

function isEmpty(text = ''): boolean {
  return text.trim() === '';
}
