import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { maySkip, mountSmallDisk } from '../runner/testing/needs.ts';
import { lockFile } from './file-lock.ts';
import { acquireRunLock, describeHeldRunLock, describeMissingRunLock, type RunLock } from './run-lock.ts';

/** What a disk waits for before it answers. */
const disk = vi.hoisted(() => ({ answer: Promise.resolve() }));
vi.mock(import('node:fs/promises'), async (original) => {
  const actual = await original();
  const statfs = async (dir: string) => {
    await disk.answer;
    return await actual.statfs(dir);
  };
  return { ...actual, statfs: statfs as typeof actual.statfs };
});

type Options = Partial<Omit<Parameters<typeof acquireRunLock>[0], 'signal' | 'onWait'>>;

const never = new AbortController().signal;
const namespace = 'prod';

async function makeDir(): Promise<string> {
  const dir = await mkdtemp(path.join(os.tmpdir(), 'awsiam-run-lock-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

async function acquire(options: Options & { readonly resultsDir: string }) {
  const outcome = await acquireRunLock({ namespace, command: 'run', signal: never, ...options });
  if (outcome.state === 'acquired') onTestFinished(() => outcome.lock[Symbol.dispose]());
  return outcome;
}

function release(outcome: RunLock): void {
  if (outcome.state !== 'acquired') throw new Error(`it is ${outcome.state}`);
  outcome.lock[Symbol.dispose]();
}

/** A process that acquires the lock, says what came of it, and stays until its stdin is closed. */
function startProcess(options: Options & { readonly resultsDir: string }, before = '') {
  const script = `
    import { acquireRunLock } from ${JSON.stringify(path.join(import.meta.dirname, 'run-lock.ts'))};
    ${before}
    const options = ${JSON.stringify({ namespace, command: 'watch', ...options })};
    const onWait = (holder) => console.log(JSON.stringify({ state: 'waiting', holder }));
    const outcome = await acquireRunLock({ ...options, onWait, signal: new AbortController().signal });
    console.log(JSON.stringify(outcome));
    process.stdin.resume().on('end', () => outcome.lock?.[Symbol.dispose]());`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const nextOutcome = async () => JSON.parse((await lines.next()).value as string) as RunLock | { state: 'waiting' };
  const kill = async () => {
    child.kill('SIGKILL');
    await once(child, 'exit');
  };
  const end = async () => {
    child.stdin.end();
    await once(child, 'exit');
  };
  return { child, nextOutcome, kill, end };
}

/** Starts a process that has the lock. */
async function startHolder(options: Options & { readonly resultsDir: string }) {
  const holder = startProcess(options);
  expect(await holder.nextOutcome()).toMatchObject({ state: 'acquired' });
  return holder;
}

const heldBy = (pid: number | undefined, command: 'run' | 'watch') => ({
  state: 'held',
  holder: { pid, command, since: expect.stringMatching(/^\d{4}-.*Z$/) as string },
});

describe('acquireRunLock', () => {
  test('lets the second process know who holds the lock, and leaves one file', async () => {
    const resultsDir = await makeDir();
    const before = new Date().toISOString();
    const { child } = await startHolder({ resultsDir });
    const outcome = await acquire({ resultsDir });
    expect(outcome).toEqual(heldBy(child.pid, 'watch'));
    const { holder } = outcome as Extract<RunLock, { state: 'held' }>;
    expect(holder?.since.localeCompare(before)).toBeGreaterThanOrEqual(0);
    expect(await readdir(resultsDir)).toEqual(['run-prod.lock']);
  });

  test('lets one in at a time in a process, too, and looking for the holder does not unlock', async () => {
    const resultsDir = await makeDir();
    const first = await acquire({ resultsDir });
    expect(await acquire({ resultsDir })).toEqual(heldBy(process.pid, 'run'));
    const { nextOutcome } = startProcess({ resultsDir });
    expect(await nextOutcome()).toEqual(heldBy(process.pid, 'run'));
    release(first);
    expect(await acquire({ resultsDir })).toMatchObject({ state: 'acquired' });
  });

  test('is free again after a kill, and the next holder is the one that is named', async () => {
    const resultsDir = await makeDir();
    const killed = await startHolder({ resultsDir });
    await killed.kill();
    expect(await readdir(resultsDir)).toEqual(['run-prod.lock']);
    const next = await startHolder({ resultsDir, command: 'run' });
    expect(await acquire({ resultsDir })).toEqual(heldBy(next.child.pid, 'run'));
    await next.end();
    expect(await acquire({ resultsDir })).toMatchObject({ state: 'acquired' });
    expect(await readdir(resultsDir)).toEqual(['run-prod.lock']);
  });

  test('names nobody rather than one that was killed, if the holder has not said who it is', async () => {
    const resultsDir = await makeDir();
    const killed = await startHolder({ resultsDir });
    await killed.kill();
    using _ = await lockFile(path.join(resultsDir, 'run-prod.lock'), { timeoutMs: 0 });
    expect(await acquire({ resultsDir })).toEqual({ state: 'held' });
  });

  test('is still held by a process that is stopped', async () => {
    const resultsDir = await makeDir();
    const { child } = await startHolder({ resultsDir });
    child.kill('SIGSTOP');
    expect(await acquire({ resultsDir })).toEqual(heldBy(child.pid, 'watch'));
  });

  test('lets a process that waits in when the holder ends, and tells it first whom it waits for', async () => {
    const resultsDir = await makeDir();
    const holder = await startHolder({ resultsDir });
    const waiting = startProcess({ resultsDir, command: 'run', waitMs: 60_000 });
    expect(await waiting.nextOutcome()).toEqual({ ...heldBy(holder.child.pid, 'watch'), state: 'waiting' });
    await holder.end();
    expect(await waiting.nextOutcome()).toMatchObject({ state: 'acquired' });
    expect(await acquire({ resultsDir })).toEqual(heldBy(waiting.child.pid, 'run'));
  });

  test('stops waiting when the time is over', async () => {
    const resultsDir = await makeDir();
    await acquire({ resultsDir });
    const onWait = vi.fn<() => void>();
    const options = { resultsDir, namespace, command: 'run', waitMs: 300, onWait, signal: never } as const;
    expect(await acquireRunLock(options)).toEqual(heldBy(process.pid, 'run'));
    expect(onWait).toHaveBeenCalledTimes(1);
  });

  test('stops waiting at once when the signal is aborted', async () => {
    const resultsDir = await makeDir();
    const first = await acquire({ resultsDir });
    const controller = new AbortController();
    const onWait = (): void => controller.abort(new Error('SIGINT'));
    const options = { resultsDir, namespace, command: 'run', waitMs: 86_400_000, onWait } as const;
    await expect(acquireRunLock({ ...options, signal: controller.signal })).rejects.toThrow('SIGINT');
    release(first);
    await expect(acquireRunLock({ ...options, signal: controller.signal })).rejects.toThrow('SIGINT');
    expect(await acquire({ resultsDir })).toMatchObject({ state: 'acquired' });
  });

  test('is one for a directory and the symbolic links to it', async () => {
    const resultsDir = await makeDir();
    await startHolder({ resultsDir });
    const link = path.join(await makeDir(), 'link');
    await symlink(resultsDir, link);
    expect(await acquire({ resultsDir: link })).toMatchObject({ state: 'held' });
    expect(await acquire({ resultsDir: await makeDir() })).toMatchObject({ state: 'acquired' });
  });

  test('is another one for each namespace, and for none', async () => {
    const resultsDir = await makeDir();
    const namespaces = ['prod', 'Prod', '%50rod', '..', '.totals', 'run', 'a_+=,.@-', 'n'.repeat(38), 'N'.repeat(38)];
    for (const each of namespaces) {
      expect(await acquire({ resultsDir, namespace: each })).toMatchObject({ state: 'acquired' });
    }
    const withoutOne = { resultsDir, command: 'run', signal: never } as const;
    const outcome = await acquireRunLock(withoutOne);
    expect(await acquireRunLock(withoutOne)).toMatchObject({ state: 'held' });
    release(outcome);
    const files = await readdir(resultsDir);
    expect(new Set(files.map((file) => file.toLowerCase())).size).toBe(namespaces.length + 1);
    expect(files).toEqual(expect.arrayContaining(['run.lock', 'run-prod.lock', 'run-%50rod.lock', 'run-...lock']));
  });

  test('makes the results directory', async () => {
    const resultsDir = path.join(await makeDir(), 'a', 'b');
    expect(await acquire({ resultsDir })).toMatchObject({ state: 'acquired' });
    expect(await readdir(resultsDir)).toEqual(['run-prod.lock']);
  });

  test('says why no lock was made', async () => {
    const resultsDir = await makeDir();
    await writeFile(path.join(resultsDir, 'file'), '');
    await mkdir(path.join(resultsDir, 'run-taken.lock'));
    await writeFile(path.join(resultsDir, 'run-foreign.lock'), 'not a lock of ours');
    const reasons = [
      await acquire({ resultsDir: path.join(resultsDir, 'file', 'results') }),
      await acquire({ resultsDir: '/proc/results' }),
      await acquire({ resultsDir, namespace: 'taken' }),
      await acquire({ resultsDir, namespace: 'foreign' }),
    ];
    expect(reasons).toEqual([
      { state: 'not made', reason: expect.stringContaining('ENOTDIR') as string },
      { state: 'not made', reason: expect.stringContaining('ENOENT') as string },
      { state: 'not made', reason: 'unable to open database file' },
      { state: 'not made', reason: 'file is not a database' },
    ]);
  });

  // As root, everything may be written.
  test.skipIf(maySkip && process.getuid?.() !== 0)('says that a directory may only be read', async () => {
    const resultsDir = await makeDir();
    const { nextOutcome } = startProcess({ resultsDir }, 'process.setuid(65534);');
    expect(await nextOutcome()).toEqual({ state: 'not made', reason: expect.stringContaining('EACCES') as string });
  });

  test('is made on a full disk, too, without saying who holds it', async (context) => {
    const resultsDir = await makeDir();
    await mountSmallDisk(context, resultsDir, '16k');
    await writeFile(path.join(resultsDir, 'all'), Buffer.alloc(16_384));
    const holder = await startHolder({ resultsDir });
    expect(await acquire({ resultsDir })).toEqual({ state: 'held' });
    await holder.kill();
    expect(await acquire({ resultsDir })).toMatchObject({ state: 'acquired' });
  });

  test('gives up on a disk that does not answer, and keeps no lock that comes too late', async () => {
    const resultsDir = await makeDir();
    const { promise, resolve } = Promise.withResolvers<void>();
    disk.answer = promise;
    onTestFinished(() => {
      disk.answer = Promise.resolve();
    });
    const reason = 'the disk did not answer within 0.05 s';
    expect(await acquire({ resultsDir, answerMs: 50 })).toEqual({ state: 'not made', reason });
    resolve();
    await expect.poll(() => readdir(resultsDir), { timeout: 30_000 }).toEqual(['run-prod.lock']);
    await expect
      .poll(async () => (await startProcess({ resultsDir }).nextOutcome()).state, { timeout: 30_000 })
      .toBe('acquired');
  });

  test('obeys a signal while the disk does not answer', async () => {
    const resultsDir = await makeDir();
    disk.answer = new Promise(() => {});
    onTestFinished(() => {
      disk.answer = Promise.resolve();
    });
    const controller = new AbortController();
    const outcome = acquireRunLock({ resultsDir, namespace, command: 'run', signal: controller.signal });
    controller.abort(new Error('SIGTERM'));
    await expect(outcome).rejects.toThrow('SIGTERM');
  });
});

describe('what people read', () => {
  const holder = { pid: 4711, command: 'watch', since: '2026-11-27T04:12:33.123Z' } as const;
  const shownDir = 'results';

  test.for([
    [
      { holder, command: 'run', namespace },
      'another awsiam watch (process 4711, since 2026-11-27 04:12 UTC) is running for namespace prod in results: nothing was run. Stop it first, or use another METRIST_NAMESPACE or METRIST_RESULTS_DIR',
    ],
    [
      { holder: { ...holder, command: 'run', host: 'web-2' }, command: 'run', namespace },
      'another awsiam run (process 4711 on web-2, since 2026-11-27 04:12 UTC) is running for namespace prod in results: nothing was run. Wait for it with --wait <time>, or use another METRIST_NAMESPACE or METRIST_RESULTS_DIR',
    ],
    [
      { command: 'watch' },
      'another awsiam is running without a namespace in results: nothing was run. Start again when it has ended, or use another METRIST_NAMESPACE or METRIST_RESULTS_DIR',
    ],
  ] as const)('who holds the lock, and what to do', ([held, expected]) => {
    expect(describeHeldRunLock({ ...held, shownDir })).toBe(expected);
  });

  test('why no lock was made', () => {
    expect(describeMissingRunLock({ reason: 'EROFS: read-only file system', shownDir })).toBe(
      'no lock was made in results, so nothing keeps another run from starting meanwhile: EROFS: read-only file system',
    );
  });
});
