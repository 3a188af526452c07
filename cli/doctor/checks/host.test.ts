import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { examine, goodSettings } from '../testing/examine.ts';

describe('this host', () => {
  let dir: string;

  beforeEach(async () => {
    dir = await mkdtemp(path.join(os.tmpdir(), 'awsiam-doctor-'));
    onTestFinished(() => rm(dir, { recursive: true, force: true }));
  });

  const checkHost = async (resultsDir: string) =>
    await examine({ ...goodSettings, METRIST_RESULTS_DIR: resultsDir }, ['--only', 'host']);

  test('is fine if the results directory can be written to, which leaves nothing behind', async () => {
    const { code, lines } = await checkHost(dir);
    expect(code).toBe(0);
    expect(lines).toEqual(
      expect.arrayContaining([
        `✓ Node.js ${process.version} on ${os.type()} ${process.arch}`,
        `✓ the results directory ${dir} can be written to`,
        expect.stringMatching(/^✓ its disk has [\d,]+ MB left$/),
        expect.stringMatching(/^✓ the clock shows \d{4}-\d\d-\d\d \d\d:\d\d UTC$/),
      ]),
    );
    expect(await readdir(dir)).toEqual([]);
  });

  test('is fine if the results directory can be made, and does not make it', async () => {
    const { code, lines } = await checkHost(path.join(dir, 'new/results'));
    expect(code).toBe(0);
    expect(lines).toContain(
      `✓ the results directory ${path.join(dir, 'new/results')} does not exist yet; a run can make it`,
    );
    expect(await readdir(dir)).toEqual([]);
  });

  test('fails if a file is in the way of the results directory', async () => {
    const file = path.join(dir, 'file');
    await writeFile(file, '');
    const { code, lines, found } = await checkHost(path.join(file, 'results'));
    expect(code).toBe(1);
    expect(lines).toContainEqual(expect.stringMatching(/^✗ the results directory \S+ cannot be written to: ENOTDIR/));
    expect(found.host?.find(({ state }) => state === 'failure')?.fix).toContain('METRIST_RESULTS_DIR');
  });

  test('fails if the clock stands before the time of this program', async () => {
    vi.useFakeTimers({ now: new Date('1970-01-01T00:10:00Z'), toFake: ['Date'] });
    onTestFinished(() => void vi.useRealTimers());
    const { code, lines } = await checkHost(dir);
    expect(code).toBe(1);
    expect(lines).toContain('✗ the clock shows 1970-01-01 00:10 UTC, which is in the past');
  });
});
