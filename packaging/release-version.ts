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
