import { cp, mkdtemp, rm, symlink } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { projectDir } from './run-vitest.ts';

/** A copy of what a monitoring host has, to put a file into or to break. */
export async function copyProject(): Promise<string> {
  const dir = await mkdtemp(path.join(os.tmpdir(), 'awsiam-copy-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  for (const name of [
    'cli',
    'metrist',
    'mocks',
    'reporters',
    'runner',
    'text',
    'host',
    'suites',
    'package.json',
    'tsconfig.json',
    'vitest.config.ts',
  ]) {
    await cp(path.join(projectDir, name), path.join(dir, name), { recursive: true });
  }
  await symlink(path.join(projectDir, 'node_modules'), path.join(dir, 'node_modules'));
  return dir;
}
