import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { beforeEach, expect, it, onTestFinished } from 'vitest';

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(path.join(os.tmpdir(), 'awsiam-zip-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
});

/** In a process of its own: a worker's time zone is that of its process. */
async function zipIn(TZ: string, content = 'an executable'): Promise<Buffer> {
  const [file, zip] = [path.join(dir, 'draft'), path.join(dir, 'archive')];
  await writeFile(file, content);
  const entry = `{ path: ${JSON.stringify(file)}, name: 'awsiam', modifiedAt: new Date('2026-11-22T21:30:04Z') }`;
  const script = `import { writeZip } from './zip.ts'; await writeZip(${JSON.stringify(zip)}, ${entry});`;
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
