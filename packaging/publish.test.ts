import { mkdtemp, open, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { beforeEach, expect, it, onTestFinished } from 'vitest';
import { publish } from './publish.ts';

let dir: string;
let workDir: string;

beforeEach(async () => {
  [dir, workDir] = (await Promise.all(
    ['dist', 'work'].map((name) => mkdtemp(path.join(os.tmpdir(), `awsiam-${name}-`))),
  )) as [string, string];
  onTestFinished(async () => {
    await Promise.all([dir, workDir].map((made) => rm(made, { recursive: true, force: true })));
  });
});

async function publishVersion(version: string): Promise<void> {
  const executablePath = path.join(workDir, 'executable');
  const zipDraft = path.join(dir, '.draft');
  await writeFile(executablePath, `executable ${version}`, { mode: 0o755 });
  await writeFile(zipDraft, `archive ${version}`);
  await publish(dir, { version, executablePath, zipDraft, zipName: `awsiam-${version}-linux-x64.zip` });
}

async function contents(): Promise<Record<string, string>> {
  const files = (await readdir(dir, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  const paths = files.map((entry) => path.join(entry.parentPath, entry.name));
  const entries = paths.map(async (file) => [path.relative(dir, file), await readFile(file, 'utf8')] as const);
  return Object.fromEntries(await Promise.all(entries));
}

const contentsOf = (version: string): Record<string, string> => ({
  awsiam: `executable ${version}`,
  'local/awsiam/awsiam': `executable ${version}`,
  [`awsiam-${version}-linux-x64.zip`]: `archive ${version}`,
  'awsiam-latest.txt': version,
});

it('leaves the package and nothing else', async () => {
  await publishVersion('1');
  expect(await contents()).toEqual(contentsOf('1'));
});

it('takes the place of the package before, of the same version and of another', async () => {
  await publishVersion('1');
  await publishVersion('1');
  expect(await contents()).toEqual(contentsOf('1'));
  await publishVersion('2');
  expect(await contents()).toEqual(contentsOf('2'));
});

it('leaves alone what else is there', async () => {
  await writeFile(path.join(dir, 'notes.txt'), 'mine');
  await publishVersion('1');
  expect(await contents()).toEqual({ ...contentsOf('1'), 'notes.txt': 'mine' });
});

it('does not write into an executable that may be running', async () => {
  await publishVersion('1');
  await using running = await open(path.join(dir, 'awsiam'));
  await publishVersion('2');
  expect(await running.readFile('utf8')).toBe('executable 1');
});
