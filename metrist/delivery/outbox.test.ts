import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, onTestFinished, test } from 'vitest';
import { fakeClock } from '../../runner/testing/fake-clock.ts';
import { type Batch, Outbox } from './outbox.ts';
import { errorBody } from '../testing/builders.ts';
import { failedRun, failure, filesIn, telemetry, temporaryDirectory } from '../testing/delivery.ts';

async function setUp() {
  const clock = fakeClock();
  const dir = path.join(await temporaryDirectory(), 'outbox');
  const outbox = new Outbox({ dir, now: () => clock.now() });
  const claimAll = async (): Promise<Batch[]> => await Array.fromAsync(outbox.claim());
  const put = async (results = failedRun): Promise<void> => {
    await (await outbox.hold(results)).release();
    clock.advance(1);
  };
  return { clock, dir, outbox, claimAll, put, files: () => filesIn(dir) };
}

const checksOf = (batches: readonly Batch[]) =>
  batches.map(({ entries }) => entries.map(({ result }) => result.body.check_logical_name));

describe('an outbox', () => {
  test('makes no directory before there is something to keep', async () => {
    const { dir, outbox, claimAll } = await setUp();
    expect(await claimAll()).toEqual([]);
    expect(await outbox.count()).toBe(0);
    await (await outbox.hold([])).release();
    await expect(readdir(dir)).rejects.toThrow('ENOENT');
  });

  test('gives back what was put into it, oldest run first and in the order of the steps', async () => {
    const { claimAll, put, outbox } = await setUp();
    await put();
    await put([failure('DeleteUser')]);
    expect(await outbox.count()).toBe(4);
    const batches = await claimAll();
    expect(batches.map(({ entries }) => entries.map(({ result }) => result))).toEqual([
      failedRun,
      [failure('DeleteUser')],
    ]);
    expect(batches[0]?.entries[0]?.at).toEqual(new Date(Date.UTC(2026, 10, 22, 12)));
  });

  test('holds what was put into it until it is released: nobody else takes it', async () => {
    const { claimAll, outbox } = await setUp();
    const batch = await outbox.hold(failedRun);
    expect(await claimAll()).toEqual([]);
    expect(await outbox.count()).toBe(3);
    await batch.release();
    expect(checksOf(await claimAll())).toEqual([['CreateUser', 'CreateGroup', 'AddUserToGroup']]);
    expect(await claimAll()).toEqual([]);
  });

  test.for([
    ['three minutes', 180_000],
    ['an hour, by a clock that went back', -3_600_000],
  ] as const)('takes over what a process has held for %s', async ([, passedMs]) => {
    const { claimAll, clock, outbox } = await setUp();
    await outbox.hold(failedRun);
    clock.advance(179_999);
    expect(await claimAll()).toEqual([]);
    clock.advance(passedMs - 179_999);
    expect(checksOf(await claimAll())).toEqual([['CreateUser', 'CreateGroup', 'AddUserToGroup']]);
  });

  test('remembers that an error was sent, and that it did not arrive', async () => {
    const { claimAll, clock, put, files } = await setUp();
    await put();
    const mark = async (change: 'markSent' | 'putBack') => {
      const [batch] = await claimAll();
      const entry = batch?.entries.at(-1);
      await entry?.[change]();
      await batch?.release();
      return entry?.sentAt;
    };
    const sentAt = clock.now();
    expect(await mark('markSent')).toBeUndefined();
    expect((await files()).at(-1)).toMatch(/\/02-error\.sent-\d+\.json$/);
    clock.advance(60_000);
    expect(await mark('putBack')).toEqual(sentAt);
    expect(await mark('markSent')).toBeUndefined();
  });

  test('forgets a run when all its results are gone', async () => {
    const { claimAll, put, dir } = await setUp();
    await put();
    const [batch] = await claimAll();
    for (const entry of batch?.entries ?? []) await entry.remove();
    await batch?.release();
    expect(await readdir(dir)).toEqual([]);
  });

  test('keeps what is left of a run', async () => {
    const { claimAll, put } = await setUp();
    await put();
    const [batch] = await claimAll();
    await batch?.entries[1]?.remove();
    await batch?.release();
    expect(checksOf(await claimAll())).toEqual([['CreateUser', 'AddUserToGroup']]);
  });

  test('does not let a process mark what another one holds by now', async () => {
    const { claimAll, clock, outbox } = await setUp();
    const slow = await outbox.hold([failure('CreateUser')]);
    clock.advance(180_000);
    const [batch] = await claimAll();
    await expect(slow.entries[0]?.markSent()).rejects.toThrow('ENOENT');
    await slow.release();
    await batch?.entries[0]?.markSent();
  });

  test('gives each result to one of many that ask at once', async () => {
    const { claimAll, put } = await setUp();
    for (let run = 0; run < 20; run++) await put([failure(`Check${run}`)]);
    const claims = await Promise.all(Array.from({ length: 5 }, claimAll));
    expect(checksOf(claims.flat()).flat().toSorted()).toEqual(
      Array.from({ length: 20 }, (_, run) => `Check${run}`).toSorted(),
    );
  });

  test('sets aside what is cut off and keeps it for a look', async () => {
    const { claimAll, dir, put, outbox } = await setUp();
    await put();
    const [name = ''] = await readdir(dir);
    await writeFile(path.join(dir, name, '01-telemetry.json'), '{"kind":"telem');
    const [batch] = await claimAll();
    expect(batch?.corrupt).toEqual(['01-telemetry.json']);
    expect(checksOf(batch === undefined ? [] : [batch])).toEqual([['CreateUser', 'AddUserToGroup']]);
    expect(await readFile(path.join(dir, 'corrupt', `${name}-01-telemetry.json`), 'utf8')).toBe('{"kind":"telem');
    await batch?.release();
    expect(await outbox.count()).toBe(2);
    expect((await claimAll())[0]?.corrupt).toEqual([]);
  });

  test('has nowhere to set aside: goes on without', async () => {
    const { claimAll, dir, put } = await setUp();
    await put([telemetry('CreateUser')]);
    const [name = ''] = await readdir(dir);
    await writeFile(path.join(dir, name, 'notes.txt'), 'mine');
    await writeFile(path.join(dir, 'corrupt'), 'a file');
    expect(checksOf(await claimAll())).toEqual([['CreateUser']]);
  });

  test('that cannot be made says why', async () => {
    const { dir, outbox } = await setUp();
    await mkdir(path.dirname(dir), { recursive: true });
    await writeFile(dir, 'a file');
    await expect(outbox.hold(failedRun)).rejects.toThrow(/EEXIST|ENOTDIR/);
  });

  test('on a disk that is full keeps all results of a run or none, and what was there stays in order', async (context) => {
    const dir = await temporaryDirectory();
    const run = promisify(execFile);
    const isMounted = await run('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', dir]).catch(() => undefined);
    if (isMounted === undefined) context.skip('only root may mount a small disk');
    onTestFinished(async () => void (await run('umount', [dir])));
    const now = new Date();
    const outbox = new Outbox({ dir, now: () => now });
    await (await outbox.hold([failure('CreateUser')])).release();
    const large = { kind: 'error', body: errorBody({ message: 'x'.repeat(40_000) }) } as const;
    await expect(outbox.hold([large, large])).rejects.toThrow('ENOSPC');
    expect(await filesIn(dir)).toHaveLength(1);

    // Filled to the last byte: what is there can still be marked, put back and removed.
    await writeFile(path.join(dir, 'filler'), 'x'.repeat(100_000)).catch(() => {});
    const [batch] = await Array.fromAsync(outbox.claim());
    await batch?.entries[0]?.markSent();
    await batch?.entries[0]?.putBack();
    await batch?.entries[0]?.remove();
    await batch?.release();
    expect(await filesIn(dir)).toEqual(['filler']);
  });
});
