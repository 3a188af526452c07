import { spawn } from 'node:child_process';
import { cp } from 'node:fs/promises';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { createMetristApi } from '../metrist/delivery/api.ts';
import { deliver } from '../metrist/delivery/deliver.ts';
import { Outbox } from '../metrist/delivery/outbox.ts';
import type { MetristResult } from '../metrist/delivery/results.ts';
import { failure, filesIn, telemetry, temporaryDirectory, token } from '../metrist/testing/delivery.ts';
import type { MortalDelivery } from '../metrist/testing/mortal-delivery.ts';
import { startMetristStandIn } from '../metrist/testing/stand-in.ts';
import { projectDir } from './harness/run-vitest.ts';

/**
 * A process that delivers is killed at every point of its work, and a later run delivers what is left. The outbox that
 * it finds holds an error that waits, an error that was sent and lost, and one that was sent and arrived.
 */

const noon = Date.UTC(2026, 10, 22, 12);
const minuteMs = 60_000;
const waits = failure('Waits', '11:50:00');
const lost = failure('SentAndLost', '11:52:00');
const there = failure('SentAndArrived', '11:54:00');
const own = [telemetry('CreateUser'), telemetry('CreateGroup'), failure('AddUserToGroup', '11:59:58')];

const startStandIn = () => startMetristStandIn({ token });
type StandIn = Awaited<ReturnType<typeof startStandIn>>;
const apiOf = ({ url }: StandIn) => createMetristApi({ baseUrl: url, token, userAgent: 'awsiam/0.1.0' });
const outboxDir = async () => path.join(await temporaryDirectory(), 'outbox');
const checksOf = (rows: StandIn['errors']) => rows.map((row) => String(row['check_logical_name']));
const repeated = (names: readonly string[]) => names.length - new Set(names).size;

/** A whole run's delivery, at a time; telemetry of any age is sent. */
async function deliverAt(nowMs: number, standIn: StandIn, dir: string, results: readonly MetristResult[] = []) {
  const now = () => new Date(nowMs);
  const signal = new AbortController().signal;
  const options = { now, signal, freshForMs: Infinity };
  return await deliver(results, { api: apiOf(standIn), outbox: new Outbox({ dir, now }), ...options });
}

/** Starts the process and gives its points in order: the one that it died at is the last. */
async function runMortal(mortal: MortalDelivery): Promise<string[]> {
  const file = path.join(projectDir, 'metrist/testing/mortal-delivery.ts');
  const child = spawn(process.execPath, [file, JSON.stringify(mortal)], { stdio: ['ignore', 'pipe', 'inherit'] });
  return (await text(child.stdout)).trimEnd().split('\n');
}

async function makeLeftovers(): Promise<string> {
  const standIn = await startStandIn();
  const dir = await outboxDir();
  // Both are marked as sent with an unknown outcome; which of them arrived the Metrist of each test decides.
  for (const [index, result] of [lost, there].entries()) {
    standIn.behave([{ kind: 'reset', when: 'before' }]);
    await deliverAt(noon - 10 * minuteMs + index, standIn, dir, [result]);
  }
  standIn.behave(() => ({ kind: 'answer', status: 403 }));
  await deliverAt(noon - 10 * minuteMs + 2, standIn, dir, [waits]);
  await standIn.close();
  return dir;
}

test('killed at any point, a delivery loses nothing, and no error arrives twice', async () => {
  const leftovers = await makeLeftovers();
  expect(await filesIn(leftovers)).toEqual([
    expect.stringContaining('error.sent-'),
    expect.stringContaining('error.sent-'),
    expect.stringContaining('error.json'),
  ]);
  const totals = { points: 0, lost: 0, errorsTwice: 0 };

  async function dieAndRecover(dieAt: number): Promise<boolean> {
    const standIn = await startStandIn();
    const dir = await outboxDir();
    await cp(leftovers, dir, { recursive: true });
    await apiOf(standIn).post(there);
    const mortal = { dir, baseUrl: standIn.url, token, nowMs: noon, results: own, dieAt };
    const points = await runMortal(mortal);
    const context = `${dieAt}: ${points.at(-1)}`;

    // Ten minutes later what the dead process held may be taken.
    const report = await deliverAt(noon + 10 * minuteMs, standIn, dir);
    expect(report, context).toMatchObject({ waiting: 0, unconfirmed: 0, dropped: 0, refused: 0, lost: 0 });
    expect([...standIn.swallowed, ...standIn.problems], context).toEqual([]);
    expect(
      (await filesIn(dir)).filter((file) => !file.startsWith('corrupt/')),
      context,
    ).toEqual([]);

    // What it was still writing it had not taken over. Everything else is there.
    const taken = new Set(points.map((name) => /^after writeFile .*\/(\d+)-\w+\.json$/.exec(name)?.[1]));
    const expected = [waits, lost, there, ...own.filter((_, index) => taken.has(`0${index}`))];
    const arrived = [...checksOf(standIn.errors), ...checksOf(standIn.telemetry)];
    expect(new Set(arrived), context).toEqual(new Set(expected.map(({ body }) => body.check_logical_name)));
    totals.lost += expected.filter(({ body }) => !arrived.includes(body.check_logical_name)).length;
    totals.errorsTwice += repeated(checksOf(standIn.errors));
    expect(totals, context).toMatchObject({ errorsTwice: 0 });
    await standIn.close();
    return points.at(-1) !== 'done';
  }

  let isOver = false;
  const worker = async (): Promise<void> => {
    while (!isOver) if (!(await dieAndRecover(++totals.points))) isOver = true;
  };
  await Promise.all([worker(), worker(), worker()]);
  expect(totals.points).toBeGreaterThan(80);
  expect(totals).toMatchObject({ lost: 0, errorsTwice: 0 });
});
