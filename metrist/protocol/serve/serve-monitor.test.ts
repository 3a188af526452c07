import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { Monitor } from '../../../runner/monitor.ts';
import { testSession, testStep, type TestConfig, type TestSession } from '../../../runner/testing/test-monitor.ts';
import { TestOrchestrator } from './testing/orchestrator.ts';

type Kettle = Monitor<TestConfig, TestSession>;

const never = (): Promise<never> => new Promise(() => {});
const steps = (...replaced: readonly ReturnType<typeof testStep>[]): Kettle['steps'] =>
  ['Fill', 'Boil', 'Pour'].map((name) => replaced.find((step) => step.name === name) ?? testStep({ name }));
const failing = (name: string, error: unknown = new Error('no power')) =>
  testStep({ name, run: async () => await Promise.reject(error) });

describe('the handshake', () => {
  test('sends Started before the monitor is loaded, and prepares it during the handshake', async () => {
    const loaded = Promise.withResolvers<never>();
    const orchestrator = new TestOrchestrator({}, { load: () => loaded.promise });
    expect(orchestrator.messages).toEqual([{ kind: 'started', version: '1.1' }]);
    orchestrator.send('Version 1.1');
    expect(await orchestrator.next()).toMatchObject({ kind: 'started' });
    expect(await orchestrator.next()).toEqual({ kind: 'ready' });
  });

  test('does not send Started again if it was sent before', async () => {
    const orchestrator = new TestOrchestrator({}, { startedSent: true });
    orchestrator.send('Version 1.1');
    expect(await orchestrator.next()).toEqual({ kind: 'ready' });
  });

  test('prepares once, then opens the session with the configuration', async () => {
    const order: string[] = [];
    const orchestrator = new TestOrchestrator(
      {
        prepare: async () => void order.push('prepared'),
        openSession: async (config) => {
          order.push(`opened with ${config['WATER']} and ${config['CUPS']}`);
          return await Promise.resolve(testSession());
        },
      },
      { values: { CUPS: '2' } },
    );
    await orchestrator.configure('{"Water":"1 l"}');
    expect(order).toEqual(['prepared', 'opened with 1 l and 2']);
  });

  test('sends only Ready and Configured until the first step, and logs only afterwards', async () => {
    const orchestrator = new TestOrchestrator();
    orchestrator.send('Hello');
    await orchestrator.configure();
    expect(orchestrator.messages.map(({ kind }) => kind)).toEqual(['started', 'ready', 'configured']);
    expect(orchestrator.stderr).toMatch(/^warning: a message of 5 characters is not part of the protocol: ignored\n$/);
    await orchestrator.runStep('Fill');
    expect(orchestrator.logs).toEqual(['Info: kettle 1.2.3']);
  });

  test('answers a second Version and a second Config only with a log message', async () => {
    const orchestrator = new TestOrchestrator();
    await orchestrator.configure();
    orchestrator.send('Version 1.1', 'Config {}');
    expect(await orchestrator.runStep('Fill')).toMatchObject({ kind: 'stepTime' });
    expect(orchestrator.messages.filter(({ kind }) => kind === 'ready' || kind === 'configured')).toHaveLength(2);
    expect(orchestrator.logs).toContain('Warning: a second Config: ignored');
    expect(orchestrator.logs).toContain('Warning: a second Version: ignored');
  });

  test.each(['2.0', '1', '', 'one'])('reports the version %j as a problem of the configuration', async (version) => {
    const orchestrator = new TestOrchestrator();
    await orchestrator.configure('{}', version);
    expect(await orchestrator.runStep('Fill')).toMatchObject({
      kind: 'stepError',
      text: expect.stringContaining(
        `the Orchestrator speaks version ${JSON.stringify(version)} of the monitor protocol: expected 1.1`,
      ),
    });
  });

  test('fails the first step with every problem of the Config and of the settings', async () => {
    const orchestrator = new TestOrchestrator({ parseConfig: () => ({ problems: ['WATER is not set'] }) });
    await orchestrator.configure('{"Water": 1');
    expect(await orchestrator.runStep('Fill')).toMatchObject({
      kind: 'stepError',
      text: expect.stringMatching(/- WATER is not set\n- the Config that the Orchestrator sent is not valid JSON/),
    });
  });

  test('logs likely mistakes in the settings, from the environment and the Config', async () => {
    const orchestrator = new TestOrchestrator(
      { findSettingWarnings: (values, reader) => [`${values['WATER']} and ${values['CUPS']} for the ${reader}`] },
      { values: { CUPS: '2' } },
    );
    await orchestrator.configure('{"Water":"1 l"}');
    await orchestrator.runStep('Fill');
    expect(orchestrator.logs[0]).toBe('Warning: 1 l and 2 for the orchestrator');
  });

  test('names an unknown property and the known ones', async () => {
    const orchestrator = new TestOrchestrator();
    await orchestrator.configure('{"Milk":"yes"}');
    await orchestrator.runStep('Fill');
    expect(orchestrator.logs).toContain(
      'Warning: the Config\'s "Milk" is not a known property and has no effect; known are Secret, Water',
    );
  });
});

describe('a step', () => {
  test('is answered with its time and its evidence', async () => {
    const orchestrator = new TestOrchestrator({
      steps: steps(
        testStep({
          name: 'Fill',
          run: async (_session, { evidence }) => {
            evidence.requestId = 'deadbeef';
            evidence.attempts = 2;
            await Promise.resolve();
          },
        }),
      ),
    });
    await orchestrator.configure();
    expect(await orchestrator.runStep('Fill')).toEqual({
      kind: 'stepTime',
      durationMs: expect.any(Number),
      metadata: { requestId: 'deadbeef', attempts: 2 },
    });
  });

  test('that fails is answered with one error, after teardown', async () => {
    const order: string[] = [];
    const orchestrator = new TestOrchestrator({
      steps: steps(failing('Boil')),
      teardown: async () => {
        order.push(`torn down after ${orchestrator.messages.at(-1)?.kind}`);
        return await Promise.resolve({ leftovers: [], warnings: ['the kettle is still warm'] });
      },
    });
    await orchestrator.configure();
    await orchestrator.runStep('Fill');
    expect(await orchestrator.runStep('Boil')).toEqual({
      kind: 'stepError',
      text: 'service: Broken at Boil: no power\nWhat to do: Mend it.',
      metadata: { verdict: 'service', code: 'Broken' },
    });
    expect(order).toEqual(['torn down after stepTime']);
    expect(orchestrator.logs).toContain('Warning: the kettle is still warm');
    orchestrator.send('Exit 0');
    await orchestrator.served;
    expect(order).toHaveLength(1);
  });

  test('that fails ends the run: every further step is refused', async () => {
    const orchestrator = new TestOrchestrator({ steps: steps(failing('Fill')) });
    await orchestrator.configure();
    await orchestrator.runStep('Fill');
    expect(await orchestrator.runStep('Boil')).toMatchObject({
      text: expect.stringContaining('StepNotRun at Boil: the run ended when Fill failed'),
    });
  });

  test.each([
    ['out of order', ['Boil'], 'configuration: StepNotRun at Boil: Fill did not run'],
    ['asked for twice', ['Fill', 'Fill'], 'configuration: StepNotRun at Fill: Fill has already run'],
    [
      'that does not exist',
      ['Dance'],
      'configuration: UnknownStep at Dance: kettle has no such step; it has Fill, Boil',
    ],
    ['with a name like metadata', ['a=b'], 'configuration: UnknownStep at a=b: kettle has no such step'],
  ])('%s is refused, and says why', async (_title, names, text) => {
    const teardown = vi.fn<Kettle['teardown']>(() => Promise.resolve({ leftovers: [], warnings: [] }));
    const orchestrator = new TestOrchestrator({ teardown });
    await orchestrator.configure();
    let answer;
    for (const name of names) answer = await orchestrator.runStep(name);
    expect(answer).toMatchObject({
      kind: 'stepError',
      text: expect.stringContaining(text),
      metadata: { verdict: 'configuration' },
    });
    expect(teardown).toHaveBeenCalledOnce();
  });

  test('before the Config is refused', async () => {
    const orchestrator = new TestOrchestrator();
    await orchestrator.next();
    expect(await orchestrator.runStep('Fill')).toMatchObject({ text: expect.stringContaining('NoConfig at Fill') });
  });

  test('requested while another one runs waits for its turn', async () => {
    const filled = Promise.withResolvers<void>();
    const orchestrator = new TestOrchestrator({ steps: steps(testStep({ name: 'Fill', run: () => filled.promise })) });
    await orchestrator.configure();
    orchestrator.send('Run Step Fill', 'Run Step Boil');
    filled.resolve();
    expect(await orchestrator.next()).toMatchObject({ kind: 'stepTime' });
    expect(await orchestrator.next()).toMatchObject({ kind: 'stepTime' });
  });

  test('that hangs times out before the Orchestrator gives up on it', async () => {
    vi.useFakeTimers();
    try {
      const orchestrator = new TestOrchestrator({
        steps: steps(testStep({ name: 'Fill', run: never })),
        stepTimeoutMs: () => 900_000,
      });
      await orchestrator.configure();
      const answer = orchestrator.runStep('Fill');
      await vi.advanceTimersByTimeAsync(840_000);
      expect(await answer).toMatchObject({ kind: 'stepError', metadata: { verdict: 'timeout' } });
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('an uncaught error', () => {
  test('fails the running step as a fault of the monitor', async () => {
    const orchestrator = new TestOrchestrator({ steps: steps(testStep({ name: 'Boil', run: never })) });
    await orchestrator.configure();
    await orchestrator.runStep('Fill');
    orchestrator.send('Run Step Boil');
    await vi.waitFor(() => expect(orchestrator.logs).toHaveLength(1));
    orchestrator.crash(new RangeError('fuse'));
    expect(await orchestrator.next()).toMatchObject({
      kind: 'stepError',
      text: expect.stringContaining('monitor: RangeError at Boil: fuse'),
      metadata: { verdict: 'monitor', code: 'RangeError' },
    });
    expect(orchestrator.logs.join('\n')).toContain('serve-monitor.test.ts');
  });

  test.each([
    ['between steps', (o: TestOrchestrator) => o.configure()],
    ['before the Config', async (o: TestOrchestrator) => void (await o.next())],
  ])('%s fails the next step', async (_title, reach) => {
    const orchestrator = new TestOrchestrator();
    await reach(orchestrator);
    orchestrator.crash('a text');
    expect(await orchestrator.runStep('Fill')).toMatchObject({
      text: expect.stringContaining('monitor: Error at Fill: a text'),
    });
  });

  test('may be any thrown value', async () => {
    const orchestrator = new TestOrchestrator();
    await orchestrator.configure();
    orchestrator.crash(Object.create(null));
    expect(await orchestrator.runStep('Fill')).toMatchObject({
      text: expect.stringContaining('monitor: Error at Fill: something that is no error was thrown'),
    });
  });

  test('may be an error while the monitor is loaded', async () => {
    const orchestrator = new TestOrchestrator({}, { load: () => Promise.reject(new TypeError('half a file')) });
    await orchestrator.configure();
    expect(await orchestrator.runStep('Fill')).toMatchObject({
      text: expect.stringContaining('monitor: TypeError at Fill: half a file'),
    });
    orchestrator.send('Exit 1');
    await orchestrator.served;
  });

  test('may come from a monitor function that must not throw', async () => {
    const orchestrator = new TestOrchestrator({
      secrets: () => {
        throw new Error('no secrets');
      },
    });
    await orchestrator.configure();
    expect(await orchestrator.runStep('Fill')).toMatchObject({
      text: expect.stringContaining('monitor: Error at Fill: no secrets'),
    });
  });
});

describe('the end', () => {
  test.each(['Exit 0', 'Exit 1'])('%s after the last step tears down, closes and ends', async (exit) => {
    const session = testSession();
    const sweep = vi.fn<Kettle['sweep']>(() => Promise.resolve({ removed: 2, remaining: 0, warnings: ['dusty'] }));
    const teardown = vi.fn<Kettle['teardown']>(() => Promise.resolve({ leftovers: [], warnings: [] }));
    const orchestrator = new TestOrchestrator({ openSession: () => Promise.resolve(session), sweep, teardown });
    await orchestrator.configure();
    for (const name of ['Fill', 'Boil', 'Pour']) await orchestrator.runStep(name);
    orchestrator.send(exit);
    await orchestrator.served;
    expect(teardown).toHaveBeenCalledOnce();
    expect(session.closed).toBe(1);
    expect(sweep).toHaveBeenCalledTimes(exit === 'Exit 1' ? 1 : 0);
    if (exit === 'Exit 1')
      expect(orchestrator.logs.slice(1)).toEqual(['Info: 2 old test entities removed', 'Warning: dusty']);
    expect(orchestrator.messages.map(({ kind }) => kind)).not.toContain('exit');
  });

  test.each<[string, (o: TestOrchestrator) => void]>([
    ['an early Exit', (o) => o.send('Exit 0')],
    ['SIGTERM', (o) => o.raise('SIGTERM')],
    ['SIGINT, twice', (o) => (o.raise('SIGINT'), o.raise('SIGINT'))],
    ['the end of stdin', (o) => o.input.end()],
    ['an error of stdin', (o) => o.input.destroy(new Error('gone'))],
    ['input that is not a frame', (o) => o.input.write('hello')],
  ])('%s interrupts the running step, which gets no result, and tears down', async (_title, leave) => {
    const teardown = vi.fn<Kettle['teardown']>(() => Promise.resolve({ leftovers: [], warnings: [] }));
    const started = Promise.withResolvers<AbortSignal>();
    const fill = testStep({
      name: 'Fill',
      run: async (_session, { signal }) => {
        started.resolve(signal);
        await never();
      },
    });
    const orchestrator = new TestOrchestrator({ steps: steps(fill), teardown });
    await orchestrator.configure();
    orchestrator.send('Run Step Fill');
    const signal = await started.promise;
    leave(orchestrator);
    await orchestrator.served;
    expect(signal.aborted).toBe(true);
    expect(teardown).toHaveBeenCalledOnce();
    expect(orchestrator.messages.filter(({ kind }) => kind.startsWith('step'))).toEqual([]);
  });

  test('is not followed by an answer to a step that was requested too late', async () => {
    const orchestrator = new TestOrchestrator({ openSession: never });
    orchestrator.send('Version 1.1', 'Config {}', 'Run Step Fill');
    orchestrator.raise('SIGTERM');
    await orchestrator.served;
    expect(orchestrator.messages.map(({ kind }) => kind)).toEqual(['started', 'ready']);
    expect(orchestrator.stderr).toBe('');
  });

  test('leaves teardown only the grace period', async () => {
    const aborted = Promise.withResolvers<void>();
    const orchestrator = new TestOrchestrator(
      {
        teardown: async (_session, { signal }) => {
          signal.addEventListener('abort', () => aborted.resolve());
          return await never();
        },
      },
      { gracePeriodMs: 1 },
    );
    await orchestrator.configure();
    await orchestrator.runStep('Fill');
    orchestrator.raise('SIGTERM');
    await aborted.promise;
    await orchestrator.served;
    expect(orchestrator.logs.join('\n')).toContain('teardown did not finish');
  });

  test('limits a sweep and a teardown that are already running to the grace period', async () => {
    const orchestrator = new TestOrchestrator({ sweep: never }, { gracePeriodMs: 1 });
    await orchestrator.configure();
    orchestrator.send('Exit 1');
    orchestrator.input.end();
    await orchestrator.served;
    expect(orchestrator.logs.join('\n')).toContain('the sweep did not finish');
  });

  test('does not wait for the session to open', async () => {
    const orchestrator = new TestOrchestrator({ openSession: never });
    orchestrator.send('Version 1.1', 'Config {}');
    orchestrator.raise('SIGTERM');
    await orchestrator.served;
    expect(orchestrator.messages.map(({ kind }) => kind)).not.toContain('configured');
  });

  test('logs what is left behind, and the command that removes it', async () => {
    const leftovers = [{ entity: 'cup 7', reason: 'it is hot', command: 'mv cup sink' }];
    const orchestrator = new TestOrchestrator({ teardown: () => Promise.resolve({ leftovers, warnings: [] }) });
    await orchestrator.configure();
    await orchestrator.runStep('Fill');
    orchestrator.send('Exit 0');
    await orchestrator.served;
    expect(orchestrator.logs).toContain('Warning: left behind: cup 7 (it is hot); remove it with: mv cup sink');
  });

  test('writes log messages to stderr if nobody reads stdout', async () => {
    const leftovers = [{ entity: 'cup 7', reason: 'it is hot', command: 'mv cup sink' }];
    const frames: string[] = [];
    const orchestrator = new TestOrchestrator(
      { teardown: () => Promise.resolve({ leftovers, warnings: [] }) },
      {
        output: (frame, onLost) => {
          frames.push(Buffer.from(frame).toString());
          onLost();
        },
      },
    );
    orchestrator.send('Version 1.1', 'Config {}');
    await vi.waitFor(() => expect(frames.at(-1)).toContain('Configured'));
    orchestrator.send('Exit 0');
    await orchestrator.served;
    expect(orchestrator.stderr).toBe('warning: left behind: cup 7 (it is hot); remove it with: mv cup sink\n');
  });

  test('logs that stdin ended in the middle of a message', async () => {
    const orchestrator = new TestOrchestrator();
    await orchestrator.configure();
    orchestrator.input.end('00099 Run St');
    await orchestrator.served;
    expect(orchestrator.logs).toContain('Error: stdin ended 12 bytes into a message');
  });
});

test('no message shows a secret from the Config or one found while opening', async () => {
  const [configured, found] = ['hunter2-hunter2', 'found-it-yourself'];
  const orchestrator = new TestOrchestrator({
    openSession: () => Promise.resolve(testSession({ secret: found })),
    steps: steps(failing('Fill', new Error(`${configured} and ${found} do not work`))),
    teardown: () => Promise.resolve({ leftovers: [], warnings: [`${configured}, ${found}`] }),
  });
  await orchestrator.configure(JSON.stringify({ Secret: configured, [found]: 'x' }));
  orchestrator.crash(new Error(found));
  await orchestrator.runStep('Fill');
  const everything = JSON.stringify(orchestrator.messages) + orchestrator.stderr;
  expect(everything).toContain('[redacted]');
  expect(everything).not.toContain(configured);
  expect(everything).not.toContain(found);
});

test('a step that was interrupted by a pause of the process has no result, and the run ends', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
  onTestFinished(() => void vi.useRealTimers());
  const torn: string[] = [];
  const fill = testStep({
    name: 'Fill',
    run: async () => {
      vi.spyOn(performance, 'now').mockReturnValue(performance.now() + 70_000);
      vi.advanceTimersByTime(1000);
      await never();
    },
  });
  const orchestrator = new TestOrchestrator({
    steps: steps(fill),
    teardown: ({ ran }) => {
      torn.push(ran.join(', '));
      return Promise.resolve({ leftovers: [], warnings: [] });
    },
  });
  await orchestrator.configure();
  orchestrator.send('Run Step Fill');
  await orchestrator.served;
  expect(orchestrator.messages.map(({ kind }) => kind)).not.toContain('stepError');
  expect(orchestrator.logs).toContain(
    'Warning: Fill was interrupted by a pause of this process: nothing is reported about it',
  );
  expect(torn).toEqual(['']);
});

test.for([
  ['a DOMException', new DOMException('no power', 'TimeoutError'), 'TimeoutError at Fill: no power'],
  ['a frozen error', Object.freeze(new Error('no power')), 'Error at Fill: no power'],
  [
    'an error that cannot be read',
    Object.defineProperty(new Error('a'), 'message', {
      get: () => {
        throw new Error('b');
      },
    }),
    'Error at Fill: ',
  ],
] as const)('%s that is not caught fails the running step', async ([, error, message]) => {
  const orchestrator = new TestOrchestrator({ steps: steps(testStep({ name: 'Fill', run: never })) });
  await orchestrator.configure();
  orchestrator.send('Run Step Fill');
  await vi.waitFor(() => expect(orchestrator.logs).toContain('Info: kettle 1.2.3'));
  orchestrator.crash(error);
  await vi.waitFor(() => expect(orchestrator.messages.at(-1)).toMatchObject({ kind: 'stepError' }));
  expect(JSON.stringify(orchestrator.messages.at(-1))).toContain(message);
});
