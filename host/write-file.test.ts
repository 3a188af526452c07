import { lstat, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { mountSmallDisk } from '../runner/testing/needs.ts';
import { replaceFile } from './write-file.ts';

async function makeDir(): Promise<string> {
  const dir = await mkdtemp(path.join(os.tmpdir(), 'awsiam-write-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

/** Writing itself is tested with the reporters. */
describe('replaceFile', () => {
  test('gives the file its mode, whatever the old one had', async () => {
    const dir = await makeDir();
    const file = path.join(dir, 'file');
    await writeFile(file, 'old', { mode: 0o600 });
    await replaceFile(file, 'new', { mode: 0o604 });
    expect([await readFile(file, 'utf8'), (await stat(file)).mode & 0o777]).toEqual(['new', 0o604]);
    expect(await readdir(dir)).toEqual(['file']);
  });

  test('writes where a symbolic link points to', async () => {
    const [dir, other] = [await makeDir(), await makeDir()];
    await writeFile(path.join(other, 'target'), 'old');
    await symlink(path.join(other, 'target'), path.join(dir, 'link'));
    await replaceFile(path.join(dir, 'link'), 'new', { suffix: 'unfinished' });
    expect(await readFile(path.join(other, 'target'), 'utf8')).toBe('new');
    expect((await lstat(path.join(dir, 'link'))).isSymbolicLink()).toBe(true);
  });

  test('leaves one unfinished file at most if each writer uses the same suffix', async () => {
    const dir = await makeDir();
    await writeFile(path.join(dir, 'file.unfinished'), 'of a process that was killed');
    await replaceFile(path.join(dir, 'file'), 'new', { suffix: 'unfinished' });
    expect(await readdir(dir)).toEqual(['file']);
  });

  test('leaves the old file as it is if the disk is full', async (context) => {
    const dir = await makeDir();
    await mountSmallDisk(context, dir, '16k');
    await writeFile(path.join(dir, 'file'), 'old');
    await expect(replaceFile(path.join(dir, 'file'), 'x'.repeat(20_000))).rejects.toThrow(/ENOSPC/);
    expect(await readdir(dir)).toEqual(['file']);
    expect(await readFile(path.join(dir, 'file'), 'utf8')).toBe('old');
  });
});
