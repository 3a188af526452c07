import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { endOf } from '../../history/looks.ts';
import type { RunRecord } from '../../history/run-record.ts';
import { runRecord, type Story } from '../../history/testing/builders.ts';
import { HistoryWriter } from '../../history/write-history.ts';
import { startMetristStandIn } from '../../metrist/testing/stand-in.ts';
import type { Values } from '../../runner/monitor.ts';
import { deadPort } from '../../suites/awsiam/testing/http-server.ts';
import { runProgram } from '../program.ts';
import { testContext } from '../testing/context.ts';

const passed: Story = { kind: 'passed' };

/** The command over a history of these runs, in the results directory of a checkout. */
async function setUp(runs: readonly RunRecord[] = []) {
  const baseDir = await mkdtemp(path.join(os.tmpdir(), 'status-'));
  onTestFinished(() => rm(baseDir, { recursive: true }));
  const writer = new HistoryWriter({ dir: path.join(baseDir, 'results/runs'), historyDays: 90 });
  for (const run of runs) await writer.append(run);
  return {
    baseDir,
    run: async (args: readonly string[] = [], values: Values = {}) => {
      const context = testContext(values, { baseDir });
      const code = await runProgram(['status', ...args], context);
      return { code, ...context.written };
    },
  };
}

/** A run that ended a little while ago. */
function recentRun(story: Story = passed, minutesAgo = 1, overrides: Partial<RunRecord> = {}): RunRecord {
  return runRecord(Date.now() - minutesAgo * 60_000, story, { instance: 'here', ...overrides });
}

const jsonOf = (output: string) => JSON.parse(output) as Record<string, unknown>;

describe('awsiam status', () => {
  test('shows the state from the history, and needs no setting', async () => {
    const { run } = await setUp([recentRun(passed, 3), recentRun()]);
    const { code, output, errorOutput } = await run();
    expect(output).toMatch(/^awsiam: up since .* UTC \(\d+ .*\), instance here\nlast run: .* · 3 passed in 300 ms\n/);
    expect([code, errorOutput]).toEqual([0, '']);
  });

  test('returns 0 for every answer, also for a bad one and for none', async () => {
    const down = await setUp([recentRun({ kind: 'theirs', at: 0 }, 3), recentRun({ kind: 'theirs', at: 0 })]);
    expect(await down.run()).toMatchObject({
      code: 0,
      output: expect.stringMatching(/^awsiam: down since/) as unknown,
    });
    const never = await setUp();
    const { code, output, errorOutput } = await never.run();
    expect([code, errorOutput]).toEqual([0, '']);
    expect(output).toContain(`No live run is on record in ${path.join(never.baseDir, 'results/runs')}.`);
  });

  test('keeps rehearsals apart', async () => {
    const { run } = await setUp([recentRun({ kind: 'theirs', at: 0 }, 1, { mode: 'offline' })]);
    expect((await run()).output).toContain('No live run is on record');
    expect((await run(['--mode', 'offline'])).output).toMatch(/^awsiam, rehearsal \(mock, not AWS\): /);
    expect(jsonOf((await run(['--mode', 'offline', '--json'])).output)).toMatchObject({ mode: 'offline' });
  });

  test('shows the instance that is named by the option, else by the variable, else the last one', async () => {
    const { run } = await setUp([
      recentRun(passed, 5, { instance: 'a' }),
      recentRun(passed, 3, { instance: 'b' }),
      recentRun(passed, 1, { instance: 'c' }),
    ]);
    const shown = async (args: readonly string[], values: Values) => {
      const json = jsonOf((await run([...args, '--json'], values)).output);
      return [json['instance'], json['otherInstances']];
    };
    expect(await shown([], {})).toEqual(['c', ['b', 'a']]);
    expect(await shown([], { METRIST_INSTANCE_ID: 'b' })).toEqual(['b', ['c', 'a']]);
    expect(await shown(['--instance', ''], { METRIST_INSTANCE_ID: 'b' })).toEqual([null, ['c', 'b', 'a']]);
    expect(await shown(['--instance', 'aws:a'], { METRIST_INSTANCE_ID: 'b' })).toEqual(['a', ['c', 'b']]);
    expect((await run(['--instance', 'd'])).output).toContain('No live run of the instance d is on record');
  });

  test('reads the results directory of the setting', async () => {
    const { baseDir, run } = await setUp([recentRun()]);
    expect((await run([], { METRIST_RESULTS_DIR: 'elsewhere' })).output).toContain('No live run is on record in');
    const absolute = { METRIST_RESULTS_DIR: path.join(baseDir, 'results') };
    expect((await run([], absolute)).output).toContain('awsiam: up since');
  });

  test.for([
    [{ METRIST_RESULTS_DIR: '@secret@:dir' }, 'METRIST_RESULTS_DIR begins with @secret@:'],
    [{ AWSIAM_INTERVAL_SECS: '2m' }, 'AWSIAM_INTERVAL_SECS is "2m": expected seconds from one run to the next'],
    [{ METRIST_INSTANCE_ID: 'a b' }, 'METRIST_INSTANCE_ID is "a b": expected the place where this runs'],
  ] as const)('refuses the settings %j', async ([values, words]) => {
    const { run } = await setUp([recentRun()]);
    const { code, output, errorOutput } = await run([], values);
    expect([code, output]).toEqual([1, '']);
    expect(errorOutput).toContain(`configuration: 1 problem with the settings:\n- ${words}`);
  });

  test('needs no .env if the environment says where the results are', async () => {
    const { baseDir } = await setUp([recentRun()]);
    const values = { METRIST_RESULTS_DIR: path.join(baseDir, 'results') };
    const envProblems = ['.env could not be read: EACCES'];
    const answer = async (args: readonly string[], environment: Values) => {
      const context = { ...testContext(values, { baseDir, environment }), envProblems };
      const code = await runProgram(['status', ...args], context);
      return [code, context.written.output.slice(0, 10), context.written.errorOutput.includes('EACCES')];
    };
    expect(await answer([], values)).toEqual([0, 'awsiam: up', false]);
    expect(await answer([], {})).toEqual([1, '', true]);
    expect(await answer(['--remote'], values)).toEqual([1, '', true]);
  });

  test('fails if what it could not read may be newer than what it could', async () => {
    const { baseDir, run } = await setUp([recentRun(passed, 60)]);
    const tomorrow = new Date(Date.now() + 86_400_000).toISOString().slice(0, 10);
    const unreadable = path.join(baseDir, `results/runs/${tomorrow}.ndjson`);
    await mkdir(unreadable);
    const { code, output, errorOutput } = await run();
    expect([code, output]).toEqual([1, '']);
    expect(errorOutput).toBe(`error: ${unreadable} could not be read: it is not a file\n`);
    expect(await run(['--nagios'])).toEqual({
      code: 3,
      output: `AWSIAM UNKNOWN - error: ${unreadable} could not be read: it is not a file\n`,
      errorOutput: '',
    });
  });

  test('mentions damaged lines and files, and answers all the same', async () => {
    const { baseDir, run } = await setUp([recentRun()]);
    const day = '2026-01-01';
    await mkdir(path.join(baseDir, `results/runs/${day}.ndjson`));
    const today = new Date(Date.now() - 60_000).toISOString().slice(0, 10);
    await writeFile(path.join(baseDir, `results/runs/${today}.ndjson`), '{"torn":\n', { flag: 'a' });
    const { code, output } = await run();
    expect(code).toBe(0);
    expect(output).toContain('! 1 line of the history could not be read as a run\n');
    expect(output).toMatch(/^awsiam: up/);
  });

  test.for([
    [['--nagios', '--json'], '--json'],
    [['--nagios', '--remote'], '--remote'],
    [['--remote', '--mode', 'offline'], '--mode offline'],
    [['--mode', 'test'], '--mode'],
    [['--instance', 'a b'], '--instance'],
    [['--local'], '--local'],
    [['now'], 'status'],
  ] as const)('refuses %j', async ([args, named]) => {
    const { run } = await setUp([recentRun()]);
    const { code, output, errorOutput } = await run(args);
    const isCheck = (args as readonly string[]).includes('--nagios');
    expect(code).toBe(isCheck ? 3 : 2);
    expect(isCheck ? output : errorOutput).toContain(named);
    expect(isCheck ? errorOutput : output).toBe('');
    if (isCheck) expect(output).toMatch(/^AWSIAM UNKNOWN - .*\n$/);
  });

  test('has a --help', async () => {
    const { run } = await setUp();
    expect(await run(['--help'])).toMatchObject({ code: 0, output: expect.stringContaining('--nagios') as unknown });
  });
});

describe('awsiam status --json', () => {
  test('has states, times, figures with their wholes, and the last failure', async () => {
    const records = [
      recentRun(passed, 5),
      recentRun({ kind: 'theirs', at: 1 }, 3),
      recentRun({ kind: 'theirs', at: 1 }, 1),
    ];
    const { run } = await setUp(records);
    const { code, output, errorOutput } = await run(['--json']);
    expect([code, errorOutput]).toEqual([0, '']);
    const last = records.at(-1);
    const since = new Date(endOf(last ?? recentRun())).toISOString();
    const share = (part: number, of: number) => ({ part, of, unit: 'runs' });
    expect(jsonOf(output)).toMatchObject({
      schema: 1,
      monitor: 'awsiam',
      mode: 'live',
      instance: 'here',
      state: 'issues',
      since,
      metrist: { state: 'issues' },
      lastRun: { startedAt: last?.startedAt, endedAt: since, durationMs: 300, state: 'failed', intervalSecs: 120 },
      run: { week: { runs: 3, passed: 1, failedTheirs: 2, availability: share(1, 3) } },
      steps: [
        { name: 'CreateUser', state: 'up', last: { state: 'passed', durationMs: 100 }, lastFailure: null },
        {
          name: 'CreateGroup',
          state: 'down',
          since,
          metrist: { state: 'down' },
          last: { state: 'failed' },
          day: { medianMs: 100, p95Ms: 100, availability: share(1, 3), coverage: { unit: 'ms' } },
          lastFailure: {
            step: 'CreateGroup',
            verdict: 'service',
            side: 'theirs',
            code: 'ServiceFailure',
            requestId: '6b7f9f3e-0000-4000-8000-000000000002',
          },
        },
        { name: 'DeleteUser', state: 'blocked', last: { state: 'blocked', durationMs: null } },
      ],
      lastFailure: { step: 'CreateGroup' },
      otherInstances: [],
      skippedLines: 0,
      problems: [],
    });
    expect(jsonOf(output)).not.toHaveProperty('remote');
  });

  test('has every field before the first run, too', async () => {
    const { run } = await setUp();
    const { output } = await run(['--json']);
    expect(jsonOf(output)).toMatchObject({
      state: 'no fresh data',
      since: null,
      instance: null,
      metrist: { state: null },
      lastRun: null,
      steps: [],
      lastFailure: null,
      run: { day: { runs: 0, medianMs: null, availability: { part: 0, of: 0 } } },
    });
  });
});

describe('awsiam status --nagios', () => {
  const theirs = (at: number): Story => ({ kind: 'theirs', at });
  const ours: Story = { kind: 'ours', at: 0 };
  test.for([
    [[recentRun(passed)], 'UP', 0],
    [[recentRun(theirs(1), 3), recentRun(theirs(1))], 'ISSUES', 2],
    [[recentRun(theirs(0), 3), recentRun(theirs(0))], 'DOWN', 2],
    [[recentRun(ours, 3), recentRun(ours)], 'BLIND', 3],
    [[recentRun(passed, 30)], 'NO FRESH DATA', 3],
    [[], 'NO FRESH DATA', 3],
  ] as const)('case %#: prints one line and exits as Nagios expects', async ([records, word, code]) => {
    const { run } = await setUp(records);
    const answer = await run(['--nagios'], { METRIST_INSTANCE: 'misspelt' });
    expect(answer).toMatchObject({ code, errorOutput: '' });
    expect(answer.output).toMatch(new RegExp(`^AWSIAM ${word} - [^\\n]+\\n$`));
  });

  test('says UNKNOWN if a setting is wrong', async () => {
    const { run } = await setUp([recentRun()]);
    const { code, output, errorOutput } = await run(['--nagios'], { AWSIAM_INTERVAL_SECS: 'x' });
    expect([code, errorOutput]).toEqual([3, '']);
    expect(output).toMatch(/^AWSIAM UNKNOWN - configuration: .*AWSIAM_INTERVAL_SECS is "x".*\n$/);
  });
});

describe('awsiam status --remote', () => {
  const token = 'k3v0test0token';

  async function setUpRemote() {
    const metrist = await startMetristStandIn({ token });
    onTestFinished(() => metrist.close());
    const { run } = await setUp([recentRun()]);
    const settings = { METRIST_API_TOKEN: token, METRIST_API_HOST: metrist.url };
    return {
      metrist,
      ask: (args: readonly string[] = [], values: Values = {}) =>
        run(['--remote', ...args], { ...settings, ...values }),
    };
  }

  test("shows Metrist's view beside ours", async () => {
    const { metrist, ask } = await setUpRemote();
    const lastChecked = new Date(Date.now() - 120_000).toISOString();
    metrist.monitorConfigs.setStatus(token, 'awsiam', { state: 'down', last_checked: lastChecked });
    const { code, output, errorOutput } = await ask();
    expect([code, errorOutput]).toEqual([0, '']);
    expect(output).toMatch(/^awsiam: up since .*\nMetrist shows down, last checked .* UTC \(2 min ago\)\.\nlast run: /);
    const json = jsonOf((await ask(['--json'])).output);
    expect(json['remote']).toEqual({ state: 'down', lastChecked });
    expect(json['state']).toBe('up');
  });

  test('shows our own view and fails if Metrist has no state', async () => {
    const { ask } = await setUpRemote();
    const { code, output, errorOutput } = await ask();
    expect(code).toBe(1);
    expect(output).toMatch(/^awsiam: up since/);
    expect(errorOutput).toContain('error: Metrist has no state of awsiam');
    const json = await ask(['--json']);
    expect([json.code, jsonOf(json.output)['remote']]).toEqual([1, null]);
  });

  test.for([
    [{ METRIST_API_TOKEN: ' ' }, 'METRIST_API_TOKEN is not set'],
    [{ METRIST_API_TOKEN: 'T' }, 'METRIST_API_TOKEN is a text of only 1 character'],
    [{ METRIST_API_TOKEN: 'wrong0token' }, 'METRIST_API_TOKEN'],
    [{ METRIST_API_HOST: 'http://metrist.example' }, 'METRIST_API_HOST is a text of 22 characters'],
    [{ HTTPS_PROXY: 'http://svc:Pa55/word@proxy:8080' }, 'HTTPS_PROXY is not the address of'],
  ] as const)('with %j shows our own view, and says why it could not ask', async ([values, words]) => {
    const { ask } = await setUpRemote();
    const { code, output, errorOutput } = await ask([], values);
    expect(code).toBe(1);
    expect(output).toMatch(/^awsiam: up since/);
    expect(errorOutput).toContain(words);
    expect(errorOutput).not.toMatch(/wrong0token|Pa55/);
  });

  test('says so if Metrist cannot be reached', async () => {
    const { ask } = await setUpRemote();
    const { code, output, errorOutput } = await ask([], { METRIST_API_HOST: `http://127.0.0.1:${await deadPort()}` });
    expect(code).toBe(1);
    expect(output).toMatch(/^awsiam: up since/);
    expect(errorOutput).toMatch(/^error: could not read the state of awsiam: .*refused the connection/);
  });

  test('is not asked for without the option', async () => {
    const { metrist, ask } = await setUpRemote();
    await ask();
    const before = metrist.requests.length;
    const { run } = await setUp([recentRun()]);
    await run([], { METRIST_API_TOKEN: token, METRIST_API_HOST: metrist.url });
    expect([before, metrist.requests.length]).toEqual([1, 1]);
  });
});
