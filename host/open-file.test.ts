import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openFile } from './open-file.ts';

/** A directory for PATH. `script` is what the opener does. */
async function makePath(name: string, script?: string): Promise<string> {
  const dir = await mkdtemp(path.join(os.tmpdir(), 'open-file-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  if (script !== undefined) {
    await writeFile(path.join(dir, name), `#!/bin/sh\n${script}\n`);
    await chmod(path.join(dir, name), 0o755);
  }
  return dir;
}

test.skipIf(process.platform === 'win32')('hands the path to the opener of the platform as one argument', async () => {
  const file = '/srv/my results/$(report);&.html';
  for (const [platform, name] of [
    ['linux', 'xdg-open'],
    ['darwin', 'open'],
  ] as const) {
    const dir = await makePath(name, 'printf "%s|" "$@" > "${0%/*}/arguments"');
    expect(await openFile(file, { values: { PATH: dir }, platform })).toBeUndefined();
    expect(await readFile(path.join(dir, 'arguments'), 'utf8')).toBe(`${file}|`);
  }
});

test('says if there is no opener', async () => {
  const options = { values: { PATH: await makePath('xdg-open') }, platform: 'linux' } as const;
  expect(await openFile('/report.html', options)).toBe('this machine has no xdg-open');
});

test('says if the opener failed', async () => {
  const options = { values: { PATH: await makePath('xdg-open', 'exit 3') }, platform: 'linux' } as const;
  expect(await openFile('/report.html', options)).toBe('xdg-open failed (3)');
});
