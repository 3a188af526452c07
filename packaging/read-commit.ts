import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import type { Commit } from './release-version.ts';

export interface WorkTree {
  readonly commit: Commit;
  readonly isModified: boolean;
}

/**
 * Asks git what the project's files are.
 *
 * @param inputs the files that the package is made of: one that git does not know is a change, too
 * @returns nothing where there is no git, no commit, or only a repository around the project that does not know it
 */
export async function readWorkTree(projectDir: string, inputs: readonly string[]): Promise<WorkTree | undefined> {
  const git = async (...args: readonly string[]): Promise<string> => {
    const options = { cwd: projectDir, maxBuffer: 64 * 1024 * 1024 };
    return (await promisify(execFile)('git', ['--no-optional-locks', ...args], options)).stdout;
  };
  try {
    await git('ls-files', '--error-unmatch', 'package.json');
    const [log, status, root] = await Promise.all([
      git('log', '-1', '--format=%H %h %ct'),
      git('status', '--porcelain', '-z', '--untracked-files=all'),
      git('rev-parse', '--show-toplevel'),
    ]);
    const paths = inputs.map((input) => path.relative(root.trimEnd(), input));
    return { commit: parseCommit(log), isModified: isModified(status, new Set(paths)) };
  } catch {
    return undefined;
  }
}

/** Reads `<hash> <short hash> <seconds>`. */
export function parseCommit(line: string): Commit {
  const [hash = '', shortHash = '', seconds] = line.trim().split(' ');
  return { hash, shortHash, committedAt: new Date(Number(seconds) * 1000) };
}

/**
 * Whether `git status --porcelain -z` tells of a change to what git knows, or of an unknown file among the inputs.
 *
 * @param inputs relative to the repository's root
 */
export function isModified(status: string, inputs: ReadonlySet<string>): boolean {
  const entries = status.split('\0').filter((entry) => entry !== '');
  return entries.some((entry) => !entry.startsWith('?? ') || inputs.has(entry.slice(3)));
}
