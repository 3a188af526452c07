import { mkdtemp, rm, stat, writeFile, mkdir, readdir, utimes } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { makeDir, makePrivateDir } from './make-dir.ts';

async function makeTempDir(): Promise<string> {
  const dir = await mkdtemp(path.join(os.tmpdir(), 'make-dir-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

test('makes a directory and its missing parents, even many times at once', async () => {
  const dir = path.join(await makeTempDir(), 'a/b/c');
  await Promise.all([makeDir(dir), makeDir(dir), makeDir(dir)]);
  await makeDir(dir);
  expect((await stat(dir)).isDirectory()).toBe(true);
});

test('fails if a file is in the way', async () => {
  const file = path.join(await makeTempDir(), 'file');
  await writeFile(file, '');
  await expect(makeDir(file)).rejects.toMatchObject({ code: 'EEXIST' });
  await expect(makeDir(path.join(file, 'dir'))).rejects.toMatchObject({ code: 'ENOTDIR' });
});

test.skipIf(process.platform !== 'linux')(
  'fails if the file system takes no directory, and does not try forever',
  async () => {
    await expect(makeDir('/proc/x')).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(makeDir('/proc/x/y/z')).rejects.toMatchObject({ code: 'ENOENT' });
  },
);

test('it is in the first place that takes a file, only this user can read it, and it can be removed', async () => {
  const [first, second] = [await makeTempDir(), await makeTempDir()];
  const dir = await makePrivateDir([path.join(first, 'missing'), second]);
  expect(path.dirname(dir?.path ?? '')).toBe(path.join(first, 'missing'));
  expect((await stat(dir?.path ?? '')).mode & 0o777).toBe(0o700);
  await dir?.remove();
  expect(await readdir(path.join(first, 'missing'))).toEqual([]);
});

test('a place that takes no file is skipped', async () => {
  const [dir, file] = [await makeTempDir(), path.join(await makeTempDir(), 'file')];
  await writeFile(file, '');
  const made = await makePrivateDir([file, '/proc/x', dir]);
  expect(path.dirname(made?.path ?? '')).toBe(dir);
  await expect(makePrivateDir([file, '/proc/x'])).resolves.toBeUndefined();
});

test('the directory of a killed run is removed, but not that of another run', async () => {
  const place = await makeTempDir();
  const hoursAgo = new Date(Date.now() - 2 * 3_600_000);
  for (const name of ['.awsiam-private-old', '.awsiam-private-new', 'other']) await mkdir(path.join(place, name));
  for (const name of ['.awsiam-private-old', 'other']) await utimes(path.join(place, name), hoursAgo, hoursAgo);
  const dir = await makePrivateDir([place]);
  await dir?.remove();
  expect((await readdir(place)).toSorted()).toEqual(['.awsiam-private-new', 'other']);
});
