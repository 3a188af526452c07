import { once } from 'node:events';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type MetristApi, createMetristApi } from '../metrist/api.ts';
import { type MetristStandIn, startMetristStandIn } from '../metrist/testing/stand-in.ts';
import { MetristReporter } from './metrist.ts';
import { hostileRun, interruptedRun, passedRun, theirFailureRun } from './testing/runs.ts';
import { testReporter } from './testing/test-reporter.ts';

const token = 'k3v0test0token';

const brokenPost = () => Promise.reject(new Error('a bug\nof ours'));

function makeReporter(standIn: MetristStandIn, sentToken = token): MetristReporter {
  const api = createMetristApi({ baseUrl: standIn.url, token: sentToken, userAgent: 'awsiam/0.1.0' });
  return new MetristReporter({ api, instance: 'us-east-1' });
}

async function startStandIn(): Promise<MetristStandIn> {
  const standIn = await startMetristStandIn({ token });
  onTestFinished(() => standIn.close());
  return standIn;
}

function checks(rows: MetristStandIn['telemetry']): unknown[] {
  return rows.map((row) => row['check_logical_name']);
}

describe('MetristReporter', () => {
  test('posts one result per passed step, in order and one at a time', async () => {
    const standIn = await startStandIn();
    const outcome = await makeReporter(standIn).report(passedRun);
    expect(outcome).toEqual({ ok: true, text: '8 results to Metrist (us-east-1)' });
    expect(checks(standIn.telemetry)).toEqual(passedRun.steps.map(({ name }) => name));
    expect(standIn.maxConcurrency).toBe(1);
    expect([...standIn.errors, ...standIn.swallowed, ...standIn.problems]).toEqual([]);
  });

  test('posts the failed step once as an error and nothing for the blocked ones', async () => {
    const standIn = await startStandIn();
    const outcome = await makeReporter(standIn).report(theirFailureRun);
    expect(outcome.text).toBe('2 results to Metrist (us-east-1)');
    expect(checks(standIn.telemetry)).toEqual(['CreateUser']);
    expect(standIn.errors).toMatchObject([
      { check_logical_name: 'CreateGroup', blocked_steps: ['AddUserToGroup', 'DeleteUser'] },
    ]);
    expect(standIn.requests).toHaveLength(2);
  });

  test('posts nothing for an interrupted step', async () => {
    const standIn = await startStandIn();
    expect((await makeReporter(standIn).report(interruptedRun)).text).toBe('1 result to Metrist (us-east-1)');
    expect(standIn.errors).toEqual([]);
  });

  test('says so when a run has nothing to post', async () => {
    const standIn = await startStandIn();
    const outcome = await makeReporter(standIn).report({ ...interruptedRun, steps: interruptedRun.steps.slice(1) });
    expect(outcome).toEqual({ ok: true, text: 'no result for Metrist (us-east-1)' });
    expect(standIn.requests).toEqual([]);
  });

  test('refuses to post an offline run', async () => {
    const standIn = await startStandIn();
    const outcome = await makeReporter(standIn).report({ ...passedRun, mode: 'offline' });
    expect(outcome).toEqual({ ok: true, text: 'Metrist offline: nothing posted' });
    expect(standIn.requests).toEqual([]);
  });

  test('goes on after a refused result and counts what is missing', async () => {
    const standIn = await startStandIn();
    standIn.behave([{ kind: 'answer', status: 500 }, undefined, { kind: 'answer', status: 429 }]);
    const outcome = await makeReporter(standIn).report(passedRun);
    expect(outcome.ok).toBe(false);
    expect(outcome.text).toMatch(
      /^Metrist: 2 of 8 results not delivered: HTTP 500 from 127\.0\.0\.1:\d+: Metrist failed/,
    );
    expect(standIn.telemetry).toHaveLength(6);
  });

  test('gives up at the first 403, which the others would get as well', async () => {
    const standIn = await startStandIn();
    const outcome = await makeReporter(standIn, 'wrong-token').report(passedRun);
    expect(outcome.text).toMatch(/^Metrist: 8 of 8 results not delivered: HTTP 403 .* METRIST_API_TOKEN/);
    expect(outcome.text).not.toContain('wrong-token');
    expect(standIn.requests).toHaveLength(1);
  });

  test('gives up at its deadline and posts nothing after it', async () => {
    const tried: string[] = [];
    const postTelemetry: MetristApi['postTelemetry'] = async ({ check_logical_name: check }, { signal } = {}) => {
      tried.push(check);
      if (check === 'CreateUser') return { state: 'accepted' };
      if (signal?.aborted === false) await once(signal, 'abort');
      return { state: 'unreachable', reason: 'gave up' };
    };
    const api = { postTelemetry, postError: brokenPost };
    const outcome = await new MetristReporter({ api, instance: 'us-east-1', deadlineMs: 10 }).report(passedRun);
    expect(outcome).toEqual({
      ok: false,
      text: 'Metrist: 7 of 8 results not delivered: not done within 10 ms: gave up',
    });
    expect(tried).toEqual(['CreateUser', 'CreateGroup']);
  });

  test('never repeats an error whose answer was lost: Metrist would count two', async () => {
    const standIn = await startStandIn();
    standIn.behave([undefined, { kind: 'reset', when: 'after' }]);
    expect((await makeReporter(standIn).report(theirFailureRun)).ok).toBe(false);
    expect(standIn.errors).toHaveLength(1);
  });

  test('sends hostile text in a form that Metrist stores', async () => {
    const standIn = await startStandIn();
    expect(await makeReporter(standIn).report(hostileRun)).toMatchObject({ ok: true });
    expect([...standIn.swallowed, ...standIn.problems]).toEqual([]);
  });

  test('turns an exception of the API into an outcome', async () => {
    const api = { postTelemetry: brokenPost, postError: brokenPost };
    const reporter = new MetristReporter({ api, instance: 'us-east-1' });
    expect(await reporter.report(passedRun)).toEqual({ ok: false, text: 'Metrist: results not delivered: a bug' });
  });
});

testReporter('MetristReporter', async () => {
  const standIn = await startMetristStandIn({ token });
  let isOpen = true;
  const close = async () => {
    if (isOpen) await standIn.close();
    isOpen = false;
  };
  return { reporter: makeReporter(standIn), breakDestination: close, close };
});
