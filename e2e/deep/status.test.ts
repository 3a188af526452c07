import { chmod, mkdir, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { rehearseRuns } from '../../history/testing/rehearsal.ts';
import { HistoryWriter } from '../../history/write-history.ts';
import { need } from '../../runner/testing/needs.ts';
import { monitorCommand } from '../harness/orchestrator.ts';
import {
  copyProject,
  liveEnv,
  makeResultsDir,
  projectDir,
  runAwsiam,
  runProgram,
  runVitest,
  secrets,
  type Ended,
} from '../harness/run.ts';
import { metristEnv, startIam, startMetrist, startSilentServer } from '../harness/servers.ts';

type Incidents = NonNullable<Parameters<typeof rehearseRuns>[0]['incidents']>;

const minuteMs = 60_000;

/** Starts the command over a results directory. */
async function status(
  resultsDir: string,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  return await runAwsiam(['status', ...args], { METRIST_RESULTS_DIR: resultsDir, ...env });
}

/** A results directory with some hours of rehearsed runs that ended just now. */
async function rehearsed(incidents: Incidents = [], days = 0.25): Promise<string> {
  const resultsDir = await makeResultsDir();
  const writer = new HistoryWriter({ dir: path.join(resultsDir, 'runs'), historyDays: 90 });
  // The last run takes a few seconds at most.
  const endMs = Date.now() - minuteMs;
  for (const run of rehearseRuns({ endMs, days, incidents })) await writer.append(run);
  return resultsDir;
}

/** Every file below a directory, with what would show a write. */
async function snapshot(dir: string) {
  const names = (await readdir(dir, { recursive: true })).toSorted();
  return await Promise.all(
    names.map(async (name) => {
      const { mtimeMs, size, ino } = await stat(path.join(dir, name));
      return [name, mtimeMs, size, ino];
    }),
  );
}

const line = (words: string) => expect.stringMatching(new RegExp(`^AWSIAM ${words}[^\\n]*\\n$`)) as unknown;

describe('after real runs, awsiam status', () => {
  test('shows the live ones, and the offline ones only as rehearsals', async () => {
    const dir = await makeResultsDir();
    const env = { ...liveEnv, METRIST_RESULTS_DIR: dir, METRIST_INSTANCE_ID: 'e2e-1' };
    const failing = await startIam('CreateGroup=ServiceFailure:12');
    const offline = await runVitest({ args: ['--mode', 'offline'], env });
    const live = [];
    for (let count = 0; count < 2; count += 1) {
      live.push(await runVitest({ env: { ...env, AWS_ENDPOINT_URL_IAM: failing.url } }));
    }
    expect([offline.code, ...live.map(({ code }) => code)]).toEqual([0, 1, 1]);

    const shown = await status(dir);
    expect(shown).toMatchObject({ code: 0, stderr: '' });
    expect(shown.stdout).toMatch(/^awsiam: issues since \d{4}-\d\d-\d\d \d\d:\d\d UTC \(\d+ s\), instance e2e-1\n/);
    expect(shown.stdout).toMatch(/\nCreateUser +up .*\nCreateGroup +down +failed .*\nAddUserToGroup +/);
    expect(shown.stdout).toMatch(
      /\ncurrent failure: CreateGroup, .*\n {2}service: .*ServiceFailure \(HTTP 500\).*\n {2}What to do: .*\n {2}IAM's side · ServiceFailure · HTTP 500 · request [\da-f-]{36}\n/,
    );
    expect(await status(dir, ['--nagios'])).toMatchObject({ code: 2, stdout: line('ISSUES - '), stderr: '' });
    const rehearsal = await status(dir, ['--mode', 'offline']);
    expect(rehearsal.stdout).toMatch(/^awsiam, rehearsal \(mock, not AWS\): up since /);
    expect(await status(dir, ['--mode', 'offline', '--nagios'])).toMatchObject({
      code: 0,
      stdout: line('UP - rehearsal'),
    });
  });

  test('finds the results of a checkout where a run put them, and so does the executable', async () => {
    const checkout = await copyProject();
    const run = await runProgram(
      process.execPath,
      [path.join(checkout, 'node_modules/vitest/vitest.mjs'), 'run', '--mode', 'offline'],
      {
        cwd: checkout,
      },
    );
    expect(run).toMatchObject({ code: 0 });
    const args = ['status', '--mode', 'offline', '--nagios'];
    expect(await runAwsiam(args, {}, { checkout })).toMatchObject({ code: 0, stdout: line('UP - ') });
    const [command = '', ...rest] = monitorCommand();
    expect(await runProgram(command, [...rest, ...args], { cwd: checkout })).toMatchObject({
      code: 0,
      stdout: line('UP - '),
    });
  });
});

describe('awsiam status --nagios', () => {
  const hourMs = 60 * minuteMs;
  const lately = { fromMs: -20 * minuteMs, forMs: hourMs };
  const cases: readonly [string, number, Incidents][] = [
    ['UP', 0, []],
    ['DEGRADED', 1, [{ ...lately, kind: { is: 'slow', factor: 9 } }]],
    [
      'ISSUES',
      2,
      [{ ...lately, kind: { is: 'fails', step: 'DeleteGroup', verdict: 'service', code: 'ServiceFailure' } }],
    ],
    ['DOWN', 2, [{ ...lately, kind: { is: 'fails', step: 'CreateUser', verdict: 'timeout', code: 'TimeoutError' } }]],
    [
      'BLIND',
      3,
      [{ ...lately, kind: { is: 'fails', step: 'CreateUser', verdict: 'credentials', code: 'ExpiredToken' } }],
    ],
    ['NO FRESH DATA', 3, [{ ...lately, kind: { is: 'silent' } }]],
  ];
  test.for(cases)('prints one line that says %s and exits with %d', async ([word, code, incidents]) => {
    const dir = await rehearsed(incidents);
    const before = await snapshot(dir);
    expect(await status(dir, ['--nagios'])).toMatchObject({ code, stdout: line(`${word} - `), stderr: '' });
    expect(await status(dir)).toMatchObject({
      code: 0,
      stderr: '',
      stdout: expect.stringContaining(word.toLowerCase()) as unknown,
    });
    expect(await snapshot(dir)).toEqual(before);
  });

  test('exits with 3 and one line for everything that keeps it from looking', async () => {
    const dir = await rehearsed();
    const crash = `process.on('newListener', (event) => event === 'uncaughtException' && setImmediate(() => Promise.reject(new Error('unheard'))));`;
    const ends = await Promise.all([
      status(dir, ['--nagios', '--no-such-option']),
      status(dir, ['--nagios', '--json']),
      status(dir, ['--nagios', 'more']),
      status(dir, ['--nagioss']),
      status(path.join(projectDir, 'package.json'), ['--nagios']),
      status(dir, ['--nagios'], { AWSIAM_INTERVAL_SECS: 'often' }),
      status(dir, ['--nagios'], { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(crash)}` }),
    ]);
    for (const end of ends) expect(end).toMatchObject({ code: 3, stdout: line('UNKNOWN - '), stderr: '' });
    expect(ends.at(-1)?.stdout).toBe('AWSIAM UNKNOWN - unheard\n');
  });

  test('exits with 3 while the packages are being installed', async () => {
    const checkout = await copyProject();
    await rm(path.join(checkout, 'node_modules'));
    const end = await runAwsiam(['status', '--nagios'], {}, { checkout });
    expect(end).toMatchObject({ code: 3, stdout: line('UNKNOWN - awsiam cannot start: '), stderr: '' });
  });

  test('loads no AWS SDK, no vitest, and nothing of OpenTelemetry or charts', async () => {
    const dir = await rehearsed();
    const list = `import { registerHooks } from 'node:module';
      const forbidden = /node_modules\\/(@aws-sdk|@smithy|vitest|@opentelemetry|d3-|dotenv-|junit)/;
      registerHooks({ load: (url, context, next) => { if (forbidden.test(url)) console.log(url); return next(url, context); } });`;
    const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(list)}` };
    expect(await status(dir, ['--nagios'], env)).toMatchObject({ code: 0, stdout: line('UP - ') });
    // The hook works.
    const { stdout } = await runAwsiam(['cleanup'], { ...liveEnv, ...env });
    expect(stdout).toContain('@aws-sdk');
  });
});

describe('awsiam status', () => {
  test('says how to start where there has never been a run, whatever is in the directory', async () => {
    const empty = await makeResultsDir();
    const foreign = await makeResultsDir();
    await mkdir(path.join(foreign, 'runs'));
    await writeFile(path.join(foreign, 'runs/notes.txt'), 'x');
    await writeFile(path.join(foreign, 'runs/2026-13-99.ndjson'), '{}');
    for (const dir of [empty, foreign, path.join(empty, 'none')]) {
      const shown = await status(dir);
      expect(shown).toMatchObject({ code: 0, stderr: '' });
      expect(shown.stdout).toContain(`${path.basename(dir)}/runs. Start one with: npx vitest run`);
      expect(await status(dir, ['--nagios'])).toMatchObject({ code: 3, stdout: line('NO FRESH DATA - ') });
      expect(JSON.parse((await status(dir, ['--json'])).stdout)).toMatchObject({
        state: 'no fresh data',
        lastRun: null,
      });
    }
  });

  test('answers from what is left of a damaged history, and says what it left out', async () => {
    const dir = await rehearsed();
    const today = `${new Date().toISOString().slice(0, 10)}.ndjson`;
    await writeFile(path.join(dir, 'runs', today), `{"schema":1,"torn":\n\0\0\0\n[]\n`, { flag: 'a' });
    await symlink('/dev/zero', path.join(dir, 'runs/2026-01-01.ndjson'));
    await writeFile(path.join(dir, 'totals.json'), '{"damaged');
    const { code, stdout, stderr } = await status(dir);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^awsiam: up since/);
    expect(stdout).toContain('! 3 lines of the history could not be read as a run\n');
  });

  test('fails if the directory cannot be read', async () => {
    const dir = await makeResultsDir();
    await writeFile(path.join(dir, 'runs'), 'a file');
    const { code, stdout, stderr } = await status(dir);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/^error: .*runs could not be read: /);
    expect(await status(dir, ['--nagios'])).toMatchObject({ code: 3, stdout: line('UNKNOWN - error: ') });
  });

  test('works for a user who may only read', async (context) => {
    need(context, process.getuid?.() === 0 || undefined, 'root, to run as another user');
    const dir = await rehearsed();
    await chmod(dir, 0o755);
    const asNobody = 'process.setgroups([]); process.setgid(65534); process.setuid(65534);';
    const before = await snapshot(dir);
    const program = [path.join(projectDir, 'cli/awsiam.js'), 'status'];
    const end = await runProgram(
      process.execPath,
      [`--import=data:text/javascript,${encodeURIComponent(asNobody)}`, ...program],
      {
        env: { METRIST_RESULTS_DIR: dir },
      },
    );
    expect(end).toMatchObject({ code: 0, stderr: '', stdout: expect.stringMatching(/^awsiam: up since/) as unknown });
    expect(await snapshot(dir)).toEqual(before);
  });

  test('does not mind a reader that goes away', async () => {
    const dir = await rehearsed();
    const args = [process.execPath, path.join(projectDir, 'cli/awsiam.js'), 'status'];
    const end = await runProgram('sh', ['-c', '{ "$@"; echo "code $?" >&2; } | head -1', 'sh', ...args], {
      env: { METRIST_RESULTS_DIR: dir },
    });
    expect(end).toMatchObject({
      stdout: expect.stringMatching(/^awsiam: up since .*\n$/) as unknown,
      stderr: 'code 0\n',
    });
    const closed = await runProgram('sh', ['-c', '"$@" >&-', 'sh', ...args], { env: { METRIST_RESULTS_DIR: dir } });
    expect(closed).toMatchObject({ code: 0, stderr: '' });
  });

  test('fits the terminal that COLUMNS describes', async () => {
    const dir = await rehearsed();
    for (const columns of [60, 80, 200]) {
      const { stdout } = await status(dir, [], { COLUMNS: String(columns) });
      expect(Math.max(...stdout.split('\n').map(({ length }) => length))).toBeLessThanOrEqual(columns);
    }
  });
});

describe('awsiam status --remote', () => {
  test("shows Metrist's view beside ours", async () => {
    const dir = await rehearsed();
    const metrist = await startMetrist();
    const lastChecked = new Date(Date.now() - 5 * minuteMs).toISOString();
    metrist.monitorConfigs.setStatus(secrets.apiToken, 'awsiam', { state: 'down', last_checked: lastChecked });
    const env = { ...metristEnv(metrist), METRIST_INSTANCE_ID: 'us-east-1' };
    const { code, stdout, stderr } = await status(dir, ['--remote'], env);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^awsiam: up since .*\nMetrist shows down, last checked .* \(5 min ago\)\.\n/);
    const json = await status(dir, ['--remote', '--json'], env);
    expect(JSON.parse(json.stdout)).toMatchObject({ state: 'up', remote: { state: 'down', lastChecked } });
    expect(metrist.requests.every(({ method }) => method === 'GET')).toBe(true);
  });

  test('shows our own view if Metrist refuses, is gone or is silent, and fails', async () => {
    const dir = await rehearsed();
    const refusing = await startMetrist();
    refusing.behave(() => ({ kind: 'answer', status: 500 }));
    const { url } = await startSilentServer();
    const gone = await startMetrist();
    await gone.close();
    const ends = await Promise.all(
      [refusing.url, url, gone.url].map((each) =>
        status(dir, ['--remote'], { METRIST_API_HOST: each, METRIST_API_TOKEN: secrets.apiToken }),
      ),
    );
    for (const { code, stdout, stderr, everything } of ends) {
      expect(code).toBe(1);
      expect(stdout).toMatch(/^awsiam: up since/);
      expect(stderr).toMatch(/^(?: {2}… .*\n)*error: could not read the state of awsiam: .*\n$/);
      expect(everything).not.toContain(secrets.apiToken);
    }
  });
});
