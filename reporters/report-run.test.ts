import { describe, expect, test, vi } from 'vitest';
import { reportRun } from './report-run.ts';
import type { RunReporter } from './run-reporter.ts';
import { passedRun } from './testing/runs.ts';

const never = (): Promise<never> => new Promise(() => {});
const working = (what: string): RunReporter => ({
  what,
  report: () => Promise.resolve({ ok: true, text: `${what} written` }),
});

describe('reportRun', () => {
  test('gives each reporter the run and the outcomes of those before it', async () => {
    const report = vi.fn<RunReporter['report']>(() => Promise.resolve({ ok: true, text: 'third written' }));
    const failing: RunReporter = { what: 'second', report: () => Promise.reject(new Error('no room')) };
    const { outcomes } = await reportRun(
      () => Promise.resolve([working('first'), failing, { what: 'third', report }]),
      passedRun,
    );
    expect(report).toHaveBeenCalledExactlyOnceWith(passedRun, outcomes.slice(0, 2));
    expect(outcomes.map(({ text }) => text)).toEqual(['first written', 'second: Error: no room', 'third written']);
  });

  test('when no time is left, gives up the running report and starts no other', async () => {
    const stop = new AbortController();
    const third = vi.fn<RunReporter['report']>(never);
    const hanging: RunReporter = {
      what: 'second',
      report: () => {
        stop.abort();
        return never();
      },
    };
    const reporters = [working('first'), hanging, { what: 'third', report: third }];
    const reported = await reportRun(() => Promise.resolve(reporters), passedRun, { signal: stop.signal });
    expect(reported).toMatchObject({
      outcomes: [
        { ok: true, text: 'first written' },
        { ok: false, text: 'second: gave up, because the run had to end' },
        { ok: false, text: 'third: not reported, because the run had to end' },
      ],
      isHanging: true,
    });
    expect(third).not.toHaveBeenCalled();
  });

  test('gives up a report after its own time limit, and goes on with the next', async () => {
    const hanging: RunReporter = { what: 'first', timeoutMs: 20, report: never };
    const { outcomes, isHanging } = await reportRun(() => Promise.resolve([hanging, working('second')]), passedRun);
    expect(outcomes.map(({ text }) => text)).toEqual([
      'first: gave up after 0.02 s, because the disk or the network does not answer',
      'second written',
    ]);
    expect(isHanging).toBe(true);
  });

  test('says so if the reporters themselves could not be made', async () => {
    expect(await reportRun(() => Promise.reject(new Error('no such file')), passedRun)).toEqual({
      outcomes: [{ ok: false, text: 'the reports could not be written: Error: no such file' }],
      isHanging: false,
    });
  });

  test('as long as the disk of an earlier run hangs, asks it for nothing, and sends what needs no disk', async () => {
    const hanging = new Set<Promise<unknown>>();
    const { promise: answer, resolve } = Promise.withResolvers<{ ok: true; text: string }>();
    const report = vi.fn<RunReporter['report']>(() => answer);
    const onDisk: RunReporter = { what: 'history', timeoutMs: 20, isOnDisk: true, report };
    const texts = async (): Promise<string[]> => {
      const { outcomes } = await reportRun(() => Promise.resolve([onDisk, working('Metrist')]), passedRun, { hanging });
      return outcomes.map(({ text }) => text);
    };
    expect(await texts()).toEqual([expect.stringContaining('gave up after 0.02 s'), 'Metrist written']);
    expect(await texts()).toEqual(['history: not reported, because the disk still does not answer', 'Metrist written']);
    expect(report).toHaveBeenCalledOnce();
    resolve({ ok: true, text: 'history written' });
    await answer;
    expect(await texts()).toEqual(['history written', 'Metrist written']);
  });
});
