import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { mountSmallDisk } from '../../runner/testing/needs.ts';
import { errorBody } from '../testing/builders.ts';
import { failure, filesIn, setUpDelivery, temporaryDirectory } from '../testing/delivery.ts';
import { Outbox, type OutboxEntry } from './outbox.ts';

async function setUp() {
  const { clock, dir, outbox, makeOutbox, setClockWrong, files } = await setUpDelivery();
  const put = async (check: string): Promise<void> => {
    await (await outbox.hold(failure(check).body)).putBack();
    clock.advance(1);
  };
  return { clock, dir, outbox, makeOutbox, setClockWrong, files, put };
}

const checksOf = async (entries: readonly OutboxEntry[]) =>
  (await Promise.all(entries.map((entry) => entry.read()))).map((body) => body?.check_logical_name);

describe('an outbox', () => {
  test('makes no directory before the first error', async () => {
    const { dir, outbox } = await setUp();
    expect(await outbox.entries()).toEqual([]);
    await expect(readdir(dir)).rejects.toThrow('ENOENT');
  });

  test('returns what was put into it, oldest first', async () => {
    const { put, outbox, files } = await setUp();
    await put('CreateUser');
    await put('DeleteUser');
    const entries = await outbox.entries();
    expect(await Promise.all(entries.map((entry) => entry.read()))).toEqual([
      failure('CreateUser').body,
      failure('DeleteUser').body,
    ]);
    expect(await files()).toEqual([
      expect.stringMatching(/^20261122T120000000-[\da-f]{8}\.json$/),
      expect.stringMatching(/^20261122T120000001-[\da-f]{8}\.json$/),
    ]);
  });

  test('keeps an error for its own run until that run puts it back', async () => {
    const { outbox, makeOutbox, files } = await setUp();
    const entry = await outbox.hold(failure('CreateUser').body);
    expect(await files()).toEqual([expect.stringMatching(/\.held-\d+\.json$/)]);
    expect(await makeOutbox().entries()).toEqual([]);
    await entry.putBack();
    expect(await checksOf(await makeOutbox().entries())).toEqual(['CreateUser']);
  });

  test.for([
    ['three minutes', 180_000],
    ['an hour, by a clock that was put back', -3_600_000],
  ] as const)('takes over what a process has held for %s', async ([, passedMs]) => {
    const { outbox, makeOutbox, setClockWrong } = await setUp();
    await outbox.hold(failure('CreateUser').body);
    setClockWrong(179_999);
    expect(await makeOutbox().entries()).toEqual([]);
    setClockWrong(passedMs);
    expect(await checksOf(await makeOutbox().entries())).toEqual(['CreateUser']);
  });

  test('remembers that an error was sent, and that it did not arrive', async () => {
    const { clock, put, outbox, files } = await setUp();
    await put('CreateUser');
    const entryOf = async () => (await outbox.entries())[0];
    const waiting = await entryOf();
    expect(waiting).not.toHaveProperty('sentAgoMs');
    await waiting?.markSent();
    expect(await files()).toEqual([expect.stringMatching(/\.sent-\d+-\d+\.json$/)]);
    clock.advance(60_000);
    const sent = await entryOf();
    expect(sent?.sentAgoMs).toBeCloseTo(60_000, -1);
    await sent?.putBack();
    expect(await entryOf()).not.toHaveProperty('sentAgoMs');
  });

  test.for([
    ['is set forward by an hour', 3_600_000, false, 30_000],
    ['is set forward by an hour, and the machine is restarted', 3_600_000, true, 3_630_000],
    ['is put back by three days', -259_200_000, false, -259_170_000],
  ] as const)('says how long ago an error was sent when the clock %s', async ([, wrongByMs, isRestarted, agoMs]) => {
    const { dir, clock, put, outbox } = await setUp();
    await put('CreateUser');
    await (await outbox.entries())[0]?.markSent();
    clock.advance(30_000);
    const later = new Outbox({
      dir,
      now: () => new Date(clock.now().getTime() + wrongByMs),
      uptimeMs: () => (isRestarted ? 1000 : clock.elapsedMs()),
    });
    expect((await later.entries())[0]?.sentAgoMs).toBeCloseTo(agoMs, -1);
  });

  test('gives an error to only one of several processes that want it', async () => {
    const { put, outbox, makeOutbox } = await setUp();
    await put('CreateUser');
    const entries = (await Promise.all([outbox, makeOutbox(), makeOutbox()].map((one) => one.entries()))).flat();
    const marked = await Promise.allSettled(entries.map((entry) => entry.markSent()));
    expect(marked.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(marked.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { code: 'ENOENT' } });
  });

  test('moves a broken file to corrupt/ and keeps its content', async () => {
    const { dir, put, outbox, files } = await setUp();
    await put('CreateUser');
    const [name = ''] = await files();
    await writeFile(path.join(dir, name), '{"kind":"err');
    const [entry] = await outbox.entries();
    expect(await entry?.read()).toBeUndefined();
    await entry?.setAside();
    expect(await readFile(path.join(dir, 'corrupt', name), 'utf8')).toBe('{"kind":"err');
    expect(await outbox.entries()).toEqual([]);
  });

  test.for([
    'README',
    'corrupt',
    '.DS_Store',
    '20261122T100000123.json',
    '20261122T100000123-9f3a0c11.json.tmp',
    '20261122T100000123-9f3a0c11.held-.json',
    '20261122T100000123-9f3a0c11.sent-12-.json',
    'x20261122T100000123-9f3a0c11.json',
  ])('ignores %s', async (name) => {
    const { dir, outbox } = await setUp();
    await mkdir(dir, { recursive: true });
    await writeFile(path.join(dir, name), JSON.stringify(failure('CreateUser')));
    expect(await outbox.entries()).toEqual([]);
  });

  test('says why its directory cannot be made', async () => {
    const { dir, outbox } = await setUp();
    await writeFile(dir, 'a file');
    await expect(outbox.hold(failure('CreateUser').body)).rejects.toThrow(/EEXIST|ENOTDIR/);
    expect(await outbox.entries()).toEqual([]);
  });

  test('keeps an error whole or not at all on a full disk, and can still rename and remove others', async (context) => {
    const dir = await temporaryDirectory();
    await mountSmallDisk(context, dir, '64k');
    const now = new Date();
    const outbox = new Outbox({ dir, now: () => now });
    const held = await outbox.hold(failure('CreateUser').body);
    await expect(outbox.hold(errorBody({ message: 'x'.repeat(80_000) }))).rejects.toThrow('ENOSPC');
    expect(await filesIn(dir)).toHaveLength(1);

    await writeFile(path.join(dir, 'filler'), 'x'.repeat(100_000)).catch(() => {});
    await held.markSent();
    await held.putBack();
    await held.remove();
    expect(await filesIn(dir)).toEqual(['filler']);
  });
});
