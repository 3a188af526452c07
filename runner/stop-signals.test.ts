import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test, vi } from 'vitest';
import type { Progress } from './progress.ts';
import { StopSignals } from './stop-signals.ts';
import { need } from './testing/needs.ts';

interface Options {
  readonly longestEndMs?: number;
  readonly terminal?: { readonly isTTY?: boolean; readonly columns?: number };
  /** What the run says that it is doing. @default nothing */
  readonly progress?: Progress;
  /** Starts the program that follows it. @default none */
  readonly starter?: readonly string[];
}

/** Starts a process whose run does not end by itself. */
async function startProcess({ longestEndMs = 60_000, terminal = {}, progress, starter = [] }: Options) {
  const [signals, sending] = ['stop-signals.ts', 'progress.ts'].map((file) => new URL(file, import.meta.url).href);
  const program = `
    import { StopSignals, stopSignals } from '${signals}';
    import { sendProgress } from '${sending}';
    const errorOutput = { ...${JSON.stringify(terminal)}, write: (text) => process.stderr.write(text) };
    const stop = new AbortController();
    const signals = new StopSignals({ errorOutput, longestEndMs: ${longestEndMs}, stop: () => stop.abort() });
    for (const signal of stopSignals) process.on(signal, () => signals.receive(signal));
    const progress = ${JSON.stringify(progress)};
    if (progress) sendProgress(() => progress, stop.signal);
    setInterval(() => {}, 1000);
    console.log('ready');
  `;
  const [file, ...args] = [...starter, process.execPath, '--input-type=module', '--eval', program];
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = Promise.all([once(child, 'close'), text(child.stderr)]).then(([[code, signal], stderr]) => ({
    code: code as number | null,
    signal: signal as string | null,
    lines: stderr.trimEnd().split('\n'),
  }));
  await once(child.stdout, 'data');
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const said = async (words: string): Promise<void> => {
    while (!stderr.includes(words)) await once(child.stderr, 'data');
  };
  return { child, ended, said };
}

describe('a process whose run does not end', { timeout: 60_000 }, () => {
  test('ends by the signal at the time limit, and says what may be left behind', async () => {
    const { child, ended } = await startProcess({ longestEndMs: 300 });
    child.kill('SIGTERM');
    expect(await ended).toEqual({
      code: null,
      signal: 'SIGTERM',
      lines: [
        'SIGTERM: stopping as soon as what this run made is removed and the reports are written',
        'SIGTERM: the run did not end within 0.3 s: ending at once',
        '  ! what this run made may be left behind; "awsiam cleanup" removes it when no run can need it any more',
      ],
    });
  });

  test('ends also as the first process of a container, which no signal of its own ends', async (context) => {
    const starter = ['unshare', '--pid', '--fork', '--kill-child'];
    need(
      context,
      spawnSync(starter[0] ?? '', [...starter.slice(1), 'true']).status === 0 || undefined,
      'root, for a namespace',
    );
    const { child, ended } = await startProcess({ longestEndMs: 300, starter });
    // Not to unshare, which ignores signals while it waits for its child.
    const [first = ''] = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').split(' ');
    process.kill(Number(first), 'SIGTERM');
    expect(await ended).toMatchObject({ code: 143, signal: null });
  });

  test('writes lines that fit the terminal', async () => {
    const { child, ended } = await startProcess({ longestEndMs: 300, terminal: { isTTY: true, columns: 60 } });
    child.kill('SIGTERM');
    const { lines } = await ended;
    expect(lines.map((line) => line.replace('\r\u001B[K', ''))).toEqual([
      'SIGTERM: stopping as soon as what this run made is',
      '      removed and the reports are written',
      'SIGTERM: the run did not end within 0.3 s: ending at',
      '      once',
      '  ! what this run made may be left behind; "awsiam',
      '      cleanup" removes it when no run can need it any more',
    ]);
  });

  test('is not ended early by more SIGHUPs, nor by a signal that arrives twice within half a second', async () => {
    const { child, ended } = await startProcess({ longestEndMs: 1500 });
    child.kill('SIGHUP');
    child.kill('SIGHUP');
    await delay(600);
    child.kill('SIGHUP');
    child.kill('SIGHUP');
    const { signal, lines } = await ended;
    expect(signal).toBe('SIGHUP');
    expect(lines.slice(0, 2)).toEqual([
      'SIGHUP: stopping as soon as what this run made is removed and the reports are written',
      'SIGHUP: the run did not end within 1.5 s: ending at once',
    ]);
  });

  test('says at the second signal what it waits for, and at the third ends and names what it leaves behind', async () => {
    const progress = {
      doing: 'removing user testuser-1',
      forMs: 12_000,
      atMostMs: 48_000,
      remaining: [{ entity: 'user testuser-1', command: 'aws iam delete-user --user-name testuser-1' }],
    };
    const { child, ended, said } = await startProcess({ progress });
    child.kill('SIGINT');
    await said('stopping as soon as');
    // Signals within half a second count as one.
    await delay(600);
    child.kill('SIGINT');
    await said('still stopping');
    await delay(600);
    child.kill('SIGTERM');
    const { signal, lines } = await ended;
    expect(signal).toBe('SIGTERM');
    expect(lines.slice(1)).toEqual([
      'SIGINT: still stopping: removing user testuser-1 (12 s, at most 48 s more); one more Ctrl-C ends the run at once and leaves what is there',
      'SIGTERM for the third time: ending at once, while removing user testuser-1 (12 s, at most 48 s more)',
      '  ! left behind: user testuser-1',
      '      remove it with: aws iam delete-user --user-name testuser-1',
    ]);
  });
});

test('a run that stops in time gets the exit code of its first signal', async () => {
  const stop = vi.fn<(signal: NodeJS.Signals) => void>();
  const write = vi.fn<(text: string) => void>();
  const exits = process.listeners('exit');
  const signals = new StopSignals({ errorOutput: { write }, stop });
  signals.receive('SIGHUP');
  signals.receive('SIGTERM');
  expect(stop).toHaveBeenCalledExactlyOnceWith('SIGHUP');
  const onExit = process.listeners('exit').find((listener) => !exits.includes(listener));
  if (onExit === undefined) throw new Error('nothing sets the exit code');
  process.off('exit', onExit);
  const { exitCode } = process;
  onExit(0);
  expect(process.exitCode).toBe(129);
  process.exitCode = exitCode;
});
