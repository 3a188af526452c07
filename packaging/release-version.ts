import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';

/** What git knows about the project's files. */
interface WorkTree {
  readonly hash: string;
  readonly shortHash: string;
  readonly committedAt: Date;
  /** Whether the files differ from the commit. */
  readonly isModified: boolean;
}

export interface ReleaseFacts {
  /** From package.json. */
  readonly packageVersion: string;
  /** `undefined` without git. */
  readonly workTree: WorkTree | undefined;
  /** Tells apart two packages that are made from the same commit with different changes. */
  readonly fingerprint: string;
  readonly now: Date;
}

export interface Release {
  readonly version: string;
  /** `unknown` without git. */
  readonly commit: string;
  /** The date of the commit, and of the files in the archive. */
  readonly date: Date;
}

/**
 * Names a package: `0.1.0-20261122131000-ae58712`, with `-modified-1f0c22aa` at the end if the files differ from the commit,
 * or `0.1.0-20261122131000-nogit-1f0c22aa` without git. The Orchestrator stores packages by version, so each version must
 * belong to one package.
 */
export function nameRelease({ packageVersion, workTree, fingerprint, now }: ReleaseFacts): Release {
  if (workTree === undefined) {
    return { version: `${packageVersion}-${timestamp(now)}-nogit-${fingerprint}`, commit: 'unknown', date: now };
  }
  const { hash, shortHash, committedAt, isModified } = workTree;
  return {
    version: `${packageVersion}-${timestamp(committedAt)}-${shortHash}${isModified ? `-modified-${fingerprint}` : ''}`,
    commit: hash + (isModified ? '-modified' : ''),
    date: committedAt,
  };
}

/** `20261122131000`, in UTC. */
function timestamp(date: Date): string {
  return date.toISOString().slice(0, 19).replaceAll(/\D/g, '');
}

/**
 * Asks git about the project's files.
 *
 * @param inputs the files that the package is made of; one that git does not track counts as a change
 * @returns `undefined` without git, without a commit, or if the project is not tracked by the repository around it
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
    const [hash = '', shortHash = '', seconds] = log.trim().split(' ');
    const paths = inputs.map((input) => path.relative(root.trimEnd(), input));
    return {
      hash,
      shortHash,
      committedAt: new Date(Number(seconds) * 1000),
      isModified: hasModified(status, new Set(paths)),
    };
  } catch {
    return undefined;
  }
}

/**
 * Whether `git status --porcelain -z` lists a change to a tracked file, or an untracked file among the inputs.
 *
 * @param inputs relative to the repository's root
 */
export function hasModified(status: string, inputs: ReadonlySet<string>): boolean {
  const entries = status.split('\0').filter((entry) => entry !== '');
  return entries.some((entry) => !entry.startsWith('?? ') || inputs.has(entry.slice(3)));
}
