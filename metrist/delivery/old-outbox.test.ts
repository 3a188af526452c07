import { mkdir, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { failure, report, setUpDelivery, telemetry } from '../testing/delivery.ts';

/** An outbox as an earlier version left it at noon, by the paths of its files. */
const oldOutbox = {
  '20261122T115000000-b8dd794b/00-telemetry.json': telemetry('CreateUser'),
  '20261122T115000000-b8dd794b/01-error.json': failure('CreateGroup', '11:49:58'),
  '20261122T115200000-ef833c9b/01-telemetry.json': telemetry('CreateGroup'),
  '20261122T115200000-ef833c9b/02-error.sent-1795348320000.json': failure('AddUserToGroup', '11:51:58'),
  // A process that was killed, and one that is still at work.
  '20261122T115400000-00baca57.claim-1795348440000-14348/00-error.json': failure('CreateUser', '11:53:58'),
  '20261122T115959000-f3d2ded5.claim-1795348799000-14348/00-error.json': failure('DeleteUser', '11:59:58'),
};

async function setUp() {
  const delivery = await setUpDelivery();
  for (const [file, content] of Object.entries(oldOutbox)) {
    await mkdir(path.join(delivery.dir, path.dirname(file)), { recursive: true });
    await writeFile(path.join(delivery.dir, file), `${JSON.stringify(content)}\n`);
  }
  return delivery;
}

const checksOf = (rows: readonly Readonly<Record<string, unknown>>[]) => rows.map((row) => row['check_logical_name']);

test('errors that an earlier version left are sent, once; its telemetry is counted once and removed', async () => {
  const { standIn, clock, deliver: run, dir, files } = await setUp();
  expect(await run()).toEqual(report({ delivered: 3, outdated: 2 }));
  expect(checksOf(standIn.errors)).toEqual(['CreateGroup', 'AddUserToGroup', 'CreateUser']);
  // The one that had been sent was asked for first.
  expect(standIn.requests.map(({ method }) => method)).toEqual(['POST', 'GET', 'POST', 'POST']);
  expect(standIn.telemetry).toEqual([]);
  expect(await files()).toEqual(['20261122T115959000-f3d2ded5.claim-1795348799000-14348/00-error.json']);

  clock.advance(180_000);
  expect(await run()).toEqual(report({ delivered: 1 }));
  expect(await run()).toEqual(report());
  expect(standIn.errors).toHaveLength(4);
  expect(await readdir(dir)).toEqual([]);
});

test('an error that an earlier version sent and that arrived is not sent again', async () => {
  const { api, standIn, deliver: run } = await setUp();
  await api.post(failure('AddUserToGroup', '11:51:58'));
  await run();
  expect(checksOf(standIn.errors).filter((check) => check === 'AddUserToGroup')).toHaveLength(1);
});

test('with Metrist down the errors of an earlier version keep waiting, and its telemetry is still counted once', async () => {
  const { closeMetrist, deliver: run } = await setUp();
  await closeMetrist();
  expect(await run()).toMatchObject({ waiting: 3, outdated: 2 });
  expect(await run()).toMatchObject({ waiting: 3, outdated: 0 });
});

test('several processes share what an earlier version left: each error is sent once, each duration counted once', async () => {
  const { makeOutbox, standIn, deliver: run } = await setUp();
  const reports = await Promise.all([1, 2, 3].map(() => run([], { outbox: makeOutbox() })));
  const sum = (key: 'delivered' | 'outdated') => reports.reduce((total, one) => total + one[key], 0);
  expect([sum('delivered'), sum('outdated'), standIn.errors.length]).toEqual([3, 2, 3]);
});

test('whatever else lies in the directories of an earlier version is set aside and stops nothing', async () => {
  const { dir, deliver: run, files } = await setUp();
  const junk = {
    '20261122T115000000-b8dd794b/10-error.json': '{"kind":"err',
    '20261122T115000000-b8dd794b/notes.txt': 'mine',
  };
  for (const [file, content] of Object.entries(junk)) await writeFile(path.join(dir, file), content);
  await mkdir(path.join(dir, '20261122T115000000-b8dd794b/16-error.json'));
  await mkdir(path.join(dir, '20261122T113000000-00000000'));
  expect(await run()).toEqual(report({ delivered: 3, outdated: 2, corrupt: 3 }));
  expect((await files()).filter((file) => file.startsWith('corrupt/'))).toEqual([
    'corrupt/20261122T115000000-b8dd794b-10.json',
    'corrupt/20261122T115000000-b8dd794b-notes.txt',
  ]);
  expect((await readdir(dir)).toSorted()).toEqual(['20261122T115959000-f3d2ded5.claim-1795348799000-14348', 'corrupt']);
});
