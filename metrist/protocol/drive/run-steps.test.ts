import { describe, expect, test } from 'vitest';
import type { DriveEvent } from './drive-report.ts';
import { type DriveLimits, orchestratorLimits, OrchestratorReader } from './orchestrator-rules.ts';
import { runSteps } from './run-steps.ts';
import { type FakeMonitor, fakeMonitor } from './testing/fake-monitor.ts';

interface Settings {
  readonly limits?: Partial<DriveLimits>;
  readonly stepTimeoutMs?: number;
  readonly cleanup?: boolean;
}

/** Runs the steps A, B and C to the end. */
async function run(monitor: FakeMonitor, { limits, stepTimeoutMs = 60_000, cleanup = false }: Settings = {}) {
  const events: DriveEvent[] = [];
  const onEvent = (event: DriveEvent): unknown => events.push(event);
  const ending = await runSteps({
    monitor,
    reader: new OrchestratorReader((text) => onEvent({ kind: 'problem', text })),
    steps: ['A', 'B', 'C'],
    stepTimeoutMs,
    cleanup,
    limits: { ...orchestratorLimits, ...limits },
    // Time stands still, except while the run waits for an event.
    elapsedMs: () => 0,
    onConfigured: () => {},
    onEvent,
  });
  const problems = events.flatMap((event) => (event.kind === 'problem' ? [event.text] : []));
  const steps = events.flatMap((event) => (event.kind === 'step' ? [event.step] : []));
  return {
    ending,
    steps,
    states: steps.map(({ state }) => state),
    problems,
    events,
    received: monitor.received,
  };
}

/** A monitor that is configured, answers A with `Step OK`, B with `answers` in one chunk, and C with `Step OK`. */
function answeringB(...answers: readonly string[]): FakeMonitor {
  const monitor = fakeMonitor((message, { send, emit }) => {
    if (message === 'Run Step B') {
      if (answers.length > 0) send(...answers);
    } else if (message.startsWith('Run Step')) send('Step OK');
    else emit('ended');
  });
  monitor.send('Configured');
  return monitor;
}

const all = ['Run Step A', 'Run Step B', 'Run Step C', 'Exit 0'];

describe('a run', () => {
  test('goes through the steps in order, and ends with the monitor', async () => {
    const { ending, steps, problems, received } = await run(answeringB('Step Time code=58 12.5'));
    expect(steps).toMatchObject([
      { state: 'passed', name: 'A', metadata: {} },
      { state: 'passed', name: 'B', durationMs: 12.5, metadata: { code: 'X' } },
      { state: 'passed', name: 'C' },
    ]);
    expect([ending, problems, received]).toEqual([{}, [], all]);
  });

  test('measures the time of Step OK itself, in whole milliseconds', async () => {
    const monitor = fakeMonitor((message, { raw, emit }) => {
      if (message.startsWith('Run')) raw('7 Step OK', 7.9);
      else emit('ended');
    });
    monitor.send('Configured');
    const { steps } = await run(monitor);
    expect(steps[0]).toMatchObject({ durationMs: 7, answeredAfterMs: 7.9 });
  });

  test('asks for a cleanup with Exit 1', async () => {
    expect((await run(answeringB('Step OK'), { cleanup: true })).received.at(-1)).toBe('Exit 1');
  });

  test('ends at a step that fails, which blocks the others', async () => {
    const { ending, steps, problems, received } = await run(answeringB('Step Error code=58 it failed\nso it is'));
    expect(steps.slice(1)).toEqual([
      expect.objectContaining({
        state: 'failed',
        name: 'B',
        text: 'it failed\nso it is',
        metadata: { code: 'X' },
      }),
      { state: 'blocked', name: 'C' },
    ]);
    expect([ending, problems, received]).toEqual([{ lastMessage: 'Exit 0' }, [], all.slice(0, 2)]);
  });

  test('ends at a step that takes too long', async () => {
    const { ending, steps, problems } = await run(answeringB(), { stepTimeoutMs: 2 });
    expect(steps.slice(1)).toMatchObject([
      {
        state: 'failed',
        text: 'Timeout: check did not complete within 0.002 seconds - METRIST_MONITOR_ERROR',
      },
      { state: 'blocked' },
    ]);
    expect([ending, problems]).toEqual([{ lastMessage: 'Exit 0' }, []]);
  });

  test('reports a step that takes too long even if the monitor was silent for the same time', async () => {
    const { states } = await run(answeringB(), { stepTimeoutMs: 2, limits: { inactivityMs: 2 } });
    expect(states).toEqual(['passed', 'failed', 'blocked']);
  });

  test('shows what the monitor logs', async () => {
    const { events, problems } = await run(answeringB('Log Info  hello\n', 'Log Error ', 'Step OK'));
    expect(events).toContainEqual({ kind: 'log', level: 'Info', text: 'hello' });
    expect(events.filter(({ kind }) => kind === 'log')).toHaveLength(1);
    expect(problems).toEqual([]);
  });

  test('says that there are no webhooks, and lets the step go on', async () => {
    const { events, problems } = await run(answeringB('Wait For Webhook abc', 'Step OK'));
    expect(events).toContainEqual({ kind: 'notice', text: expect.stringContaining('webhook "abc"') as unknown });
    expect(problems).toEqual([]);
  });

  test('that is stopped ends with Exit 0, even if a cleanup was requested', async () => {
    const monitor = answeringB();
    monitor.emit('stopped');
    const { ending, states, problems } = await run(monitor, { cleanup: true });
    expect([ending, states, problems]).toEqual([{ lastMessage: 'Exit 0' }, ['lost', 'notRun', 'notRun'], []]);
  });
});

describe('nothing is reported', () => {
  const lost = ['passed', 'lost', 'notRun'];

  test('about a step during which the monitor ends', async () => {
    const dying = fakeMonitor((message, { send, emit }) => {
      if (message === 'Run Step A') send('Step OK');
      else emit('ended');
    });
    dying.send('Configured');
    const { ending, states, problems } = await run(dying);
    expect([ending, states]).toEqual([{}, lost]);
    expect(problems).toEqual([expect.stringContaining('the monitor ended while B ran') as unknown]);
    expect(problems[0]).toContain('nothing is reported for B or the steps after it');
  });

  test.for([
    ['Step Time NaN', {}, "the Orchestrator's handler crashes"],
    ['Step Time 12 ms ago', {}, "the Orchestrator's handler crashes"],
    ['Step Ok', { lastMessage: 'Exit 0' }, 'the protocol has no such message'],
    ['Log Warn hello', { lastMessage: 'Exit 0' }, 'the protocol has no such message'],
    ['', { lastMessage: 'Exit 0' }, 'the protocol has no such message'],
    ['Configured\n', { lastMessage: 'Exit 0' }, 'the protocol has no such message'],
    ['Ready', { lastMessage: 'Exit 0' }, 'again'],
    ['Started 1.1', { lastMessage: 'Exit 0' }, 'again'],
    ['Exit', {}, 'before all steps were run'],
  ] as const)('about a step that is answered with %j', async ([answer, ending, why]) => {
    const result = await run(answeringB(answer, 'Step OK'));
    expect([result.ending, result.states]).toEqual([ending, lost]);
    expect(result.problems).toEqual([expect.stringContaining(why) as unknown]);
    expect(result.problems[0]).toContain('nothing is reported for B or the steps after it');
  });

  test('about a step whose metadata is not text; the next one runs', async () => {
    const { states, problems } = await run(answeringB('Step OK commit=c0ffeec0ffee'));
    expect(states).toEqual(['passed', 'lost', 'passed']);
    expect(problems).toHaveLength(1);
  });

  test('about a failure whose metadata is not text; no further step runs', async () => {
    const { ending, states } = await run(answeringB('Step Error commit=c0ffeec0ffee no'));
    expect([ending, states]).toEqual([{ lastMessage: 'Exit 0' }, lost]);
  });

  test('after a second answer in the same chunk; no further step runs', async () => {
    const { ending, states, problems } = await run(answeringB('Step OK', 'Step OK'));
    expect([ending, states]).toEqual([{ lastMessage: 'Exit 0' }, ['passed', 'passed', 'notRun']]);
    expect(problems).toEqual([expect.stringContaining('while no step ran') as unknown]);
  });

  test('about a step that runs when Configured comes a second time, because the next one starts', async () => {
    const { states, problems, received } = await run(answeringB('Configured'));
    expect(states).toEqual(['passed', 'lost', 'passed']);
    expect(problems).toEqual([expect.stringContaining('starts the next step and reports nothing for B') as unknown]);
    expect(received).toEqual(all);
  });

  test('about the first step if Configured comes twice in one chunk', async () => {
    const monitor = fakeMonitor((message, { send, emit }) => {
      if (message === 'Run Step B' || message === 'Run Step C') send('Step OK');
      else if (message === 'Exit 0') emit('ended');
    });
    monitor.send('Configured', 'Configured');
    const { states, received } = await run(monitor);
    expect([states, received]).toEqual([['lost', 'passed', 'passed'], all]);
  });

  test('if an answer comes together with Configured', async () => {
    const monitor = fakeMonitor();
    monitor.send('Configured', 'Step Error no settings');
    const { states, problems, received } = await run(monitor);
    expect([states, received]).toEqual([['notRun', 'notRun', 'notRun'], []]);
    expect(problems).toEqual([expect.stringContaining('while no step ran') as unknown]);
  });

  test('about the steps of a monitor that falls silent for longer than a step may take', async () => {
    const { ending, states, problems } = await run(answeringB(), { limits: { inactivityMs: 2 } });
    expect([ending, states]).toEqual([{}, lost]);
    expect(problems).toEqual([expect.stringContaining('the monitor was silent') as unknown]);
  });

  test('about the steps of a monitor that ends before it is configured', async () => {
    const monitor = fakeMonitor();
    monitor.emit('ended');
    const { states, problems } = await run(monitor);
    expect(states).toEqual(['notRun', 'notRun', 'notRun']);
    expect(problems[0]).toContain('before it was asked for all steps');
  });
});

describe('after the last step', () => {
  function waitingMonitor(...last: readonly string[]): FakeMonitor {
    const monitor = fakeMonitor((message, { send }) => {
      if (message.startsWith('Run')) send('Step OK');
      else if (last.length > 0) send(...last);
    });
    monitor.send('Configured');
    return monitor;
  }

  test('the monitor may send Exit', async () => {
    expect(await run(waitingMonitor('Log Debug bye', 'Exit'))).toMatchObject({ ending: {}, problems: [] });
  });

  test('the wait for the monitor has a limit', async () => {
    const { ending, states, problems } = await run(waitingMonitor(), { limits: { finishMs: 2 } });
    expect([ending, states]).toEqual([{}, ['passed', 'passed', 'passed']]);
    expect(problems).toEqual([expect.stringContaining('did not end within') as unknown]);
  });

  test('one more answer ends the run, and everything is reported', async () => {
    const { ending, problems } = await run(waitingMonitor('Step OK'));
    expect(ending).toEqual({ lastMessage: 'Exit 0' });
    expect(problems).toEqual([expect.not.stringContaining('nothing') as unknown]);
  });
});

test.for(['500 items ', '3'])(
  '%j, which looks like the start of a message, is reported when the step ends',
  async (text) => {
    const monitor = fakeMonitor((_, { raw }) => raw(text));
    monitor.send('Configured');
    const { states, problems } = await run(monitor, { stepTimeoutMs: 2 });
    expect(states).toEqual(['failed', 'blocked', 'blocked']);
    expect(problems).toEqual([
      expect.stringContaining(`${JSON.stringify(text)} to stdout, the beginning of a message`) as unknown,
    ]);
  },
);
