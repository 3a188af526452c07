import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';

/** Starts a process that takes over its signals and never ends by itself. */
async function startProcess(longestEndMs: number, terminal: { isTTY?: boolean; columns?: number } = {}) {
  const url = new URL('take-over-signals.ts', import.meta.url).href;
  const program = `
    import { takeOverSignals } from '${url}';
    const errorOutput = { ...${JSON.stringify(terminal)}, write: (text) => process.stderr.write(text) };
    const { configureVitest } = takeOverSignals({ errorOutput, longestEndMs: ${longestEndMs} });
    configureVitest({ vitest: { config: {} }, project: { config: {} } });
    setInterval(() => {}, 1000);
    console.log('ready');
  `;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = Promise.all([once(child, 'close'), text(child.stderr)]).then(([[, signal], stderr]) => ({
    signal: signal as string | null,
    lines: stderr.trimEnd().split('\n'),
  }));
  await once(child.stdout, 'data');
  return { child, ended };
}

describe('a process whose run does not end', { timeout: 60_000 }, () => {
  test('ends by the signal at the time limit, and says what may be left behind', async () => {
    const { child, ended } = await startProcess(300);
    child.kill('SIGTERM');
    expect(await ended).toEqual({
      signal: 'SIGTERM',
      lines: [
        'SIGTERM: stopping as soon as what this run made is removed and the reports are written',
        'SIGTERM: the run did not end within 0.3 s: ending at once',
        '  ! what this run made may be left behind; "awsiam cleanup" removes it when no run can need it any more',
      ],
    });
  });

  test('writes lines that fit the terminal', async () => {
    const { child, ended } = await startProcess(300, { isTTY: true, columns: 60 });
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
    const { child, ended } = await startProcess(1500);
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
});
