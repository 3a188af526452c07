import { describe, expect, test, vi } from 'vitest';
import type { Monitor } from '../../../runner/monitor.ts';
import type { MonitorRun } from '../../../runner/monitor-run.ts';
import { hideSecrets } from '../../../text/redact.ts';
import { testStep, type TestConfig, type TestSession } from '../../../runner/testing/test-monitor.ts';
import type { ConversationSettings, Reporting } from './conversation.ts';
import { TestOrchestrator } from './testing/orchestrator.ts';

type Report = Reporting['report'];

const never = (): Promise<never> => new Promise(() => {});
const failing = (name: string) => testStep({ name, run: () => Promise.reject(new Error('no power')) });
const stepsWith = (...replaced: readonly ReturnType<typeof testStep>[]): Monitor<TestConfig, TestSession>['steps'] =>
  ['Fill', 'Boil', 'Pour'].map((name) => replaced.find((step) => step.name === name) ?? testStep({ name }));

function setUp(
  monitor: Partial<Monitor<TestConfig, TestSession>> = {},
  {
    answer = () => Promise.resolve([]),
    problems = [],
    ...limits
  }: Pick<ConversationSettings, 'gracePeriodMs' | 'reportTimeoutMs'> & {
    readonly answer?: Report;
    readonly problems?: readonly string[];
  } = {},
) {
  const report = vi.fn<Report>(answer);
  const loadReporting = () => Promise.resolve({ version: '1.2.3', instance: 'kitchen', problems, report });
  const orchestrator = new TestOrchestrator(monitor, { loadReporting, ...limits });
  /** The only run that was reported. */
  const reported = (): MonitorRun => {
    expect(report).toHaveBeenCalledOnce();
    return report.mock.calls[0]?.[0] as MonitorRun;
  };
  const end = async (): Promise<MonitorRun> => {
    orchestrator.send('Exit 1');
    await orchestrator.served;
    return reported();
  };
  return { orchestrator, report, reported, end };
}

/** The states of the steps, and why those that did not pass did not. */
const outlineOf = ({ steps }: MonitorRun): string[] =>
  steps.map((step) => {
    if (step.state === 'failed') return `failed ${step.error.verdict} ${step.error.code}`;
    return 'reason' in step ? `${step.state} ${step.reason}` : step.state;
  });

describe('a run under the Orchestrator is reported', () => {
  test('complete and once, after teardown and sweep', async () => {
    const order: string[] = [];
    const { orchestrator, end } = setUp(
      {
        facts: () => ({ namespace: 'kitchen', region: 'home' }),
        findSettingWarnings: () => ['CUPS has no effect'],
        teardown: async () => {
          order.push('teardown');
          return await Promise.resolve({ leftovers: [{ entity: 'cup 1', reason: 'hot' }], warnings: ['warm'] });
        },
        sweep: async () => {
          order.push('sweep');
          return await Promise.resolve({ removed: 2, remaining: 1, warnings: ['dusty'] });
        },
        closeSession: () => void order.push('closed'),
      },
      { answer: () => Promise.resolve((order.push('reported'), [])) },
    );
    await orchestrator.configure();
    for (const name of ['Fill', 'Boil', 'Pour']) await orchestrator.runStep(name);
    const run = await end();
    expect(order).toEqual(['teardown', 'sweep', 'closed', 'reported']);
    expect(run).toEqual({
      monitor: 'kettle',
      version: '1.2.3',
      instance: 'kitchen',
      mode: 'live',
      namespace: 'kitchen',
      region: 'home',
      startedAt: run.steps[0] && 'startedAt' in run.steps[0] ? run.steps[0].startedAt : '',
      durationMs: expect.any(Number) as number,
      state: 'passed',
      steps: ['Fill', 'Boil', 'Pour'].map((name) => expect.objectContaining({ name, state: 'passed' }) as unknown),
      problems: [],
      leftovers: [{ entity: 'cup 1', reason: 'hot' }],
      swept: 2,
      sweptRemaining: 1,
      warnings: ['CUPS has no effect', 'warm', 'dusty'],
    });
  });

  test('with what blocked the steps after a failed one', async () => {
    const { orchestrator, end } = setUp({ steps: stepsWith(failing('Boil')) });
    await orchestrator.configure();
    for (const name of ['Fill', 'Boil']) await orchestrator.runStep(name);
    const run = await end();
    expect(run.state).toBe('failed');
    expect(outlineOf(run)).toEqual(['passed', 'failed service Broken', 'blocked Boil failed']);
  });

  test.for([
    [
      'SIGTERM',
      (o: TestOrchestrator) => o.raise('SIGTERM'),
      'interrupted',
      ['interrupted the run was interrupted by SIGTERM', 'blocked Boil was interrupted'],
    ],
    [
      'the end of stdin',
      (o: TestOrchestrator) => o.input.end(),
      'interrupted',
      ['interrupted the run was interrupted by the end of its input', 'blocked Boil was interrupted'],
    ],
    [
      'Exit',
      (o: TestOrchestrator) => o.send('Exit 0'),
      'passed',
      ['blocked not selected for this run', 'blocked not selected for this run'],
    ],
  ] as const)('if %s comes between two steps, as vitest would record it', async ([, leave, state, rest]) => {
    const { orchestrator, reported } = setUp();
    await orchestrator.configure();
    await orchestrator.runStep('Fill');
    leave(orchestrator);
    await orchestrator.served;
    expect(reported().state).toBe(state);
    expect(outlineOf(reported())).toEqual(['passed', ...rest]);
  });

  test('with the error of a step that was refused, because a run that did not look did not pass', async () => {
    const { orchestrator, end } = setUp();
    await orchestrator.configure();
    await orchestrator.runStep('Boil');
    const run = await end();
    expect(run.state).toBe('failed');
    expect(outlineOf(run)).toEqual([
      'blocked not selected for this run',
      'failed configuration StepNotRun',
      'blocked Boil failed',
    ]);
  });

  test('with the error of an unknown step at the first step that had not passed', async () => {
    const { orchestrator, end } = setUp();
    await orchestrator.configure();
    await orchestrator.runStep('Fill');
    await orchestrator.runStep('Dance');
    expect(outlineOf(await end())).toEqual(['passed', 'failed configuration UnknownStep', 'blocked Boil failed']);
  });

  test('with a problem if a step is refused after all have passed', async () => {
    const { orchestrator, end } = setUp();
    await orchestrator.configure();
    for (const name of ['Fill', 'Boil', 'Pour', 'Fill']) await orchestrator.runStep(name);
    const run = await end();
    expect(run).toMatchObject({ state: 'failed', problems: [{ kind: 'configuration' }] });
    expect(outlineOf(run)).toEqual(['passed', 'passed', 'passed']);
  });

  test('with an uncaught error as the failure of the step that it cut off', async () => {
    const started = Promise.withResolvers<void>();
    const boil = testStep({ name: 'Boil', run: () => (started.resolve(), never()) });
    const { orchestrator, end } = setUp({ steps: stepsWith(boil) });
    await orchestrator.configure();
    await orchestrator.runStep('Fill');
    orchestrator.send('Run Step Boil');
    await started.promise;
    orchestrator.crash(new RangeError('fuse'));
    await orchestrator.next();
    const run = await end();
    expect(outlineOf(run)).toEqual(['passed', 'failed monitor RangeError', 'blocked Boil failed']);
    expect(run.problems).toEqual([]);
  });

  test('with an uncaught error after the last step as a problem', async () => {
    const { orchestrator, end } = setUp();
    await orchestrator.configure();
    for (const name of ['Fill', 'Boil', 'Pour']) await orchestrator.runStep(name);
    orchestrator.crash(new RangeError('fuse'));
    expect(await end()).toMatchObject({ state: 'failed', problems: [{ kind: 'unhandled' }] });
  });

  test('even if it was asked for a step before its Config', async () => {
    const { orchestrator, end } = setUp();
    await orchestrator.next();
    await orchestrator.runStep('Fill');
    expect(outlineOf(await end())).toEqual([
      'failed configuration NoConfig',
      'blocked Fill failed',
      'blocked Fill failed',
    ]);
  });

  test('without secrets', async () => {
    const { orchestrator, end } = setUp({
      steps: stepsWith(testStep({ name: 'Fill', run: () => Promise.reject(new Error('hunter2-hunter2 is wrong')) })),
      teardown: () => Promise.resolve({ leftovers: [], warnings: ['hunter2-hunter2'] }),
    });
    await orchestrator.configure('{"Secret":"hunter2-hunter2"}');
    await orchestrator.runStep('Fill');
    const text = JSON.stringify(await end());
    expect(text).toContain('[redacted] is wrong');
    expect(text).not.toContain('hunter2');
  });
});

describe('the report', () => {
  test('is not made if no step was asked for', async () => {
    const { orchestrator, report } = setUp();
    await orchestrator.configure();
    orchestrator.send('Exit 0');
    await orchestrator.served;
    expect(report).not.toHaveBeenCalled();
  });

  test('logs what was not reported, and what is wrong with its settings', async () => {
    const { orchestrator, end } = setUp(
      {},
      { answer: () => Promise.resolve(['history not written']), problems: ['DAYS is "0"; the default is used'] },
    );
    await orchestrator.configure();
    await orchestrator.runStep('Fill');
    // The log alone has what became of the reports.
    expect((await end()).warnings).toEqual(['DAYS is "0"; the default is used']);
    expect(orchestrator.logs.slice(1)).toEqual([
      'Warning: DAYS is "0"; the default is used',
      'Warning: history not written',
    ]);
  });

  test('holds no secret', async () => {
    hideSecrets([{ value: 'open-sesame-4711', shownAs: 'SESAME' }]);
    const { orchestrator, end } = setUp({}, { problems: ['DAYS is open-sesame-4711; the default is used'] });
    await orchestrator.configure();
    await orchestrator.runStep('Fill');
    expect(JSON.stringify(await end())).not.toContain('sesame');
  });

  test('that hangs after the last step is given up, too', async () => {
    const { orchestrator, report, end } = setUp({}, { answer: never, reportTimeoutMs: 1 });
    await orchestrator.configure();
    await orchestrator.runStep('Fill');
    await end();
    expect(report.mock.calls[0]?.[1].aborted).toBe(true);
    expect(orchestrator.logs.slice(1)).toEqual(['Warning: the run could not be reported: it took too long']);
  });

  test('that breaks its promise and throws costs one line', async () => {
    const { orchestrator, end } = setUp({}, { answer: () => Promise.reject(new Error('a bug')) });
    await orchestrator.configure();
    await orchestrator.runStep('Fill');
    await end();
    expect(orchestrator.logs.slice(1)).toEqual(['Warning: the run could not be reported: a bug']);
  });

  test('that hangs is given up soon after the grace period of teardown', async () => {
    const { orchestrator, report } = setUp({}, { answer: never, gracePeriodMs: 1 });
    await orchestrator.configure();
    await orchestrator.runStep('Fill');
    orchestrator.raise('SIGTERM');
    await orchestrator.served;
    expect(report.mock.calls[0]?.[1].aborted).toBe(true);
    expect(orchestrator.logs.slice(1)).toEqual([
      'Warning: the run could not be reported: the run was interrupted by SIGTERM',
    ]);
  });
});
