import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';

/** The commit that a package is made from. */
export interface Commit {
  readonly hash: string;
  readonly shortHash: string;
  readonly committedAt: Date;
}

export interface ReleaseFacts {
  /** Of package.json. */
  readonly packageVersion: string;
  /** `undefined` where there is no git. */
  readonly commit: Commit | undefined;
  /** Whether the package is made from anything but the commit. */
  readonly isModified: boolean;
  /** What tells apart two packages that were made from a commit and changes. */
  readonly fingerprint: string;
  readonly now: Date;
}

/** What a package is called. */
export interface Release {
  readonly version: string;
  /** `unknown` where there is no git. */
  readonly commit: string;
  /** That of the commit, and of the files in the package. */
  readonly date: Date;
}

/**
 * Names a package: `0.1.0-20261122131000-ae58712`, with `-modified-1f0c22aa` behind it when it holds anything but the
 * commit, and `0.1.0-20261122131000-nogit-1f0c22aa` without a commit. The Orchestrator keeps packages by version, so no
 * two of them may share one.
 */
export function nameRelease({ packageVersion, commit, isModified, fingerprint, now }: ReleaseFacts): Release {
  if (commit === undefined) {
    return { version: `${packageVersion}-${timestamp(now)}-nogit-${fingerprint}`, commit: 'unknown', date: now };
  }
  const modified = isModified ? `-modified-${fingerprint}` : '';
  return {
    version: `${packageVersion}-${timestamp(commit.committedAt)}-${commit.shortHash}${modified}`,
    commit: commit.hash + (isModified ? '-modified' : ''),
    date: commit.committedAt,
  };
}

/** `20261122131000`, in UTC. */
function timestamp(date: Date): string {
  return date.toISOString().slice(0, 19).replaceAll(/\D/g, '');
}

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
    return { commit: parseCommit(log), isModified: hasModified(status, new Set(paths)) };
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
export function hasModified(status: string, inputs: ReadonlySet<string>): boolean {
  const entries = status.split('\0').filter((entry) => entry !== '');
  return entries.some((entry) => !entry.startsWith('?? ') || inputs.has(entry.slice(3)));
}
