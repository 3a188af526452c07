import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { HistoryWriter } from './write-history.ts';

async function setUp(files: readonly string[]) {
  const dir = await mkdtemp(path.join(os.tmpdir(), 'awsiam-write-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  for (const name of files) await writeFile(path.join(dir, name), '');
  return { dir, writer: new HistoryWriter({ dir, historyDays: 2 }), list: async () => (await readdir(dir)).toSorted() };
}

const now = '2026-11-22T10:00:00.000Z';

/** Appending is tested with the HistoryReporter. */
describe('removing old files', () => {
  test('removes those of days that are longer ago, and nothing else', async () => {
    const kept = [
      '2026-11-20.ndjson',
      '2026-11-21.ndjson',
      '2026-11-22.ndjson',
      '2031-01-01.ndjson',
      '1999-99-99.ndjson',
    ];
    const others = ['2026-11-01.ndjson.bak', '2026-11-01.json', 'notes'];
    const { dir, writer, list } = await setUp([...kept, ...others, '2026-11-19.ndjson', '2025-12-31.ndjson']);
    await mkdir(path.join(dir, '2024-01-01.ndjson'));
    await symlink(path.join(dir, 'notes'), path.join(dir, '2024-01-02.ndjson'));
    expect(await writer.removeOld(now)).toBeUndefined();
    expect(await list()).toEqual([...kept, ...others, '2024-01-01.ndjson', '2024-01-02.ndjson'].toSorted());
  });

  test('looks once for each day', async () => {
    const { dir, writer, list } = await setUp([]);
    await writer.removeOld(now);
    await writeFile(path.join(dir, '2026-11-01.ndjson'), '');
    await writer.removeOld('2026-11-22T23:59:59.999Z');
    expect(await list()).toHaveLength(1);
    await writer.removeOld('2026-11-23T00:00:00.000Z');
    expect(await list()).toEqual([]);
  });

  test('says what went wrong, and never rejects', async () => {
    const { dir } = await setUp(['file']);
    const broken = new HistoryWriter({ dir: path.join(dir, 'file'), historyDays: 2 });
    expect(await broken.removeOld(now)).toMatch(/^old files could not be looked for: ENOTDIR/);
    const absent = new HistoryWriter({ dir: path.join(dir, 'absent'), historyDays: 2 });
    expect(await absent.removeOld(now)).toBeUndefined();
  });
});
