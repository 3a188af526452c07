import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Values } from '../runner/monitor.ts';

interface EnvFile {
  /** The variables that it adds to the environment. None is empty. */
  readonly added: Readonly<Record<string, string>>;
  /** Why the file could not be read, and what to do. */
  readonly problems: readonly string[];
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'permission denied; make it readable for the user that runs this (chown, chmod 600)',
  EISDIR: 'it is a directory; put a file in its place',
};

/**
 * Reads the file `.env`. The environment wins, but an empty variable counts as absent, as everywhere. The file may be absent,
 * but a file that cannot be read is a problem: the run would use only a part of its settings.
 *
 * @param dir the directory of the file
 */
export async function readEnvFile(dir: string, environment: Values): Promise<EnvFile> {
  const file = path.join(dir, '.env');
  try {
    const bytes = await readFile(file);
    const { default: dotenv } = await import('dotenv');
    const added = Object.entries(dotenv.parse(bytes)).filter(
      ([name, value]) => value.trim() !== '' && (environment[name] ?? '').trim() === '',
    );
    return { added: Object.fromEntries(added), problems: [] };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return { added: {}, problems: [] };
    const reason = reasons[code ?? ''] ?? message;
    const remedy = 'or remove it, and set the variables in the environment';
    return { added: {}, problems: [`the file ${file} could not be read: ${reason}; ${remedy}`] };
  }
}
