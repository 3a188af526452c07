import { once } from 'node:events';
import { setImmediate as turn, setTimeout as delay } from 'node:timers/promises';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { MonitorRun } from '../runner/monitor-run.ts';
import { hideSecrets } from '../text/redact.ts';
import type { RunReporter } from './run-reporter.ts';
import type { StepResult } from '../runner/step-result.ts';
import { failedStep, passedStep, stepError } from '../runner/testing/builders.ts';
import { fakeClock } from '../runner/testing/fake-clock.ts';
import { MonitorReporter, type MonitorReporterOptions } from './monitor-reporter.ts';
import { fakeModule, fakeSuite, fakeTest } from './testing/fake-vitest.ts';

const secret = 'hunter2hunter2';
hideSecrets([{ value: secret, shownAs: '[redacted]' }]);

function setUp({
  reporters = [],
  onError = () => {},
  outputError,
}: {
  readonly reporters?: readonly RunReporter[];
  readonly onError?: () => void;
  /** Why nothing can be written to stdout. */
  readonly outputError?: Error;
} = {}) {
  const written = { output: '', errorOutput: '' };
  const clock = fakeClock();
  const setExitCode = vi.fn<(code: number) => void>();
  const onHang = vi.fn<() => void>();
  const createReporters = vi.fn<MonitorReporterOptions['createReporters']>(() => Promise.resolve(reporters));
  const reporter = new MonitorReporter({
    monitor: 'awsiam',
    stepNames: ['CreateUser', 'CreateGroup'],
    version: '0.1.0',
    mode: 'offline',
    createReporters,
    root: '/project',
    terminal: { color: false, columns: 100 },
    output: {
      write: (text, done) => {
        if (outputError === undefined) written.output += text;
        done?.(outputError);
      },
    },
    errorOutput: {
      write: (text) => {
        written.errorOutput += text;
        onError();
      },
    },
    clock,
    setExitCode,
    onHang,
  });
  return { reporter, written, clock, setExitCode, onHang, createReporters };
}

const testOf = (step: StepResult) =>
  fakeTest(step.name, { step, state: step.state === 'failed' ? 'failed' : 'passed' });

const passedSteps = [passedStep(), passedStep({ name: 'CreateGroup' })];
const moduleOf = (steps: readonly StepResult[]) => fakeModule([fakeSuite(steps.map(testOf))]);

/** The lines that begin with a step. */
const stepLines = (text: string): string[] => text.split('\n').filter((line) => /^ {2}[✓✗!-] Create/.test(line));

describe('MonitorReporter', () => {
  test('prints a line for each step as soon as it has a result, and only once', async () => {
    const { reporter, written } = setUp();
    reporter.onTestRunStart();
    reporter.onTestCaseResult(testOf(passedStep()));
    expect(stepLines(written.output)).toHaveLength(1);
    reporter.onTestCaseResult(testOf(passedStep({ name: 'CreateGroup' })));
    expect(stepLines(written.output)).toHaveLength(2);
    await reporter.onTestRunEnd([moduleOf(passedSteps)], [], 'passed');
    expect(stepLines(written.output)).toHaveLength(2);
  });

  test('prints the steps that vitest did not report at the end, in the monitor’s order', async () => {
    const { reporter, written } = setUp();
    await reporter.onTestRunEnd([fakeModule([], [{ message: 'it did not load' }])], [], 'failed');
    expect(stepLines(written.output)).toEqual([
      expect.stringContaining('✗ CreateUser'),
      expect.stringContaining('- CreateGroup'),
    ]);
    expect(written.output).toContain('it did not load');
  });

  test.for([
    ['a report that failed', false, /! not written[^]*2 passed/],
    ['nothing if all of it is in files', true, /^$/],
  ] as const)('if stdout cannot be written, stderr shows %s', async ([, ok, shown]) => {
    const reporters = [{ what: 'log', report: () => Promise.resolve({ ok, text: 'not written' }) }];
    const { reporter, written } = setUp({ reporters, outputError: new Error('ENOSPC') });
    reporter.onTestRunStart();
    await reporter.onTestRunEnd([moduleOf(passedSteps)], [], 'passed');
    expect(written.errorOutput).toMatch(shown);
  });

  test('prints the steps of every run, not only of the first', async () => {
    const { reporter, written } = setUp();
    reporter.onTestRunStart();
    for (const step of passedSteps) reporter.onTestCaseResult(testOf(step));
    await reporter.onTestRunEnd([moduleOf(passedSteps)], [], 'passed');
    reporter.onTestRunStart();
    await reporter.onTestRunEnd([fakeModule([], [{ message: 'it did not load' }])], [], 'failed');
    expect(stepLines(written.output)).toHaveLength(4);
  });

  test('ignores tests of other suites and tests without a result', () => {
    const { reporter, written } = setUp();
    reporter.onTestCaseResult(fakeTest('CreateUser', { step: passedStep(), suite: 'somebody else' }));
    reporter.onTestCaseResult(fakeTest('CreateUser', { state: 'skipped' }));
    expect(written.output).toBe('');
  });

  test('hides secrets in its lines, in the run that it hands on, and in the outcomes', async () => {
    const runs: MonitorRun[] = [];
    const reporters: RunReporter[] = [
      {
        what: 'log',
        report(run) {
          runs.push(run);
          return Promise.resolve({ ok: false, text: `not delivered with ${secret}` });
        },
      },
    ];
    const { reporter, written } = setUp({ reporters });
    reporter.onTestRunStart();
    const step = failedStep({ name: 'CreateUser', error: stepError({ message: `refused ${secret}` }) });
    reporter.onTestCaseResult(testOf(step));
    await reporter.onTestRunEnd([moduleOf([step])], [{ message: `unhandled ${secret}`, stack: secret }], 'failed');
    expect(written.output).not.toContain(secret);
    expect(written.output).toContain('refused [redacted]');
    expect(written.output).toContain('not delivered with [redacted]');
    expect(JSON.stringify(runs)).not.toContain(secret);
    expect(runs[0]?.problems[0]?.message).toBe('unhandled [redacted]');
  });

  test('hands the whole run to its reporters, one after the other', async () => {
    const events: string[] = [];
    const slow = (name: string): RunReporter => ({
      what: name,
      async report(run) {
        events.push(`${name} begins with ${run.steps.length} steps`);
        await Promise.resolve();
        events.push(`${name} ends`);
        return { ok: true, text: `${name} wrote` };
      },
    });
    const { reporter, written } = setUp({ reporters: [slow('disk'), slow('Metrist')] });
    reporter.onTestRunStart();
    await reporter.onTestRunEnd([moduleOf(passedSteps)], [], 'passed');
    expect(events).toEqual(['disk begins with 2 steps', 'disk ends', 'Metrist begins with 2 steps', 'Metrist ends']);
    expect(written.output).toContain('disk wrote · Metrist wrote');
  });

  test('lets every reporter prepare the run before the first one reports it', async () => {
    const events: string[] = [];
    const named = (name: string): RunReporter => ({
      what: name,
      async prepare({ steps }) {
        events.push(`${name} prepares ${steps.length} steps`);
        await Promise.resolve();
      },
      report() {
        events.push(`${name} reports`);
        return Promise.resolve({ ok: true, text: `${name} wrote` });
      },
    });
    const { reporter } = setUp({ reporters: [named('disk'), named('Metrist')] });
    reporter.onTestRunStart();
    await reporter.onTestRunEnd([moduleOf(passedSteps)], [], 'passed');
    expect(events).toEqual(['disk prepares 2 steps', 'Metrist prepares 2 steps', 'disk reports', 'Metrist reports']);
  });

  test('makes new reporters for every run', async () => {
    const { reporter, createReporters } = setUp();
    for (let run = 1; run <= 2; run++) {
      reporter.onTestRunStart();
      expect(createReporters).toHaveBeenCalledTimes(run - 1);
      reporter.onTestModuleCollected();
      await reporter.onTestRunEnd([moduleOf(passedSteps)], [], 'passed');
      expect(createReporters).toHaveBeenCalledTimes(run);
    }
  });

  test('measures a run without a step from its own start to its end', async () => {
    const report = vi.fn<RunReporter['report']>(() => Promise.resolve({ ok: true, text: 'wrote' }));
    const { reporter, clock } = setUp({ reporters: [{ what: 'log', report }] });
    clock.advance(1000);
    reporter.onTestRunStart();
    const startedAt = clock.now().toISOString();
    clock.advance(2500);
    await reporter.onTestRunEnd([], [], 'interrupted');
    expect(report).toHaveBeenCalledWith(expect.objectContaining({ startedAt, durationMs: 2500 }), []);
  });

  test('shows the paths of stacks relative to the project', async () => {
    const report = vi.fn<RunReporter['report']>(() => Promise.resolve({ ok: true, text: 'wrote' }));
    const { reporter } = setUp({ reporters: [{ what: 'log', report }] });
    reporter.onTestRunStart();
    const stack = 'Error: x\n    at file:///project/a.ts:1:2\n    at /project/b.ts:3:4';
    const step = failedStep({ name: 'CreateUser', error: stepError({ stack }) });
    await reporter.onTestRunEnd([moduleOf([step])], [{ message: 'x', stack }], 'failed');
    const [run] = report.mock.calls[0] ?? [];
    const relative = 'Error: x\n    at a.ts:1:2\n    at b.ts:3:4';
    expect(run?.problems[0]?.stack).toBe(relative);
    expect(run?.steps[0]).toMatchObject({ error: { stack: relative } });
  });

  test.for([
    ['a step that failed', [moduleOf([failedStep({ name: 'CreateUser' })])], 'failed'],
    ['an interruption', [moduleOf([passedStep()])], 'interrupted'],
    ['no step at all', [], 'passed'],
    ['a module that did not load', [fakeModule([], [{ message: 'broken' }])], 'failed'],
  ] as const)('sets the exit code after %s', async ([, modules, reason]) => {
    const { reporter, setExitCode } = setUp();
    await reporter.onTestRunEnd(modules, [], reason);
    expect(setExitCode).toHaveBeenCalledExactlyOnceWith(1);
  });

  test.for([
    ['is delivered', { ok: true, required: true, text: 'arrived' }, 0],
    ['is not delivered', { ok: false, text: 'not arrived' }, 0],
    ['is required and not delivered', { ok: false, required: true, text: 'not arrived' }, 1],
  ] as const)('if all steps passed, sets the exit code by whether a report %s', async ([, outcome, code]) => {
    const { reporter, setExitCode } = setUp({ reporters: [{ what: 'log', report: () => Promise.resolve(outcome) }] });
    reporter.onTestRunStart();
    await reporter.onTestRunEnd([moduleOf(passedSteps)], [], 'passed');
    expect(setExitCode.mock.calls).toEqual(code === 0 ? [] : [[code]]);
  });

  test('leaves the exit code alone when every step passed', async () => {
    const { reporter, setExitCode } = setUp();
    await reporter.onTestRunEnd([moduleOf(passedSteps)], [], 'passed');
    expect(setExitCode).not.toHaveBeenCalled();
  });

  test('writes what the run’s own code prints to the error output, without secrets', () => {
    const { reporter, written } = setUp();
    reporter.onUserConsoleLog({ type: 'stdout', content: `retrying with ${secret}\n`, time: 0, size: 1 });
    expect(written).toEqual({ output: '', errorOutput: 'retrying with [redacted]\n' });
  });

  test('beside another reporter only removes secrets from what the run’s own code prints', () => {
    const { reporter, written } = setUp();
    reporter.shareTerminal();
    const log = { type: 'stdout', content: `retrying with ${secret}\n`, time: 0, size: 1 } as const;
    const shared = { ...log };
    reporter.onUserConsoleLog(shared);
    expect(shared).toEqual({ ...log, content: 'retrying with [redacted]\n' });
    expect(written).toEqual({ output: '', errorOutput: '' });
  });

  test('shows a report that takes longer than two seconds, but not a quick one', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    onTestFinished(() => void vi.useRealTimers());
    const events = new EventTarget();
    const slow: RunReporter = {
      what: 'Metrist',
      async report() {
        const shown = once(events, 'shown');
        await turn();
        clock.advance(4000);
        vi.advanceTimersByTime(1000);
        await shown;
        return { ok: true, text: 'delivered' };
      },
    };
    const quick: RunReporter = { what: 'log', report: () => Promise.resolve({ ok: true, text: 'written' }) };
    const { reporter, written, clock } = setUp({
      reporters: [quick, slow],
      onError: () => events.dispatchEvent(new Event('shown')),
    });
    reporter.onTestRunStart();
    await reporter.onTestRunEnd([moduleOf(passedSteps)], [], 'passed');
    expect(written.errorOutput).toBe('  … reporting the run: Metrist (4 s, at most 6 s more)\n');
  });

  test('beside another reporter it leaves stdout to that one, and sums the run up on stderr', async () => {
    const { reporter, written } = setUp();
    reporter.shareTerminal();
    reporter.onTestRunStart();
    reporter.onTestCaseResult(testOf(passedStep()));
    await reporter.onTestRunEnd([moduleOf(passedSteps)], [], 'passed');
    expect(written.output).toBe('');
    expect(written.errorOutput).toContain('awsiam offline · 2 passed');
  });

  test.for([
    ['a report that never ends', () => new Promise<never>(() => {}), 'gave up after 0.02 s'],
    ['a report that breaks its promise and throws', () => Promise.reject(new Error('no room')), 'Error: no room'],
  ] as const)('%s costs that report and no other', async ([, report, words]) => {
    const { reporter, written, setExitCode, onHang } = setUp({
      reporters: [
        { what: 'JUnit results/junit.xml', timeoutMs: 20, report },
        { what: 'log', report: () => Promise.resolve({ ok: true, text: 'log written' }) },
      ],
    });
    reporter.onTestRunStart();
    await reporter.onTestRunEnd([moduleOf(passedSteps)], [], 'passed');
    expect(written.output).toContain(`! JUnit results/junit.xml: ${words}`);
    expect(written.output).toContain('log written');
    expect(setExitCode).not.toHaveBeenCalled();
    expect(onHang).toHaveBeenCalledTimes(words.startsWith('gave up') ? 1 : 0);
  });

  test('a report whose preparation failed is still made, because it can say so itself', async () => {
    const { reporter, written, onHang } = setUp({
      reporters: [
        {
          what: 'Metrist',
          prepare: () => Promise.reject(new Error('no room')),
          report: () => Promise.resolve({ ok: false, text: 'Metrist: sent from memory' }),
        },
        { what: 'log', report: () => Promise.resolve({ ok: true, text: 'log written' }) },
      ],
    });
    reporter.onTestRunStart();
    await reporter.onTestRunEnd([moduleOf(passedSteps)], [], 'passed');
    expect(written.output).toContain('! Metrist: sent from memory');
    expect(written.output).toContain('log written');
    expect(onHang).not.toHaveBeenCalled();
  });

  test('a required report that never ends fails the run', async () => {
    const report = (): Promise<never> => new Promise(() => {});
    const { reporter, setExitCode } = setUp({
      reporters: [{ what: 'Metrist', timeoutMs: 20, required: true, report }],
    });
    reporter.onTestRunStart();
    await reporter.onTestRunEnd([moduleOf(passedSteps)], [], 'passed');
    expect(setExitCode).toHaveBeenCalledExactlyOnceWith(1);
  });

  test('a pause of the process does not use up the time of a report', async () => {
    const paused: RunReporter = {
      what: 'Metrist',
      timeoutMs: 1000,
      async report() {
        await turn();
        // Blocks the thread, as SIGSTOP would.
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1500);
        await delay(10);
        return { ok: true, text: 'Metrist 8 delivered' };
      },
    };
    const { reporter, written, onHang } = setUp({ reporters: [paused] });
    reporter.onTestRunStart();
    await reporter.onTestRunEnd([moduleOf(passedSteps)], [], 'passed');
    expect(written.output).toContain('Metrist 8 delivered');
    expect(onHang).not.toHaveBeenCalled();
  });

  test('a run that cannot start is a failure of its first step in every report', async () => {
    const report = vi.fn<RunReporter['report']>(() => Promise.resolve({ ok: true, text: 'wrote' }));
    const { reporter, written, setExitCode } = setUp({ reporters: [{ what: 'log', report }] });
    await reporter.failToStart({ name: 'ConfigError', code: 'ConfigError', message: 'unknown mode "ofline"' });
    expect(report.mock.calls[0]?.[0].steps[0]).toMatchObject({ state: 'failed', error: { verdict: 'configuration' } });
    expect(written.output).toContain('unknown mode "ofline"');
    expect(setExitCode).toHaveBeenCalledExactlyOnceWith(1);
  });
});
