import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { maySkip } from '../runner/testing/needs.ts';
import { lockFile } from './file-lock.ts';

async function makeFile(): Promise<string> {
  const dir = await mkdtemp(path.join(os.tmpdir(), 'awsiam-lock-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return path.join(dir, 'lock');
}

/** Starts a process that holds the lock until it is killed. */
async function startHolder(file: string) {
  const script = `
    import { lockFile } from ${JSON.stringify(path.join(import.meta.dirname, 'file-lock.ts'))};
    const lock = await lockFile(${JSON.stringify(file)}, { timeoutMs: 0 });
    console.log(lock === undefined ? 'busy' : 'locked');
    setInterval(() => lock, 60_000);`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const [said] = (await once(child.stdout, 'data')) as [Buffer];
  return { child, said: said.toString().trim() };
}

describe('lockFile', () => {
  test('lets one holder in at a time, in this process', async () => {
    const file = await makeFile();
    const first = await lockFile(file, { timeoutMs: 0 });
    expect(first).toBeDefined();
    expect(await lockFile(file, { timeoutMs: 0 })).toBeUndefined();
    const waiting = lockFile(file, { timeoutMs: 60_000 });
    first?.[Symbol.dispose]();
    using second = await waiting;
    expect(second).toBeDefined();
  });

  test('lets one holder in at a time, in any process, and is given back by a kill', async () => {
    const file = await makeFile();
    const holder = await startHolder(file);
    expect(holder.said).toBe('locked');
    expect(await lockFile(file, { timeoutMs: 0 })).toBeUndefined();
    holder.child.kill('SIGKILL');
    await once(holder.child, 'exit');
    using lock = await lockFile(file, { timeoutMs: 0 });
    expect(lock).toBeDefined();
    expect((await startHolder(file)).said).toBe('busy');
  });

  test('does not block the thread while it waits', async () => {
    const file = await makeFile();
    using _ = await lockFile(file, { timeoutMs: 0 });
    let turns = 0;
    const timer = setInterval(() => (turns += 1), 1);
    expect(await lockFile(file, { timeoutMs: 100 })).toBeUndefined();
    clearInterval(timer);
    expect(turns).toBeGreaterThan(1);
  });

  test('says why a file cannot be locked', async () => {
    const file = await makeFile();
    await expect(lockFile(path.join(file, 'below'), { timeoutMs: 0 })).rejects.toThrow(/ENOENT/);
    await writeFile(file, 'not what SQLite expects');
    await expect(lockFile(file, { timeoutMs: 0 })).rejects.toThrow('file is not a database');
  });

  // As root, everything may be written.
  test.skipIf(maySkip && process.getuid?.() !== 0)('is not granted to a user who may not write the file', async () => {
    const file = await makeFile();
    await writeFile(file, '');
    await chmod(path.dirname(file), 0o777);
    const script = `
      process.setuid(65534);
      const { lockFile } = await import(${JSON.stringify(path.join(import.meta.dirname, 'file-lock.ts'))});
      await lockFile(${JSON.stringify(file)}, { timeoutMs: 0 }).then(() => console.log('locked'), (error) => console.log(error.code));`;
    const child = spawn(process.execPath, ['--input-type=module', '--eval', script]);
    const [said] = (await once(child.stdout, 'data')) as [Buffer];
    expect(said.toString().trim()).toBe('EACCES');
  });
});
