import path from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { MetristApi } from '../metrist/delivery/api.ts';
import {
  filesIn,
  report as deliveryReport,
  setUpDelivery,
  temporaryDirectory,
  token,
} from '../metrist/testing/delivery.ts';
import { Outbox } from '../metrist/delivery/outbox.ts';
import { startMetristStandIn } from '../metrist/testing/stand-in.ts';
import { createMetristApi } from '../metrist/delivery/api.ts';
import { systemClock } from '../runner/clock.ts';
import { MetristReporter, type MetristReporterOptions, renderDelivery } from './metrist.ts';
import { hostileRun, interruptedRun, passedRun, theirFailureRun } from './testing/runs.ts';
import { testReporter } from './testing/test-reporter.ts';

async function setUp(options: Partial<MetristReporterOptions> = {}) {
  const { standIn, api, clock, dir } = await setUpDelivery();
  const shownAs = { outboxDir: dir, historyDir: 'results/runs' };
  const given = { api, instance: 'us-east-1', outboxDir: dir, shownAs, clock };
  const reporter = new MetristReporter({ ...given, wait: () => Promise.resolve(), ...options });
  return { standIn, clock, dir, reporter };
}

const checks = (rows: readonly Readonly<Record<string, unknown>>[]) => rows.map((row) => row['check_logical_name']);

describe('MetristReporter', () => {
  test('sends everything from memory when the disk does not answer', async () => {
    const { standIn, reporter } = await setUp();
    for (const method of ['hold', 'entries'] as const) {
      const spy = vi.spyOn(Outbox.prototype, method).mockReturnValue(new Promise<never>(() => {}));
      onTestFinished(() => spy.mockRestore());
    }
    void reporter.prepare(theirFailureRun);
    expect(await reporter.report(theirFailureRun)).toEqual({
      ok: false,
      text: expect.stringContaining('could not be used (the disk does not answer)') as unknown,
      undelivered: 0,
    });
    expect(standIn.errors).toHaveLength(1);
    expect(standIn.telemetry).toHaveLength(theirFailureRun.steps.filter(({ state }) => state === 'passed').length);
  });

  test('posts one result per passed step, in order and one at a time', async () => {
    const { standIn, reporter } = await setUp();
    expect(await reporter.report(passedRun)).toEqual({
      ok: true,
      text: '8 results to Metrist (us-east-1)',
      undelivered: 0,
    });
    expect(checks(standIn.telemetry)).toEqual(passedRun.steps.map(({ name }) => name));
    expect(standIn.maxConcurrency).toBe(1);
    expect([...standIn.errors, ...standIn.swallowed, ...standIn.problems]).toEqual([]);
  });

  test('posts the failed step once as an error and nothing for the blocked ones', async () => {
    const { standIn, reporter } = await setUp();
    expect((await reporter.report(theirFailureRun)).text).toBe('2 results to Metrist (us-east-1)');
    expect(checks(standIn.telemetry)).toEqual(['CreateUser']);
    expect(standIn.errors).toMatchObject([
      { check_logical_name: 'CreateGroup', blocked_steps: ['AddUserToGroup', 'DeleteUser'] },
    ]);
    expect(standIn.requests).toHaveLength(2);
  });

  test('posts nothing for an interrupted step', async () => {
    const { standIn, reporter } = await setUp();
    expect((await reporter.report(interruptedRun)).text).toBe('1 result to Metrist (us-east-1)');
    expect(standIn.errors).toEqual([]);
  });

  test('says so when a run has nothing to post', async () => {
    const { standIn, reporter } = await setUp();
    const outcome = await reporter.report({ ...interruptedRun, steps: interruptedRun.steps.slice(1) });
    expect(outcome).toEqual({ ok: true, text: 'no result for Metrist (us-east-1)', undelivered: 0 });
    expect(standIn.requests).toEqual([]);
  });

  test('posts nothing of an offline run, and keeps nothing of it', async () => {
    const { standIn, dir, reporter } = await setUp({ required: true });
    expect(await reporter.report({ ...passedRun, mode: 'offline' })).toEqual({
      ok: true,
      text: 'Metrist offline: nothing posted',
    });
    expect([...standIn.requests, ...(await filesIn(dir))]).toEqual([]);
  });

  test('has the error of a run on disk after prepare, and sends it with the report', async () => {
    const { dir, reporter, standIn } = await setUp();
    await reporter.prepare(theirFailureRun);
    expect(await filesIn(dir)).toEqual([expect.stringContaining('.held-')]);
    expect(standIn.requests).toEqual([]);
    expect(await reporter.report(theirFailureRun)).toEqual({
      ok: true,
      text: '2 results to Metrist (us-east-1)',
      undelivered: 0,
    });
    expect(standIn.errors).toHaveLength(1);
    expect(await filesIn(dir)).toEqual([]);
  });

  test('keeps an error for the next run, and says why, where, and what was not delivered', async () => {
    const { dir, reporter, standIn } = await setUp();
    standIn.behave(() => ({ kind: 'answer', status: 500 }));
    const outcome = await reporter.report(theirFailureRun);
    expect(outcome).toMatchObject({ ok: false, undelivered: 2 });
    expect(outcome.text).toMatch(
      /^Metrist: 2 of 2 results not delivered \(kept in results\/runs\), 1 error waits in .*outbox: HTTP 500 from 127/,
    );
    expect(await filesIn(dir)).toHaveLength(1);
    standIn.behave([]);
    expect(await reporter.report(passedRun)).toEqual({
      ok: true,
      text: '9 results to Metrist (us-east-1)',
      undelivered: 0,
    });
    expect(standIn.errors).toHaveLength(1);
    expect(checks(standIn.telemetry)).toEqual(passedRun.steps.map(({ name }) => name));
  });

  test('names the variable of a wrong token, never the token', async () => {
    const { standIn } = await setUp();
    const api = createMetristApi({ baseUrl: standIn.url, token: 'wrong-token', userAgent: 'awsiam/0.1.0' });
    const { dir, reporter } = await setUp({ api });
    const outcome = await reporter.report(passedRun);
    expect(outcome.text).toMatch(/^Metrist: 8 of 8 results not delivered \(.*\): HTTP 403 .* METRIST_API_TOKEN/);
    expect(outcome.text).not.toContain('wrong-token');
    expect(standIn.requests).toHaveLength(1);
    expect(await filesIn(dir)).toEqual([]);
  });

  test('gives up at its deadline', async () => {
    const { standIn, reporter } = await setUp({ deadlineMs: 1000 });
    standIn.behave([undefined, { kind: 'hang' }]);
    const outcome = await reporter.report(passedRun);
    expect(outcome.text).toMatch(/^Metrist: 7 of 8 results not delivered .*: gave up on 127/);
    expect(standIn.requests).toHaveLength(2);
  });

  test.for([
    ['its own results are missing', 403, { ok: false, required: true, undelivered: 8 }],
    ['everything was delivered', undefined, { ok: true, undelivered: 0 }],
  ] as const)('fails a run that requires delivery when %s', async ([, status, outcome]) => {
    const { standIn, reporter } = await setUp({ required: true });
    standIn.behave(() => (status === undefined ? undefined : { kind: 'answer', status }));
    expect(await reporter.report(passedRun)).toEqual({ ...outcome, text: expect.any(String) as unknown });
  });

  test('does not fail a run that requires delivery because of earlier errors', async () => {
    const { standIn, reporter } = await setUp({ required: true });
    standIn.behave(() => ({ kind: 'answer', status: 403 }));
    await reporter.report(theirFailureRun);
    standIn.behave((request) => (request.path === '/api/agent/error' ? { kind: 'answer', status: 403 } : undefined));
    const outcome = await reporter.report(passedRun);
    expect(outcome).toEqual({
      ok: false,
      text: expect.stringMatching(/^Metrist: 8 results delivered, 1 error waits in .*outbox: HTTP 403/) as unknown,
      undelivered: 0,
    });
  });

  test('sends hostile text in a form that Metrist stores', async () => {
    const { standIn, reporter } = await setUp();
    expect(await reporter.report(hostileRun)).toMatchObject({ ok: true });
    expect([...standIn.swallowed, ...standIn.problems]).toEqual([]);
  });

  test('turns an exception of the API into an outcome, required or not', async () => {
    const broken = () => Promise.reject(new Error('a bug\nof ours'));
    const api: MetristApi = { post: broken, hasError: broken };
    for (const required of [true, false]) {
      const { reporter } = await setUp({ api, required });
      expect(await reporter.report(passedRun)).toEqual({
        ok: false,
        text: 'Metrist: results not delivered: a bug',
        undelivered: 8,
        ...(required && { required }),
      });
    }
  });
});

describe('renderDelivery', () => {
  const place = { instance: 'us-east-1', outboxDir: 'results/outbox', historyDir: 'results/runs' };

  test.for([
    [
      { own: 8, delivered: 5, missing: 3, reason: 'HTTP 500' },
      '3 of 8 results not delivered (kept in results/runs): HTTP 500',
    ],
    [
      { own: 1, missing: 1, waiting: 2, unconfirmed: 1, reason: 'HTTP 504' },
      '1 of 1 result not delivered (kept in results/runs), 2 errors wait in results/outbox (1 sent without an answer: Metrist will be asked): HTTP 504',
    ],
    [{ own: 8, delivered: 8, waiting: 1 }, '8 results delivered, 1 error waits in results/outbox'],
    [
      { own: 8, delivered: 7, missing: 1, refused: 1, reason: 'HTTP 413' },
      '1 of 8 results not delivered (kept in results/runs), 1 result not taken by Metrist: HTTP 413',
    ],
    [
      { own: 8, delivered: 8, dropped: 3 },
      '8 results delivered, 3 errors dropped because more than 5,000 were waiting',
    ],
    [
      { own: 8, delivered: 8, foreign: 2 },
      '8 results delivered, 2 files in results/outbox not sent: this user may not read or move them',
    ],
    [{ own: 8, delivered: 8, corrupt: 1 }, '8 results delivered, 1 unreadable file moved to results/outbox/corrupt'],
    [
      { own: 8, delivered: 8, diskProblem: 'ENOSPC: no space left on device' },
      '8 results delivered, results/outbox could not be used (ENOSPC: no space left on device)',
    ],
    [
      { own: 8, missing: 8, lost: 1, diskProblem: 'ENOSPC', reason: 'no answer' },
      '8 of 8 results not delivered (kept in results/runs), 1 error LOST: not delivered, and not in results/outbox either, results/outbox could not be used (ENOSPC): no answer',
    ],
  ] as const)('describes %o', ([numbers, text]) => {
    expect(renderDelivery(deliveryReport(numbers), place)).toEqual({ ok: false, text: `Metrist: ${text}` });
  });
});

testReporter('MetristReporter', async () => {
  const standIn = await startMetristStandIn({ token });
  const api = createMetristApi({ baseUrl: standIn.url, token, userAgent: 'awsiam/0.1.0' });
  const outboxDir = path.join(await temporaryDirectory(), 'outbox');
  let isOpen = true;
  const close = async () => {
    if (isOpen) await standIn.close();
    isOpen = false;
  };
  const wait = () => Promise.resolve();
  const shownAs = { outboxDir, historyDir: 'results/runs' };
  const options = { api, instance: 'us-east-1', outboxDir, shownAs, clock: systemClock, wait };
  const reporter = new MetristReporter(options);
  return { reporter, breakDestination: close, close };
});
