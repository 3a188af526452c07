import { spawn, spawnSync } from 'node:child_process';
import { chmod, readdir, readFile, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import net, { type AddressInfo } from 'node:net';
import path from 'node:path';
import { expect, onTestFinished, test, type TestContext } from 'vitest';
import { toRecord } from '../../history/run-record.ts';
import { HistoryWriter } from '../../history/write-history.ts';
import { PrometheusReporter } from '../../reporters/prometheus.ts';
import { interruptedRun, ourFailureRun, passedRun } from '../../reporters/testing/runs.ts';
import { maySkip, mountSmallDisk, need } from '../../runner/testing/needs.ts';
import { liveEnv, makeResultsDir, runProgram, runVitest, vitestFile, projectDir } from '../harness/run.ts';
import { metristEnv, startIam, startMetrist } from '../harness/servers.ts';

/** The textfile of real runs, as promtool and the real node_exporter of Debian read it, and what can go wrong with it. */

const programOf = (name: string): string | undefined =>
  spawnSync(name, ['--version']).error === undefined ? name : undefined;

/** Expects that promtool finds nothing. It also looks at names, units and help texts. */
function expectValid(context: TestContext, textfile: string): void {
  const promtool = need(context, programOf('promtool'), 'promtool, of the Debian package prometheus');
  const { status, stdout, stderr } = spawnSync(promtool, ['check', 'metrics'], { input: textfile, encoding: 'utf8' });
  expect({ status, said: `${stdout}${stderr}` }).toEqual({ status: 0, said: '' });
}

async function freePort(): Promise<number> {
  const server = net.createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => {
    server.close(resolve);
  });
  return port;
}

/** Starts the real node_exporter with the textfile collector only. Returns what it serves. */
async function startExporter(context: TestContext, dir: string): Promise<() => Promise<string[]>> {
  const name = 'prometheus-node-exporter';
  const program = need(context, programOf(name), `the Debian package ${name}`);
  const address = `127.0.0.1:${await freePort()}`;
  const child = spawn(program, [
    '--collector.disable-defaults',
    '--collector.textfile',
    `--collector.textfile.directory=${dir}`,
    `--web.listen-address=${address}`,
  ]);
  onTestFinished(() => void child.kill('SIGKILL'));
  await new Promise<void>((resolve, reject) => {
    child.once('exit', () => reject(new Error('node_exporter ended')));
    child.stderr.on('data', (chunk: Buffer) => {
      // Its last line before it serves.
      if (chunk.toString().includes('TLS is disabled')) resolve();
    });
  });
  return async () => (await (await fetch(`http://${address}/metrics`)).text()).split('\n');
}

/**
 * The series of the monitor, without HELP and TYPE, in any order. node_exporter writes numbers in another way, and gives each
 * series of a metric the same labels; for Prometheus, an empty one is none.
 */
const seriesOf = (lines: readonly string[]) =>
  new Map(
    lines
      .filter((line) => line.startsWith('awsiam_'))
      .map((line) => {
        const end = line.lastIndexOf(' ');
        const labels = /\{(.*)\}$/.exec(line.slice(0, end))?.[1] ?? '';
        const sorted = [...labels.matchAll(/\w+="(?:[^"\\]|\\.)+"/g)].map(([pair]) => pair).toSorted();
        return [`${line.slice(0, end).replace(/\{.*$/, '')} ${sorted.join()}`, Number(line.slice(end + 1))] as const;
      }),
  );

const readTextfile = (dir: string): Promise<string> => readFile(path.join(dir, 'awsiam.prom'), 'utf8');

test('node_exporter serves the counts of real runs: passed, failed because of IAM, because of us, and not delivered', async (context) => {
  const resultsDir = await makeResultsDir();
  const metrist = await startMetrist();
  const run = async (faults = '', env: Readonly<Record<string, string>> = {}) => {
    const iam = await startIam(faults);
    return await runVitest({
      env: {
        ...liveEnv,
        ...metristEnv(metrist),
        AWS_ENDPOINT_URL_IAM: iam.url,
        METRIST_RESULTS_DIR: resultsDir,
        METRIST_INSTANCE_ID: 'e2e-1',
        ...env,
      },
    });
  };
  const passed = await run();
  expect(passed.code, passed.everything).toBe(0);
  const read = await startExporter(context, resultsDir);
  await run('CreateGroup=ServiceFailure:3');
  await run('CreateUser=AccessDenied:1');
  await run('', { METRIST_API_HOST: 'http://127.0.0.1:9' });

  const textfile = await readTextfile(resultsDir);
  expectValid(context, textfile);
  const served = await read();
  expect(served).toContain('node_textfile_scrape_error 0');
  expect(seriesOf(served)).toEqual(seriesOf(textfile.split('\n')));
  const own = seriesOf(textfile.split('\n'));
  const value = (name: string, ...labels: readonly string[]) =>
    own.get(`awsiam_${name} ${['monitor_instance="e2e-1"', ...labels].toSorted().join()}`);
  expect(value('runs_total', 'result="passed"')).toBe(2);
  expect(value('runs_total', 'result="failed"', 'side="theirs"')).toBe(1);
  expect(value('runs_total', 'result="failed"', 'side="ours"')).toBe(1);
  expect(
    value('step_results_total', 'step="CreateGroup"', 'result="failed"', 'verdict="service"', 'side="theirs"'),
  ).toBe(1);
  expect(value('step_results_total', 'step="CreateGroup"', 'result="blocked"')).toBe(1);
  expect(value('step_duration_seconds_count', 'step="CreateUser"', 'result="passed"')).toBe(3);
  expect(value('step_attempts_total', 'step="CreateGroup"')).toBe(5);
  expect(value('undelivered_total')).toBe(8);
  expect(value('outbox_errors')).toBe(0);
  expect(value('state', 'state="up"')).toBe(1);
});

test('interrupted runs and hostile names of instances are valid, too', async (context) => {
  const resultsDir = await makeResultsDir();
  const writer = new HistoryWriter({ dir: path.join(resultsDir, 'runs'), historyDays: 90 });
  const reporter = new PrometheusReporter({ resultsDir, shownAs: '' });
  for (const instance of [
    'plain',
    'quo"te',
    'back\\slash',
    'new\nline',
    '\0\r\t',
    '\uD800',
    '\uD801',
    'é😀',
    '{a="b"} 1',
  ]) {
    for (const run of [passedRun, ourFailureRun, interruptedRun]) {
      const own = { ...run, instance };
      await writer.append(toRecord(own, { intervalSecs: 120, frontEnd: 'orchestrator' }));
      expect(await reporter.report(own, [])).toMatchObject({ ok: true });
    }
  }
  const textfile = await readTextfile(resultsDir);
  expectValid(context, textfile);
  const read = await startExporter(context, resultsDir);
  const served = await read();
  expect(served).toContain('node_textfile_scrape_error 0');
  expect(seriesOf(served).size).toBe(seriesOf(textfile.split('\n')).size);
});

test('a symbolic link in the directory of node_exporter shows each new file', async (context) => {
  const [resultsDir, textfileDir] = [await makeResultsDir(), await makeResultsDir()];
  await symlink(path.join(resultsDir, 'awsiam.prom'), path.join(textfileDir, 'awsiam.prom'));
  const read = await startExporter(context, textfileDir);
  const iam = await startIam();
  for (const runs of [1, 2]) {
    const run = await runVitest({
      env: { ...liveEnv, AWS_ENDPOINT_URL_IAM: iam.url, METRIST_RESULTS_DIR: resultsDir },
    });
    expect(run.code, run.everything).toBe(0);
    expect(seriesOf(await read()).get('awsiam_runs_total result="passed"')).toBe(runs);
  }
});

test('everybody may read the file of a run with a strict umask, and two runs at once are both counted', async () => {
  const resultsDir = await makeResultsDir();
  const iam = await startIam();
  const env = { ...liveEnv, AWS_ENDPOINT_URL_IAM: iam.url, METRIST_RESULTS_DIR: resultsDir };
  const start = () =>
    runProgram('sh', ['-c', 'umask 077 && exec "$@"', 'sh', process.execPath, vitestFile, 'run'], {
      cwd: projectDir,
      env,
    });
  for (const run of await Promise.all([start(), start()])) expect(run.code, run.everything).toBe(0);
  expect((await stat(path.join(resultsDir, 'awsiam.prom'))).mode & 0o777).toBe(0o644);
  expect(await readTextfile(resultsDir)).toContain('awsiam_runs_total{result="passed"} 2\n');
});

test('an offline run writes no textfile', async () => {
  const run = await runVitest({ args: ['--mode', 'offline'] });
  expect(run.code, run.everything).toBe(0);
  expect(await readdir(run.resultsDir)).not.toContain('awsiam.prom');
  expect(await readdir(run.resultsDir)).not.toContain('totals.json');
});

test('a full disk costs the file and nothing else, and the next run counts what it missed', async (context) => {
  const iam = await startIam();
  const resultsDir = await makeResultsDir();
  await mountSmallDisk(context, resultsDir, '256k');
  const env = { ...liveEnv, AWS_ENDPOINT_URL_IAM: iam.url, METRIST_RESULTS_DIR: resultsDir };
  expect((await runVitest({ env })).code).toBe(0);
  const before = await readTextfile(resultsDir);
  // Leaves room for the line of the history and a new junit.xml, but not for a second textfile.
  const filler = path.join(resultsDir, 'filler');
  await expect(writeFile(filler, Buffer.alloc(256 * 1024))).rejects.toThrow(/ENOSPC/);
  await truncate(filler, (await stat(filler)).size - 24 * 1024);
  const full = await runVitest({ env });
  expect(full.code, full.everything).toBe(0);
  expect(full.stdout).toMatch(/! metrics .*awsiam\.prom could not be written: ENOSPC/);
  expect(await readTextfile(resultsDir)).toBe(before);
  await rm(filler);
  expect((await runVitest({ env })).code).toBe(0);
  expect(await readTextfile(resultsDir)).toContain('awsiam_runs_total{result="passed"} 3\n');
});

test('damaged totals are made again, in the next run', async () => {
  const iam = await startIam();
  const resultsDir = await makeResultsDir();
  const env = { ...liveEnv, AWS_ENDPOINT_URL_IAM: iam.url, METRIST_RESULTS_DIR: resultsDir };
  await runVitest({ env });
  await writeFile(path.join(resultsDir, 'totals.json'), '{"schema":1,');
  const run = await runVitest({ env });
  expect(run.code, run.everything).toBe(0);
  expect(await readTextfile(resultsDir)).toContain('awsiam_runs_total{result="passed"} 2\n');
});

const isRoot = process.getuid?.() === 0;

test.skipIf(maySkip && !isRoot)(
  'a directory that this user may not write costs the file and nothing else',
  async () => {
    const iam = await startIam();
    const resultsDir = await makeResultsDir();
    await chmod(resultsDir, 0o755);
    const env = { ...liveEnv, AWS_ENDPOINT_URL_IAM: iam.url, METRIST_RESULTS_DIR: resultsDir, HOME: '/nonexistent' };
    const args = ['--reuid', '65534', '--clear-groups', process.execPath, vitestFile, 'run'];
    const run = await runProgram('setpriv', args, { cwd: projectDir, env });
    expect(run.code, run.everything).toBe(0);
    expect(run.stdout).toMatch(/! metrics .*awsiam\.prom could not be written: EACCES/);
    expect(await readdir(resultsDir)).toEqual([]);
  },
);
