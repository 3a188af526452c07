import { cp, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { createMetristApi } from '../../metrist/delivery/api.ts';
import { deliver, holdError } from '../../metrist/delivery/deliver.ts';
import { Outbox } from '../../metrist/delivery/outbox.ts';
import type { MetristResult } from '../../metrist/delivery/results.ts';
import { failure, filesIn, temporaryDirectory, token } from '../../metrist/testing/delivery.ts';
import { startMetristStandIn } from '../../metrist/testing/stand-in.ts';
import { failedStep, passedStep } from '../../runner/testing/builders.ts';
import type { KillableRun } from '../harness/killable-run.ts';
import { runHarness } from '../harness/run.ts';

/**
 * A process that reports a run is killed at every point of its work, and a later run delivers what is left. At the start, the
 * outbox holds three errors: one that waits, one that was sent but got lost, and one that was sent and arrived.
 */

const minuteMs = 60_000;
const waits = failure('Waits', '11:50:00');
const lost = failure('SentAndLost', '11:52:00');
const there = failure('SentAndArrived', '11:54:00');
const ownSteps = [passedStep(), passedStep({ name: 'CreateGroup' }), failedStep({ name: 'AddUserToGroup' })];

const startStandIn = () => startMetristStandIn({ token });
type StandIn = Awaited<ReturnType<typeof startStandIn>>;
const apiOf = ({ url }: StandIn) => createMetristApi({ baseUrl: url, token, userAgent: 'awsiam/0.1.0' });
const checksOf = (rows: StandIn['errors']) => rows.map((row) => String(row['check_logical_name']));

/** Delivers a run while the clock is wrong by this much. The uptime is of no use, as after a restart of the machine. */
async function deliverAt(wrongByMs: number, standIn: StandIn, dir: string, results: readonly MetristResult[] = []) {
  const now = () => new Date(Date.now() + wrongByMs);
  const outbox = new Outbox({ dir, now, uptimeMs: () => (wrongByMs < 0 ? Number.MAX_SAFE_INTEGER : 0) });
  const options = { elapsedMs: () => performance.now(), signal: new AbortController().signal };
  return await deliver(await holdError(results, outbox), { api: apiOf(standIn), outbox, ...options });
}

/** Runs the process. Returns the points that it reached, in order. It died at the last one, unless that is `done`. */
async function runUntilKilled(killable: KillableRun): Promise<string[]> {
  return (await runHarness('killable-run.ts', [JSON.stringify(killable)])).trimEnd().split('\n');
}

async function makeLeftovers(): Promise<string> {
  const standIn = await startStandIn();
  const dir = await temporaryDirectory();
  // Both are marked as sent with an unknown outcome. Which of them arrived depends on the Metrist that is asked later.
  for (const [index, result] of [lost, there].entries()) {
    standIn.behave([{ kind: 'reset', when: 'before' }]);
    await deliverAt(-10 * minuteMs + index, standIn, dir, [result]);
  }
  standIn.behave(() => ({ kind: 'answer', status: 403 }));
  await deliverAt(-10 * minuteMs + 2, standIn, dir, [waits]);
  await standIn.close();
  return dir;
}

test('a run that is killed at any point of its reporting loses no error, and no error arrives twice', async () => {
  const leftovers = await makeLeftovers();
  expect((await filesIn(leftovers)).map((file) => file.replace(/^[^.]+/, ''))).toEqual([
    expect.stringMatching(/^\.sent-/),
    expect.stringMatching(/^\.sent-/),
    '.json',
  ]);
  const seen = new Set<string>();

  async function killAndRecover(killAt: number): Promise<boolean> {
    const standIn = await startStandIn();
    const dir = await temporaryDirectory();
    const outbox = path.join(dir, 'outbox');
    await cp(leftovers, outbox, { recursive: true });
    await apiOf(standIn).post(there);
    const values = {
      METRIST_RESULTS_DIR: dir,
      METRIST_API_HOST: standIn.url,
      METRIST_API_TOKEN: token,
      METRIST_INSTANCE_ID: 'us-east-1',
    };
    const points = await runUntilKilled({ values, steps: ownSteps, killAt });
    const context = `${killAt}: ${points.at(-1)}`;
    seen.add(String(points.at(-1)).replaceAll(dir, ''));
    const hasJunit = (await readdir(dir)).includes('junit.xml');
    const hasHistory = (await historyIn(dir)).endsWith('\n');
    const telemetry = checksOf(standIn.telemetry);

    // Ten minutes later another run may take what the dead process held.
    const report = await deliverAt(10 * minuteMs, standIn, outbox);
    expect(report, context).toMatchObject({ waiting: 0, unconfirmed: 0, dropped: 0, refused: 0, lost: 0 });
    expect([...standIn.swallowed, ...standIn.problems], context).toEqual([]);
    expect(
      (await filesIn(outbox)).filter((file) => !file.startsWith('corrupt/')),
      context,
    ).toEqual([]);

    const errors = checksOf(standIn.errors);
    expect(new Set(errors).size, context).toBe(errors.length);
    // The run's own error is missing only if the process died before it was on disk. Nothing had been reported by then.
    const isOwnOnDisk = points.some((name) => /^after writeFile .*\.held-/.test(name));
    const expected = [waits, lost, there].map(({ body }) => body.check_logical_name);
    expect(errors.toSorted(), context).toEqual([...expected, ...(isOwnOnDisk ? ['AddUserToGroup'] : [])].toSorted());
    if (hasJunit || hasHistory || telemetry.length > 0) expect(isOwnOnDisk, context).toBe(true);
    if (telemetry.length > 0) expect(hasHistory, context).toBe(true);
    await standIn.close();
    return points.at(-1) !== 'done';
  }

  let killAt = 0;
  let isOver = false;
  const worker = async (): Promise<void> => {
    while (!isOver) if (!(await killAndRecover(++killAt))) isOver = true;
  };
  await Promise.all([worker(), worker(), worker()]);
  expect(killAt).toBeGreaterThan(60);
  const kinds = [...seen].join('\n');
  expect(kinds).toMatch(/^after rename \/junit\.xml\.\d+ to \/junit\.xml$/m);
  expect(kinds).toMatch(/^after write \/runs\/[\d-]+\.ndjson$/m);
}, 300_000);

async function historyIn(dir: string): Promise<string> {
  const [file] = await filesIn(path.join(dir, 'runs'));
  return file === undefined ? '' : await readFile(path.join(dir, 'runs', file), 'utf8');
}
