import { mkdtemp, open, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { beforeEach, expect, it, onTestFinished } from 'vitest';
import { publish, isZipFile, latestFile, zipFile } from './publish.ts';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

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

it('names the archive as the Orchestrator asks for it', () => {
  expect(zipFile('0.1.0-20261122213005-ae58712', { platform: 'linux', arch: 'x64' })).toBe(
    'awsiam-0.1.0-20261122213005-ae58712-linux-x64.zip',
  );
});

it.for([
  ['awsiam-0.1.0-20261122213005-ae58712-linux-x64.zip', true],
  [latestFile, false],
  ['awsiam', false],
  ['other-1.0-linux-x64.zip', false],
  ['.awsiam-0.1.0-linux-x64.zip.4711', false],
] as const)('knows whether %s is an archive of some version: %s', ([name, expected]) => {
  expect(isZipFile(name)).toBe(expected);
});

/** In a process of its own: a worker's time zone is that of its process. */
async function zipIn(TZ: string, content = 'an executable'): Promise<Buffer> {
  const [file, zip] = [path.join(dir, 'draft'), path.join(dir, 'archive')];
  await writeFile(file, content);
  const entry = `{ path: ${JSON.stringify(file)}, name: 'awsiam', modifiedAt: new Date('2026-11-22T21:30:04Z') }`;
  const script = `import { writeZip } from './publish.ts'; await writeZip(${JSON.stringify(zip)}, ${entry});`;
  await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script], {
    cwd: import.meta.dirname,
    env: { TZ },
  });
  return await readFile(zip);
}

it('is the same for the same file, wherever it is made', async () => {
  const here = await zipIn('UTC');
  expect(await zipIn('Pacific/Auckland')).toEqual(here);
  expect(await zipIn('UTC', 'another executable')).not.toEqual(here);
});

it('has the date in UTC', async () => {
  const zip = await zipIn('America/New_York');
  // https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT 4.4.6: hours, minutes, seconds / 2; years from 1980, month, day
  expect(zip.readUInt16LE(10)).toBe((21 << 11) | (30 << 5) | 2);
  expect(zip.readUInt16LE(12)).toBe((46 << 9) | (11 << 5) | 22);
});

it('has the sizes in front of the data', async () => {
  const zip = await zipIn('UTC');
  expect(zip.readUInt16LE(6) & 8).toBe(0);
  expect(zip.readUInt32LE(22)).toBe('an executable'.length);
});
