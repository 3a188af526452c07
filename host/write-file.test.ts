import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { replaceFile } from './write-file.ts';

async function makeFile(): Promise<string> {
  const dir = await mkdtemp(path.join(os.tmpdir(), 'replace-file-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  const file = path.join(dir, 'report.html');
  await writeFile(file, 'old');
  return file;
}

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

test('writes through a symbolic link', async () => {
  const file = await makeFile();
  const link = path.join(path.dirname(file), 'latest.html');
  await symlink('report.html', link);
  await replaceFile(link, 'new');
  expect(await readFile(file, 'utf8')).toBe('new');
});

test.skipIf(process.platform === 'win32')('never replaces a directory, a pipe or a device', async () => {
  const file = await makeFile();
  const [dir, pipe] = [`${file}.d`, `${file}.pipe`];
  await mkdir(dir);
  await promisify(execFile)('mkfifo', [pipe]);
  await expect(replaceFile(dir, 'new')).rejects.toThrow('a directory is in the way');
  await expect(replaceFile(pipe, 'new')).rejects.toThrow('a pipe or device is in the way');
  await expect(replaceFile('/dev/null', 'new')).rejects.toThrow('a pipe or device is in the way');
  expect((await readdir(path.dirname(file))).toSorted()).toEqual(['report.html', 'report.html.d', 'report.html.pipe']);
});
