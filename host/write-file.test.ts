import { execFile } from 'node:child_process';
import { lstat, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, onTestFinished, test } from 'vitest';
import { mountSmallDisk } from '../runner/testing/needs.ts';
import { replaceFile } from './write-file.ts';

async function makeDir(): Promise<string> {
  const dir = await mkdtemp(path.join(os.tmpdir(), 'awsiam-write-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

/** A file with an old text. */
async function makeFile(): Promise<string> {
  const file = path.join(await makeDir(), 'report.html');
  await writeFile(file, 'old');
  return file;
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

  test('replaces a file with a text or with its parts, and leaves no other file', async () => {
    const file = await makeFile();
    await replaceFile(file, 'new');
    expect(await readFile(file, 'utf8')).toBe('new');
    await replaceFile(
      file,
      (async function* parts() {
        yield 'in ';
        yield 'parts';
      })(),
    );
    expect(await readFile(file, 'utf8')).toBe('in parts');
    expect(await readdir(path.dirname(file))).toEqual(['report.html']);
  });

  test('keeps the old file whole and leaves no other one if the text ends with an error', async () => {
    const file = await makeFile();
    const broken = (async function* parts() {
      yield 'half';
      throw new Error('the history cannot be read');
    })();
    await expect(replaceFile(file, broken)).rejects.toThrow('the history cannot be read');
    expect(await readFile(file, 'utf8')).toBe('old');
    expect(await readdir(path.dirname(file))).toEqual(['report.html']);
  });

  test.skipIf(process.platform === 'win32')('never replaces a directory, a pipe or a device', async () => {
    const file = await makeFile();
    const [dir, pipe] = [`${file}.d`, `${file}.pipe`];
    await mkdir(dir);
    await promisify(execFile)('mkfifo', [pipe]);
    await expect(replaceFile(dir, 'new')).rejects.toThrow('a directory is in the way');
    await expect(replaceFile(pipe, 'new')).rejects.toThrow('a pipe or device is in the way');
    await expect(replaceFile('/dev/null', 'new')).rejects.toThrow('a pipe or device is in the way');
    expect((await readdir(path.dirname(file))).toSorted()).toEqual([
      'report.html',
      'report.html.d',
      'report.html.pipe',
    ]);
  });
});
