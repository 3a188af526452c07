import { once } from 'node:events';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { Interruption } from '../runner/interruption.ts';
import { listenForProgress } from '../runner/progress.ts';
import { failedStep, monitorRun, passedStep } from '../runner/testing/builders.ts';
import { fakeClock } from '../runner/testing/fake-clock.ts';
import { RunOutput, type RunOutputOptions } from './run-output.ts';
import type { RunReporter } from './run-reporter.ts';

/** Its tests with vitest's events, which share this code, are those of `MonitorReporter`. */

function setUp(options: Partial<RunOutputOptions> = {}) {
  const written = { output: '', errorOutput: '' };
  const output = new RunOutput({
    terminal: { color: false, columns: 100 },
    output: {
      write: (text, done) => {
        written.output += text;
        done?.();
      },
    },
    errorOutput: { write: (text) => (written.errorOutput += text) },
    clock: fakeClock(),
    ...options,
  });
  return { output, written };
}

const reporting =
  (...reporters: readonly RunReporter[]) =>
  () =>
    Promise.resolve(reporters);

describe('the output of a run in brief', () => {
  test('is one line for a run that passed, printed at its end', async () => {
    const { output, written } = setUp({ isBrief: true });
    output.begin();
    output.printStep(passedStep());
    expect(written.output).toBe('');
    await output.finish(monitorRun(), reporting());
    expect(written.output).toMatch(/^\S+ \S+Z ✓ 1 passed in 900 ms\n$/);
  });

  test('shows the steps of a run that failed', async () => {
    const { output, written } = setUp({ isBrief: true });
    output.begin();
    const { isGood } = await output.finish(monitorRun({ state: 'failed', steps: [failedStep()] }), reporting());
    expect(isGood).toBe(false);
    expect(written.output).toMatch(/^\S+ \S+Z ✗ 1 failed .*\n {2}✗ CreateGroup /);
  });
});

test('hands the reports of earlier runs that hang on', async () => {
  const never = new Promise<never>(() => {});
  const { output, written } = setUp({ isBrief: true, hanging: new Set([never]) });
  const report = vi.fn<RunReporter['report']>();
  await output.finish(monitorRun(), reporting({ what: 'history', isOnDisk: true, report }));
  expect(report).not.toHaveBeenCalled();
  expect(written.output).toContain('! history: not reported, because the disk still does not answer');
});

test('after a stop says at once which report is being waited for', async () => {
  const stop = new AbortController();
  const arrivals = new EventTarget();
  const doings: string[] = [];
  const listening = listenForProgress(({ doing }) => {
    doings.push(doing);
    arrivals.dispatchEvent(new Event('arrival'));
  });
  onTestFinished(() => listening[Symbol.dispose]());
  const { output } = setUp();
  const report = async (): ReturnType<RunReporter['report']> => {
    const arrival = once(arrivals, 'arrival');
    stop.abort(new Interruption('SIGTERM'));
    await arrival;
    return { ok: true, text: 'delivered' };
  };
  output.begin();
  await output.finish(monitorRun(), reporting({ what: 'Metrist', report }), stop.signal);
  expect(doings[0]).toBe('reporting the run: Metrist');
});

test('a remark goes to the error output', () => {
  const { output, written } = setUp();
  output.printRemark('by the way\n');
  expect(written).toEqual({ output: '', errorOutput: 'by the way\n' });
});
