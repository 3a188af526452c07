import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { makeDir } from './make-dir.ts';

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
  'fails if the file system refuses to make a directory, and does not try forever',
  async () => {
    await expect(makeDir('/proc/x')).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(makeDir('/proc/x/y/z')).rejects.toMatchObject({ code: 'ENOENT' });
  },
);
