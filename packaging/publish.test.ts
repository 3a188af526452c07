import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, open, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { promisify } from 'node:util';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { isZipFile, latestFile, publish, withClaim, zipFile } from './publish.ts';

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

describe('publishing', () => {
  it('leaves the package and nothing else', async () => {
    await publishVersion('1');
    expect(await contents()).toEqual(contentsOf('1'));
  });

  it('replaces the existing package, of the same version or another', async () => {
    await publishVersion('1');
    await publishVersion('1');
    expect(await contents()).toEqual(contentsOf('1'));
    await publishVersion('2');
    expect(await contents()).toEqual(contentsOf('2'));
  });

  it('leaves other files alone', async () => {
    await writeFile(path.join(dir, 'notes.txt'), 'mine');
    await publishVersion('1');
    expect(await contents()).toEqual({ ...contentsOf('1'), 'notes.txt': 'mine' });
  });

  it('does not write to an executable that may be running', async () => {
    await publishVersion('1');
    await using running = await open(path.join(dir, 'awsiam'));
    await publishVersion('2');
    expect(await running.readFile('utf8')).toBe('executable 1');
  });
});

describe('a claim on a directory', () => {
  const script = new URL('publish.ts', import.meta.url).href;

  it('is held by one at a time', async () => {
    const events: string[] = [];
    const act = async (): Promise<void> => {
      events.push('begins');
      for (let turn = 0; turn < 10; turn += 1) await nextTurn();
      events.push('ends');
    };
    await Promise.all([withClaim(dir, act), withClaim(dir, act), withClaim(dir, act)]);
    expect(events).toEqual(['begins', 'ends', 'begins', 'ends', 'begins', 'ends']);
  });

  it('ends when the work fails', async () => {
    await expect(withClaim(dir, () => Promise.reject(new Error('failed')))).rejects.toThrow('failed');
    expect(await withClaim(dir, () => Promise.resolve('done'))).toBe('done');
  });

  it('is waited for while another process has it, and is free as soon as that process is killed', async () => {
    const act = '() => (console.log("claimed"), new Promise(() => {}))';
    const code = `import { withClaim } from '${script}'; await withClaim(${JSON.stringify(dir)}, ${act});`;
    const holder = spawn(process.execPath, ['--input-type=module', '--eval', code]);
    onTestFinished(() => void holder.kill('SIGKILL'));
    const gone = once(holder, 'exit');
    await once(holder.stdout, 'data');
    const events: string[] = [];
    const { promise: isWaiting, resolve } = Promise.withResolvers<void>();
    const claiming = withClaim(dir, () => Promise.resolve(events.push('claimed')), resolve);
    await isWaiting;
    expect(events).toEqual([]);
    holder.kill('SIGKILL');
    await Promise.all([claiming, gone]);
  });

  it('does not concern another directory', async () => {
    const act = (): Promise<string> => Promise.resolve('done');
    expect(await withClaim(dir, () => withClaim(workDir, act, () => expect.unreachable()))).toBe('done');
  });
});

describe('the names of the files', () => {
  it('include the archive, as the Orchestrator asks for it', () => {
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
  ] as const)('show whether %s is an archive: %s', ([name, expected]) => {
    expect(isZipFile(name)).toBe(expected);
  });
});

/** Writes an archive in a process of its own, because the time zone is that of the process. */
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

describe('an archive', () => {
  it('is the same for the same file in every time zone', async () => {
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

  it('has the sizes before the data', async () => {
    const zip = await zipIn('UTC');
    expect(zip.readUInt16LE(6) & 8).toBe(0);
    expect(zip.readUInt32LE(22)).toBe('an executable'.length);
  });
});
