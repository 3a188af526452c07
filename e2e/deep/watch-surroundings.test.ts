import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import { once } from 'node:events';
import { expect, onTestFinished, test } from 'vitest';
import { HistoryReader } from '../../history/read-history.ts';
import { readTotals } from '../../history/totals.ts';
import { listEntities } from '../../mocks/iam/seeding.ts';
import { mountSmallDisk } from '../../runner/testing/needs.ts';
import { fromSource } from '../harness/orchestrator.ts';
import { readRuns } from '../harness/read-history.ts';
import { liveEnv, makeResultsDir, runAwsiam, runVitest } from '../harness/run.ts';
import { metristEnv, startIam, startMetrist } from '../harness/servers.ts';
import { RunningWatch } from '../harness/watch.ts';

/** A watch whose disk is full or hangs, and a second one beside it. */

interface WatchOptions {
  readonly more?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
}

async function startWatch(
  resultsDir: string,
  { more = {}, args = ['--every', '1s', '--listen', '127.0.0.1:0'] }: WatchOptions = {},
) {
  const iam = await startIam();
  const env = { ...liveEnv, ...more, AWS_ENDPOINT_URL_IAM: iam.url, METRIST_RESULTS_DIR: resultsDir };
  const watch = new RunningWatch({ command: fromSource, args, env, onTestFinished });
  await watch.runs(1);
  return { watch, env, iam, url: /http:\S+\//.exec(watch.stdout)?.[0] ?? '' };
}

const passedRuns = async (url: string): Promise<number> =>
  Number(/^awsiam_runs_total\{.*result="passed"\} (\d+)/m.exec(await (await fetch(`${url}metrics`)).text())?.[1]);

test('a full disk costs no run: when it has room again, each is in the history once and in order', async (context) => {
  const resultsDir = await makeResultsDir();
  await mountSmallDisk(context, resultsDir, '512k');
  const { watch, iam, url } = await startWatch(resultsDir);
  const filler = path.join(resultsDir, 'filler');
  await expect(writeFile(filler, Buffer.alloc(1024 * 1024))).rejects.toThrow(/ENOSPC/);
  await watch.until(({ stdout }) => (stdout.match(/history \S+ could not be written: ENOSPC/g) ?? []).length >= 2);
  const ended = watch.runLines.length;
  expect(await passedRuns(url)).toBeGreaterThanOrEqual(ended);
  await rm(filler);
  await watch.runs(ended + 2);
  const { code } = await watch.stop();
  expect(code).toBe(143);
  // The line that the disk cut off is there as well.
  const runs = await Array.fromAsync(new HistoryReader({ dir: path.join(resultsDir, 'runs') }));
  const users = iam.calls.filter(({ operation }) => operation === 'CreateUser').map(({ params }) => params['UserName']);
  expect(runs.map(({ testUser }) => testUser)).toEqual([...new Set(users)]);
  const { totals } = await readTotals({ resultsDir });
  const { passed = 0, interrupted = 0 } = totals.find({ mode: 'live' })?.counters.runs ?? {};
  expect(passed + interrupted).toBe(runs.length);
});

/** Mounts a disk that never answers. @returns a function that takes it away again */
async function mountHangingDisk(dir: string): Promise<() => Promise<void>> {
  const fuse = openSync('/dev/fuse', 'r+');
  const options = 'fd=3,rootmode=40000,user_id=0,group_id=0';
  const mount = spawn('mount', ['-i', '-t', 'fuse', '-o', options, 'hang', dir], {
    stdio: ['ignore', 'ignore', 'ignore', fuse],
  });
  expect(await once(mount, 'exit')).toEqual([0, null]);
  let isMounted = true;
  const release = async (): Promise<void> => {
    if (!isMounted) return;
    isMounted = false;
    await once(spawn('umount', ['-l', dir]), 'exit');
    closeSync(fuse);
  };
  onTestFinished(release);
  return release;
}

test.skipIf(process.getuid?.() !== 0)('a disk that hangs costs no run and no result', async () => {
  const metrist = await startMetrist();
  const resultsDir = await makeResultsDir();
  await mkdir(path.join(resultsDir, 'runs'));
  const { watch, iam, url } = await startWatch(resultsDir, { more: metristEnv(metrist) });
  const release = await mountHangingDisk(path.join(resultsDir, 'runs'));
  await watch.until(({ stdout }) => stdout.includes('the disk still does not answer'));
  const ended = watch.runLines.length;
  await watch.runs(ended + 3);
  expect((await fetch(`${url}healthz`)).ok).toBe(true);
  expect(await passedRuns(url)).toBeGreaterThanOrEqual(ended);
  await release();
  await watch.runs(watch.runLines.length + 3);
  expect((await watch.stop()).code).toBe(143);
  const runs = await readRuns(resultsDir);
  const users = iam.calls.filter(({ operation }) => operation === 'CreateUser').map(({ params }) => params['UserName']);
  expect(runs.map(({ testUser }) => testUser)).toEqual([...new Set(users)]);
  expect(runs.flatMap(({ steps }) => steps).filter(({ state }) => state === 'failed')).toEqual([]);
  expect(metrist.telemetry.length).toBe(runs.flatMap(({ steps }) => steps).filter((s) => s.state === 'passed').length);
});

test.skipIf(process.getuid?.() !== 0)('SIGTERM ends a watch whose disk hangs', async () => {
  const resultsDir = await makeResultsDir();
  const { watch } = await startWatch(resultsDir);
  await mountHangingDisk(path.join(resultsDir, 'runs'));
  await watch.until(({ stdout }) => stdout.includes('the disk still does not answer'));
  await watch.stop();
  expect(watch.stdout).toMatch(/awsiam watch · \d+ runs in /);
});

/** Every file of a directory, with what it says and when it was written. */
async function snapshot(dir: string): Promise<Readonly<Record<string, string>>> {
  const found = (await readdir(dir, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  const files = found.map(({ parentPath, name }) => path.join(parentPath, name)).toSorted();
  const read = async (file: string) => `${(await stat(file)).mtimeMs} ${await readFile(file, 'latin1')}`;
  return Object.fromEntries(await Promise.all(files.map(async (file) => [file, await read(file)] as const)));
}

test('beside a watch, another watch or run starts nothing and changes no file, vitest runs, and one that waits follows', async () => {
  const resultsDir = await makeResultsDir();
  const { watch, env, iam } = await startWatch(resultsDir, { args: ['--every', '1d', '--no-listen'] });
  const callsBefore = iam.calls.length;
  const filesBefore = await snapshot(resultsDir);
  for (const args of [['watch', '--no-listen'], ['run'], ['run', '--json'], ['run', '--wait', '1s']]) {
    const second = await runAwsiam(args, env);
    expect(second, args.join(' ')).toMatchObject({ code: 1, stdout: '' });
    expect(second.stderr.trimEnd().split('\n').at(-1), args.join(' ')).toMatch(
      new RegExp(`^another awsiam watch \\(process ${watch.child.pid}, since .*nothing was run\\. `),
    );
  }
  expect(await snapshot(resultsDir)).toEqual(filesBefore);
  expect(iam.calls.length).toBe(callsBefore);

  const beside = await runVitest({ env });
  expect(beside.code, beside.everything).toBe(0);
  const offline = await runAwsiam(['run', '--offline'], env);
  expect(offline.code, offline.everything).toBe(0);

  const { promise: isWaiting, resolve: waits } = Promise.withResolvers<void>();
  const waiting = runAwsiam(['run', '--wait', '1m'], env, {
    onStart: ({ stderr }) =>
      stderr?.on('data', (text) => String(text).includes('waiting for another awsiam watch') && waits()),
  });
  await Promise.race([isWaiting, waiting]);
  expect((await watch.stop()).code).toBe(143);
  const { code, everything } = await waiting;
  expect(code, everything).toBe(0);
  const runs = await readRuns(resultsDir);
  expect(runs.map(({ frontEnd, state }) => `${frontEnd} ${state}`)).toEqual(
    ['watch', 'vitest', 'run', 'run'].map((frontEnd) => `${frontEnd} passed`),
  );
});

test('a killed watch holds nothing', async () => {
  const { watch, env } = await startWatch(await makeResultsDir());
  await watch.stop('SIGKILL');
  const next = await runAwsiam(['run'], env);
  expect(next.code, next.everything).toBe(0);
});

test('200 slow readers and one that never reads disturb no run, and nothing of them remains', async () => {
  const { watch, iam, url } = await startWatch(await makeResultsDir());
  const { hostname, port } = new URL(url);
  const openFiles = async (): Promise<number> => (await readdir(`/proc/${watch.child.pid}/fd`)).length;
  const before = await openFiles();
  const sockets = await Promise.all(
    Array.from({ length: 201 }, async (_, index) => {
      const socket = net.connect({ host: hostname, port: Number(port) });
      socket.on('error', () => {});
      onTestFinished(() => void socket.destroy());
      await once(socket, 'connect');
      socket.write(`GET ${index % 2 === 0 ? '/metrics' : '/'} HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`);
      // Its bytes stay in the buffers of the two ends.
      socket.pause();
      return socket;
    }),
  );
  const slow = sockets.slice(1);
  await watch.runs(watch.runLines.length + 3);
  expect((await fetch(`${url}metrics`)).status).toBe(200);
  const reading = setInterval(() => slow.forEach((socket) => socket.read(1000)), 50);
  await watch.runs(watch.runLines.length + 3);
  clearInterval(reading);
  expect((await fetch(`${url}healthz`)).status).toBe(200);
  for (const socket of sockets) socket.destroy();
  // The fetches above keep their connections for some seconds.
  await expect.poll(openFiles, { timeout: 60_000, interval: 100 }).toBeLessThanOrEqual(before);
  expect((await watch.stop()).code).toBe(143);
  expect(watch.runLines.filter((line) => line.includes('✗'))).toEqual([]);
  expect(listEntities(iam.state)).toEqual({ users: [], groups: [] });
});

test('a watch whose port is taken says so, runs nothing and holds no lock', async () => {
  const { env, url } = await startWatch(await makeResultsDir());
  const iam = await startIam();
  const address = new URL(url).host;
  const other = { ...env, AWS_ENDPOINT_URL_IAM: iam.url, METRIST_RESULTS_DIR: await makeResultsDir() };
  const refused = await runAwsiam(['watch', '--listen', address], other);
  expect(refused).toMatchObject({ code: 1, stdout: '' });
  expect(refused.stderr).toBe(
    `error: could not listen on ${address}: another program listens there. Choose another address, such as --listen 127.0.0.1:${Number(new URL(url).port) + 1}, or serve nothing with --no-listen\n`,
  );
  expect(iam.calls).toEqual([]);
  expect((await runAwsiam(['run'], other)).code).toBe(0);
});
