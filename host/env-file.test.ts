import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { readEnvFile } from './env-file.ts';

async function makeDir(): Promise<string> {
  const dir = await mkdtemp(path.join(os.tmpdir(), 'env-file-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

test('adds nothing if there is no file', async () => {
  expect(await readEnvFile(await makeDir(), { A: 'a' })).toEqual({ added: {}, problems: [] });
});

test('a file that cannot be read is a problem that names the file, the reason and a remedy', async () => {
  const dir = await makeDir();
  await mkdir(path.join(dir, '.env'));
  expect(await readEnvFile(dir, {})).toEqual({
    added: {},
    problems: [
      `the file ${dir}/.env could not be read: it is a directory; put a file in its place; or remove it, and set the variables in the environment`,
    ],
  });
});

test.for([
  [
    'adds what the environment does not have',
    { A: 'a' },
    '# comment\nexport B="two words"\nC=c',
    { B: 'two words', C: 'c' },
  ],
  ['does not replace what is set', { A: 'a', B: '0' }, 'A=other\nB=1', {}],
  ['replaces an empty variable', { A: '' }, 'A=a', { A: 'a' }],
  ['replaces a blank variable', { A: ' \t' }, 'A=a', { A: 'a' }],
  ['adds no empty variable', { B: '' }, 'A=\nB=" "', {}],
] as const)('%s', async ([, environment, text, added]) => {
  const dir = await makeDir();
  await writeFile(path.join(dir, '.env'), text);
  expect(await readEnvFile(dir, environment)).toEqual({ added, problems: [] });
});
