import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { monitorRun } from '../runner/testing/builders.ts';
import { HistoryReader, splitLines } from './read-history.ts';
import { toRecord, type RunRecord } from './run-record.ts';

const facts = { intervalSecs: 120, frontEnd: 'vitest' } as const;
const at = (startedAt: string, overrides: Partial<RunRecord> = {}) =>
  toRecord(monitorRun({ startedAt, ...overrides }), facts);
const toLines = (...records: readonly unknown[]) => records.map((record) => `${JSON.stringify(record)}\n`).join('');

async function makeDir(files: Readonly<Record<string, string | Uint8Array>>): Promise<string> {
  const dir = await mkdtemp(path.join(os.tmpdir(), 'awsiam-read-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  for (const [name, content] of Object.entries(files)) await writeFile(path.join(dir, name), content);
  return dir;
}

async function read(options: ConstructorParameters<typeof HistoryReader>[0]) {
  const history = new HistoryReader(options);
  const runs: RunRecord[] = [];
  for await (const run of history) runs.push(run);
  return { runs, skipped: history.skipped, problems: history.problems };
}

const first = at('2026-11-20T23:59:59.999Z');
const second = at('2026-11-21T00:00:00.000Z', { mode: 'offline' });
const third = at('2026-11-22T10:00:00.000Z');
const threeDays = {
  '2026-11-22.ndjson': toLines(third),
  '2026-11-20.ndjson': toLines(first),
  '2026-11-21.ndjson': toLines(second),
};

describe('HistoryReader', () => {
  test('reads every day, the oldest first', async () => {
    const dir = await makeDir(threeDays);
    expect(await read({ dir })).toEqual({ runs: [first, second, third], skipped: 0, problems: [] });
  });

  test('reads only the days and the mode that were asked for', async () => {
    const dir = await makeDir(threeDays);
    expect((await read({ dir, fromDay: '2026-11-21' })).runs).toEqual([second, third]);
    expect((await read({ dir, toDay: '2026-11-21' })).runs).toEqual([first, second]);
    expect(await read({ dir, mode: 'live' })).toEqual({ runs: [first, third], skipped: 0, problems: [] });
  });

  test('finds nothing, and no problem, where no run has written yet', async () => {
    const dir = await makeDir({});
    expect(await read({ dir: path.join(dir, 'runs') })).toEqual({ runs: [], skipped: 0, problems: [] });
  });

  test('skips and counts torn, foreign and misplaced lines, but not empty ones', async () => {
    const torn = JSON.stringify(third).slice(0, 50);
    const content = `${torn}\n\n{"hello":1}\n${toLines(first)}${toLines(third)}${torn}`;
    const dir = await makeDir({ '2026-11-22.ndjson': content });
    expect(await read({ dir })).toEqual({ runs: [third], skipped: 4, problems: [] });
  });

  test('skips a line that is too long, and one that is not UTF-8', async () => {
    const long = toLines(at('2026-11-22T10:00:00.000Z', { warnings: ['x'.repeat(200_000)] }));
    const broken = Buffer.from(toLines({ ...third, version: 'é' }), 'latin1');
    const content = Buffer.concat([Buffer.from(long), broken, Buffer.from(toLines(third))]);
    const dir = await makeDir({ '2026-11-22.ndjson': content });
    expect(await read({ dir, maxLineBytes: 100_000 })).toMatchObject({ runs: [third], skipped: 2 });
  });

  test('reports what cannot be read, and goes on', async () => {
    const dir = await makeDir({ '2026-11-22.ndjson': toLines(third) });
    await mkdir(path.join(dir, '2026-11-21.ndjson'));
    const { runs, problems } = await read({ dir });
    expect(runs).toEqual([third]);
    expect(problems).toEqual([`${path.join(dir, '2026-11-21.ndjson')} could not be read: it is not a file`]);
    expect((await read({ dir: path.join(dir, '2026-11-22.ndjson') })).problems).toEqual([
      expect.stringContaining('could not be read: ENOTDIR'),
    ]);
  });

  test('does not read what is not named after a day', async () => {
    const names = [
      'junit.xml',
      '2026-11-22.ndjson.bak',
      '2026-13-01.ndjson',
      '2026-02-30.ndjson',
      'x2026-11-22.ndjson',
    ];
    const dir = await makeDir(Object.fromEntries(names.map((name) => [name, 'nonsense\n'])));
    expect(await read({ dir })).toEqual({ runs: [], skipped: 0, problems: [] });
  });

  test('reads every whole line of any prefix of a file, and skips at most the last', async () => {
    const records = [third, at('2026-11-22T10:02:00.000Z', { version: 'ö😀' }), third];
    const whole = Buffer.from(toLines(...records));
    const ends = records.map((_, index) => Buffer.byteLength(toLines(...records.slice(0, index + 1))) - 1);
    const dir = await makeDir({});
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length), async (length) => {
        await writeFile(path.join(dir, '2026-11-22.ndjson'), whole.subarray(0, length));
        const { runs, skipped } = await read({ dir });
        const complete = ends.filter((end) => end <= length).length;
        expect(runs).toEqual(records.slice(0, complete));
        expect(skipped).toBe(complete === 0 ? Number(length > 0) : Number(length > (ends[complete - 1] ?? 0) + 1));
      }),
    );
  });

  test('finds the run between any bytes', async () => {
    const dir = await makeDir({});
    const line = Buffer.from(`\n${toLines(third)}`);
    await fc.assert(
      fc.asyncProperty(fc.uint8Array(), fc.uint8Array(), async (before, after) => {
        await writeFile(path.join(dir, '2026-11-22.ndjson'), Buffer.concat([before, line, after]));
        expect(await read({ dir })).toMatchObject({ runs: [third], problems: [] });
      }),
    );
  });
});

test('splitLines gives the same lines wherever the chunks end', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.constantFrom('a', 'é', '\n')), fc.array(fc.nat(40)), async (characters, cuts) => {
      const text = characters.join('');
      const bytes = Buffer.from(text);
      const places = [0, ...cuts.toSorted((a, b) => a - b), bytes.length];
      const chunks = places.slice(1).map((end, index) => bytes.subarray(places[index], end));
      const lines = await Array.fromAsync(splitLines(chunksOf(chunks), 6));
      const expected = text.split('\n').filter((line) => line !== '');
      expect(lines.map((line) => line.bytes?.toString())).toEqual(
        expected.map((line) => (Buffer.byteLength(line) > 6 ? undefined : line)),
      );
      // The next line begins where this one ends.
      for (const [index, { endByte, isComplete }] of lines.entries()) {
        expect(isComplete).toBe(bytes[endByte - 1] === 0x0a);
        const rest = bytes.subarray(endByte).toString().split('\n');
        expect(rest.filter((line) => line !== '')).toEqual(expected.slice(index + 1));
      }
    }),
  );
});

async function* chunksOf(chunks: readonly Buffer[]): AsyncGenerator<Buffer> {
  yield* chunks;
}
