import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { hasModified, nameRelease, readWorkTree, type Release, type ReleaseFacts } from './release-version.ts';

const workTree = {
  hash: 'ae58712d0c0ffee0c0ffee0c0ffee0c0ffee0c0f',
  shortHash: 'ae58712',
  committedAt: new Date('2026-11-22T23:30:05+02:00'),
  isModified: false,
};
const modified = { ...workTree, isModified: true };

function nameOf(facts: Partial<ReleaseFacts> = {}): Release {
  const now = new Date('2026-12-24T18:00:01.999Z');
  return nameRelease({ packageVersion: '0.1.0', workTree, fingerprint: '1f0c22aa', now, ...facts });
}

describe('the name of a package', () => {
  it('is the version, the time of the commit in UTC, and the commit', () => {
    expect(nameOf()).toEqual({
      version: '0.1.0-20261122213005-ae58712',
      commit: workTree.hash,
      date: new Date('2026-11-22T21:30:05Z'),
    });
  });

  it('does not depend on when the package is made', () => {
    expect(nameOf({ now: new Date(0) })).toEqual(nameOf());
  });

  it('says that there are changes, with their fingerprint', () => {
    expect(nameOf({ workTree: modified })).toMatchObject({
      version: '0.1.0-20261122213005-ae58712-modified-1f0c22aa',
      commit: `${workTree.hash}-modified`,
    });
  });

  it('differs for two sets of changes to one commit', () => {
    const [one, other] = ['11111111', '22222222'].map(
      (fingerprint) => nameOf({ workTree: modified, fingerprint }).version,
    );
    expect(one).not.toBe(other);
  });

  it('has the current time without git', () => {
    expect(nameOf({ workTree: undefined })).toEqual({
      version: '0.1.0-20261224180001-nogit-1f0c22aa',
      commit: 'unknown',
      date: new Date('2026-12-24T18:00:01.999Z'),
    });
  });
});

describe('the status of the work tree', () => {
  it.for([
    ['nothing', '', false],
    ['a changed file', ' M cli/main.ts\0', true],
    ['a staged file', 'A  cli/new.ts\0', true],
    ['a file moved', 'R  cli/new.ts\0cli/old.ts\0', true],
    ['an untracked file that is not packed', '?? notes.txt\0', false],
    ['an untracked file that is packed', '?? cli/unknown.ts\0', true],
    ['a changed file after an untracked one', '?? notes.txt\0 D README.md\0', true],
  ] as const)('with %s (%j) is modified: %s', ([, status, expected]) => {
    expect(hasModified(status, new Set(['cli/main.ts', 'cli/unknown.ts']))).toBe(expected);
  });
});

describe('a project', () => {
  let dir: string;
  const git = (...args: readonly string[]): void => {
    const identity = ['-c', 'user.name=test', '-c', 'user.email=test@localhost', '-c', 'init.defaultBranch=main'];
    const env = { ...process.env, GIT_COMMITTER_DATE: '2026-11-22T23:30:05+02:00' };
    execFileSync('git', ['-C', dir, ...identity, ...args], { stdio: 'ignore', env });
  };

  beforeEach(async () => {
    dir = await mkdtemp(path.join(os.tmpdir(), 'awsiam-git-'));
    onTestFinished(() => rm(dir, { recursive: true, force: true }));
    await mkdir(path.join(dir, 'project'));
    await writeFile(path.join(dir, 'project/package.json'), '{}');
    await writeFile(path.join(dir, 'README'), '');
  });

  const read = async (...inputs: readonly string[]): ReturnType<typeof readWorkTree> =>
    await readWorkTree(
      path.join(dir, 'project'),
      inputs.map((input) => path.join(dir, 'project', input)),
    );

  it('without git has no commit', async () => {
    expect(await read()).toBeUndefined();
  });

  it('inside a repository that does not track it has no commit', async () => {
    git('init');
    git('add', 'README');
    git('commit', '--message', 'Begin');
    expect(await read()).toBeUndefined();
  });

  it('is unmodified until a tracked file changes or a packed one appears', async () => {
    git('init');
    git('add', '.');
    git('commit', '--message', 'Begin');
    const tree = await read('new.ts');
    expect(tree).toEqual({
      hash: expect.stringMatching(/^[\da-f]{40,}$/) as string,
      shortHash: tree?.hash.slice(0, tree.shortHash.length),
      committedAt: new Date('2026-11-22T21:30:05Z'),
      isModified: false,
    });
    expect(tree?.shortHash).toMatch(/^[\da-f]{7,}$/);

    await writeFile(path.join(dir, 'project/new.ts'), '');
    expect((await read())?.isModified).toBe(false);
    expect((await read('new.ts'))?.isModified).toBe(true);

    await writeFile(path.join(dir, 'README'), 'changed');
    expect((await read())?.isModified).toBe(true);
  });
});
