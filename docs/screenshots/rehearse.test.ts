import { expect, test } from 'vitest';
import type { RunRecord } from '../../history/run-record.ts';
import { rehearse } from './rehearse.ts';

/** Two hours, seven hours before the end: half of it before the outage. */
async function rehearseTwoHours(): Promise<RunRecord[]> {
  const runs: RunRecord[] = [];
  const endMs = Date.UTC(2026, 10, 22, 18);
  for await (const run of rehearse({ endMs, days: 8 / 24, intervalSecs: 300 })) {
    if (runs.push(run) === 24) break;
  }
  return runs;
}

test('rehearses the same runs each time, by the real steps, in believable times', async () => {
  const [startedAt, realNowMs] = [new Date().toISOString(), performance.now()];
  const runs = await rehearseTwoHours();
  expect(await rehearseTwoHours()).toEqual(runs);

  expect(runs.map(({ state }) => state)).toEqual([...Array(12).fill('passed'), ...Array(12).fill('failed')]);
  expect(runs[0]).toMatchObject({
    mode: 'live',
    account: '123456789012',
    startedAt: expect.stringMatching(/^2026-11-22T10:00:0/) as unknown,
  });
  const times = runs.flatMap(({ steps }) =>
    steps.flatMap((step) => (step.state === 'passed' ? [step.durationMs] : [])),
  );
  expect(Math.min(...times)).toBeGreaterThan(15);
  const failed = runs.at(-1)?.steps.find((step) => step.state === 'failed');
  expect(failed).toMatchObject({
    name: 'CreateGroup',
    evidence: { attempts: 3, httpStatus: 500 },
    error: { verdict: 'service', advice: expect.stringContaining('Health Dashboard') as unknown },
  });

  // The time of this process is the real one again.
  expect(new Date().toISOString() >= startedAt).toBe(true);
  expect(performance.now()).toBeGreaterThan(realNowMs);
  await new Promise((resolve) => setTimeout(resolve, 1));
});
