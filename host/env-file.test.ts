import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { mergeEnvFile, readEnvFile } from './env-file.ts';

async function makeDir(): Promise<string> {
  const dir = await mkdtemp(path.join(os.tmpdir(), 'env-file-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

test('no file adds nothing', async () => {
  expect(readEnvFile(await makeDir(), { A: 'a' })).toEqual({ added: {}, problems: [] });
});

test('a file adds what the environment does not have', async () => {
  const dir = await makeDir();
  await writeFile(path.join(dir, '.env'), '# comment\nA=file\nexport B="two words"\n');
  expect(readEnvFile(dir, { A: 'environment' })).toEqual({ added: { B: 'two words' }, problems: [] });
});

test('a file that cannot be read is a problem that names the file, the reason and a remedy', async () => {
  const dir = await makeDir();
  await mkdir(path.join(dir, '.env'));
  expect(readEnvFile(dir, {})).toEqual({
    added: {},
    problems: [
      `the file ${dir}/.env could not be read: it is a directory; put a file in its place; or remove it, and set the variables in the environment`,
    ],
  });
});

test('adds what the environment does not have', () => {
  expect(mergeEnvFile({ A: 'a' }, { B: 'b', C: 'c' })).toEqual({ B: 'b', C: 'c' });
});

test('does not replace what is set in the environment', () => {
  expect(mergeEnvFile({ A: 'a', B: '0' }, { A: 'other', B: '1' })).toEqual({});
});

test.for(['', ' ', '\t', undefined])('takes a variable with %j for one that is not set', (empty) => {
  expect(mergeEnvFile({ METRIST_NAMESPACE: empty }, { METRIST_NAMESPACE: 'prod' })).toEqual({
    METRIST_NAMESPACE: 'prod',
  });
});

test('adds nothing that is empty in the file', () => {
  expect(mergeEnvFile({ B: '' }, { A: '', B: ' ' })).toEqual({});
});
