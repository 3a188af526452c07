import { spawn } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { expect, onTestFinished, test } from 'vitest';
import type { RunLock } from './run-lock.ts';

/** A process that tries to get the lock of each namespace that it is told, keeps what it gets, and says what came of it. */
function startRacer(resultsDir: string) {
  const script = `
    import { createInterface } from 'node:readline';
    import { acquireRunLock } from ${JSON.stringify(path.join(import.meta.dirname, 'run-lock.ts'))};
    const options = { resultsDir: ${JSON.stringify(resultsDir)}, command: 'watch', signal: new AbortController().signal };
    const outcomes = [];
    console.log('ready');
    for await (const namespace of createInterface({ input: process.stdin })) {
      outcomes.push(await acquireRunLock({ ...options, namespace }));
      console.log(JSON.stringify(outcomes.at(-1)));
    }`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const nextLine = async () => (await lines.next()).value as string;
  const race = async (namespace: string) => {
    child.stdin.write(`${namespace}\n`);
    return JSON.parse(await nextLine()) as RunLock;
  };
  return { child, ready: nextLine(), race };
}

test(
  'exactly one of 20 processes gets the lock, each time, and the others know which',
  { timeout: 120_000 },
  async () => {
    const resultsDir = await mkdtemp(path.join(os.tmpdir(), 'awsiam-run-lock-'));
    onTestFinished(() => rm(resultsDir, { recursive: true, force: true }));
    const racers = Array.from({ length: 20 }, () => startRacer(resultsDir));
    expect(new Set(await Promise.all(racers.map(({ ready }) => ready)))).toEqual(new Set(['ready']));
    const namespaces = Array.from({ length: 50 }, (_, round) => `round-${round}`);
    for (const namespace of namespaces) {
      const outcomes = await Promise.all(racers.map(({ race }) => race(namespace)));
      const winner = outcomes.findIndex(({ state }) => state === 'acquired');
      const holder = { pid: racers[winner]?.child.pid, command: 'watch', since: expect.any(String) as string };
      expect(outcomes.toSpliced(winner, 1)).toEqual(Array.from({ length: 19 }, () => ({ state: 'held', holder })));
    }
    expect((await readdir(resultsDir)).toSorted()).toEqual(namespaces.map((each) => `run-${each}.lock`).toSorted());
  },
);
