import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type DriveOptions, driveMonitor } from './drive-monitor.ts';
import { type DriveEvent, isSuccessful } from './drive-report.ts';
import { type MonitorScript, writeMonitor, writeProgram } from './testing/write-monitor.ts';

const env = { PATH: process.env['PATH'] };
/** The Orchestrator's 5 ms from Exit to SIGTERM are too short for a monitor on a busy machine. */
const limits = { terminateAfterMs: 1000 };
const defaults = { steps: ['A', 'B', 'C'], env, limits } as const;

/** Drives a monitor that follows the protocol, except where the script differs. */
async function drive(script: MonitorScript, options: Partial<DriveOptions> = {}) {
  const events: DriveEvent[] = [];
  const command = [await writeMonitor(script)];
  const report = await driveMonitor({ ...defaults, command, onEvent: (event) => events.push(event), ...options });
  return { report, events, states: report.steps.map(({ state }) => state) };
}

/** A file in which a monitor can write facts about itself. */
async function notesFile(): Promise<{ readonly file: string; readonly read: () => Promise<string> }> {
  const dir = await mkdtemp(path.join(os.tmpdir(), 'awsiam-notes-'));
  onTestFinished(() => rm(dir, { recursive: true }));
  const file = path.join(dir, 'notes');
  return { file, read: () => readFile(file, 'utf8') };
}

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

describe('a monitor that follows the protocol', () => {
  test('is read to its end: what it logs after Exit is passed on, in a stopped run too', async () => {
    const exit = `send('Log Warning left behind: user u'); process.exit(0);`;
    const left = { kind: 'log', level: 'Warning', text: 'left behind: user u' };
    const controller = new AbortController();
    const events: DriveEvent[] = [];
    const onEvent = (event: DriveEvent): void => {
      events.push(event);
      if (event.kind === 'log') controller.abort();
    };
    const command = [await writeMonitor({ step: `send('Log Info working');`, exit })];
    await driveMonitor({ ...defaults, command, onEvent, signal: controller.signal });
    expect(events.at(-1)).toEqual(left);
    expect((await drive({ exit })).events.at(-1)).toEqual(left);
  });

  test('is driven from its start to its end', async () => {
    const { report, events } = await drive({});
    expect(report).toEqual({
      steps: ['A', 'B', 'C'].map((name) => ({
        state: 'passed',
        name,
        durationMs: 12.5,
        metadata: {},
        answeredAfterMs: expect.any(Number) as unknown,
      })),
      problems: [],
      startedAfterMs: expect.any(Number) as unknown,
      configuredAfterMs: expect.any(Number) as unknown,
      wallMs: expect.any(Number) as unknown,
      exit: { code: 0, signal: null },
      interrupted: false,
    });
    expect(isSuccessful(report)).toBe(true);
    expect(JSON.parse(JSON.stringify(report))).toEqual(report);
    expect(events.map(({ kind }) => kind)).toEqual(['step', 'step', 'step']);
  });

  test('has the arguments, the environment, the directory and the group that the Orchestrator gives it', async () => {
    const { file, read } = await notesFile();
    const facts = `{ args: process.argv.slice(2), cwd: process.cwd(), env: process.env, pid: process.pid, isDir: existsSync(process.env.TMPDIR) }`;
    const monitor = await writeMonitor({
      start: `writeFileSync(process.env.NOTES, JSON.stringify(${facts})); send('Started 1.1');`,
    });
    await driveMonitor({ ...defaults, command: [monitor, 'a b', '$HOME'], env: { ...env, NOTES: file } });
    const {
      args,
      cwd,
      env: given,
      pid,
      isDir,
    } = JSON.parse(await read()) as {
      args: string[];
      cwd: string;
      env: Record<string, string>;
      pid: number;
      isDir: boolean;
    };
    expect(args).toEqual(['a b', '$HOME']);
    expect(cwd).toBe(path.dirname(monitor));
    const { TMPDIR = '', TEMP, TMP, ...rest } = given;
    expect(rest).toMatchObject({ ...env, NOTES: file });
    expect(path.relative(os.tmpdir(), TMPDIR)).toMatch(/^orchtmp-[\da-f]{16}$/);
    expect([TEMP, TMP, isDir]).toEqual([TMPDIR, TMPDIR, true]);
    expect(await readdir(os.tmpdir())).not.toContain(path.basename(TMPDIR));
    expect(isAlive(pid)).toBe(false);
  });

  test('gets its configuration and the request to clean up', async () => {
    const { events } = await drive(
      { config: `send('Configured'); console.error(json);`, exit: `console.error('exit', cleanup); process.exit(0);` },
      { configJson: '{"Namespace":"größer"}', cleanup: true },
    );
    expect(events.filter(({ kind }) => kind === 'stderr')).toEqual([
      { kind: 'stderr', line: '{"Namespace":"größer"}' },
      { kind: 'stderr', line: 'exit 1' },
    ]);
  });

  test('can be named as a program in PATH, or by a relative path', async () => {
    const monitor = await writeMonitor();
    for (const command of [[path.basename(monitor)], [path.relative(process.cwd(), monitor)]]) {
      const report = await driveMonitor({ ...defaults, command, env: { PATH: path.dirname(monitor) } });
      expect(isSuccessful(report)).toBe(true);
    }
  });
});

describe('a failed step', () => {
  test('ends the run with Exit and SIGTERM, after the directory is removed', async () => {
    const { file, read } = await notesFile();
    const facts = `{ dir: process.env.TMPDIR, isDir: existsSync(process.env.TMPDIR) }`;
    const leave = `writeFileSync(process.env.NOTES, JSON.stringify(${facts})); mkdirSync(process.env.TMPDIR); process.exit(7);`;
    const { report, states } = await drive(
      {
        start: `process.on('SIGTERM', () => { ${leave} }); send('Started 1.1');`,
        step: `send('Step Error it failed')`,
        exit: '',
      },
      { env: { ...env, NOTES: file } },
    );
    expect([states, report.exit, report.problems]).toEqual([
      ['failed', 'blocked', 'blocked'],
      { code: 7, signal: null },
      [],
    ]);
    expect(isSuccessful(report)).toBe(false);
    const { dir, isDir } = JSON.parse(await read()) as { dir: string; isDir: boolean };
    expect(isDir).toBe(false);
    expect(await readdir(os.tmpdir())).not.toContain(path.basename(dir));
  });

  test('is reported even if the process ends right after the answer', async () => {
    const { report, states } = await drive({
      step: `process.stdout.write(frame('Step Error x'), () => process.exit(1));`,
    });
    expect([states, report.problems]).toEqual([['failed', 'blocked', 'blocked'], []]);
  });

  test('may be a step that takes too long', async () => {
    const { report } = await drive({ step: '' }, { stepTimeoutMs: 20 });
    expect(report.steps[0]).toMatchObject({ state: 'failed', text: expect.stringContaining('Timeout') as unknown });
  });
});

describe('what a monitor logs while it ends is passed on', () => {
  const leave = `send('Log Warning left behind: a user'); raw('no frame'); send('Log Info unread'); setTimeout(() => process.exit(0), 20);`;
  const script: MonitorScript = {
    start: `process.on('SIGTERM', () => {}); send('Started 1.1');`,
    step: `console.error('at work');`,
    exit: leave,
  };
  const lastLogs = (events: readonly DriveEvent[]) => events.filter(({ kind }) => kind === 'log');

  test.for([
    ['was stopped', true, ''],
    ['did not answer a step in time', false, ''],
    ['had failed', false, `send('Step Error x');`],
  ] as const)('if it %s', async ([, isStopped, step]) => {
    const stop = new AbortController();
    const events: DriveEvent[] = [];
    const report = await driveMonitor({
      ...defaults,
      command: [await writeMonitor({ ...script, step: `${script.step} ${step}` })],
      ...(isStopped ? {} : { stepTimeoutMs: 500 }),
      signal: stop.signal,
      onEvent: (event) => {
        events.push(event);
        if (isStopped && event.kind === 'stderr') stop.abort();
      },
    });
    expect(lastLogs(events)).toEqual([{ kind: 'log', level: 'Warning', text: 'left behind: a user' }]);
    expect(report.problems).toEqual([]);
  });
});

describe('nothing of a monitor is left behind', () => {
  const ignoreEverything = `process.on('SIGTERM', () => {}); process.stdin.on('end', () => {}); setInterval(() => {}, 60_000);`;

  test('if it does not end on SIGTERM', async () => {
    const { report } = await drive(
      { start: `${ignoreEverything} send('Started 1.1');`, step: `send('Step Error x')`, exit: '' },
      { limits: { killAfterMs: 20 } },
    );
    expect(report.exit).toEqual({ code: null, signal: 'SIGKILL' });
    expect(report.problems).toEqual([expect.stringContaining('did not end within 0.02 s of SIGTERM') as unknown]);
  });

  test('if a process that it started is still running', async () => {
    const { report } = await drive({
      step: `spawn(process.execPath, ['-e', 'setInterval(() => {}, 60_000)'], { stdio: ['ignore', 'inherit', 'inherit'] })
          .once('spawn', () => send('Step OK'));`,
    });
    expect(report).toMatchObject({ exit: { code: 0, signal: null }, problems: [] });
  });

  test('if a process that it started does not end on SIGTERM', async () => {
    const child = `process.on("SIGTERM", () => {}); console.error("child", process.pid); setInterval(() => {}, 60_000);`;
    const { report, events } = await drive(
      {
        step: `const child = spawn(process.execPath, ['-e', ${JSON.stringify(child)}], { stdio: ['ignore', 'inherit', 'pipe'] });
          child.stderr.once('data', (line) => { process.stderr.write(line); send('Step OK'); });`,
      },
      { steps: ['A'], limits: { killAfterMs: 20 } },
    );
    expect(report.exit).toEqual({ code: 0, signal: null });
    expect(report.problems).toEqual([expect.stringContaining('left a process behind') as unknown]);
    const pids = events.flatMap((event) =>
      event.kind === 'stderr' ? [Number(event.line.slice('child '.length))] : [],
    );
    expect(pids).toHaveLength(1);
    await expect.poll(() => hasEnded(Number(pids[0]))).toBe(true);
  });

  test.for(['start', 'step'] as const)('if the run is stopped at its %s', async (point) => {
    const { file, read } = await notesFile();
    const stop = new AbortController();
    const ignoreSigterm = `process.on('SIGTERM', () => {});`;
    const sign = `console.error('here');`;
    const script = {
      start: ignoreSigterm + (point === 'start' ? sign : `send('Started 1.1');`),
      ...(point === 'step' && { step: sign }),
    };
    const monitor = await writeMonitor({
      ...script,
      exit: `writeFileSync(process.env.NOTES, cleanup); process.exit(0);`,
    });
    const report = await driveMonitor({
      ...defaults,
      command: [monitor],
      cleanup: true,
      env: { ...env, NOTES: file },
      signal: stop.signal,
      onEvent: ({ kind }) => {
        if (kind === 'stderr') stop.abort();
      },
    });
    expect(report).toMatchObject({ interrupted: true, problems: [], exit: { code: 0, signal: null } });
    expect(report.steps.map(({ state }) => state)).toEqual([point === 'start' ? 'notRun' : 'lost', 'notRun', 'notRun']);
    expect(await read()).toBe('0');
  });

  test('if the run was stopped before it began', async () => {
    const { report } = await drive({}, { signal: AbortSignal.abort() });
    expect(report.interrupted).toBe(true);
    expect(isSuccessful(report)).toBe(false);
  });

  test('if the handshake failed', async () => {
    const { report, states } = await drive({ start: `raw(frame('Started 1.1') + '\\n');` });
    expect([states, report.exit]).toEqual([['notRun', 'notRun', 'notRun'], { code: null, signal: 'SIGTERM' }]);
    expect(report.problems).toHaveLength(1);
    expect(report).not.toHaveProperty('configuredAfterMs');
  });

  test('if the event listener throws', async () => {
    const { file, read } = await notesFile();
    const command = [
      await writeMonitor({ start: `writeFileSync(process.env.NOTES, String(process.pid)); send('Started 1.1');` }),
    ];
    const driven = driveMonitor({
      ...defaults,
      command,
      env: { ...env, NOTES: file },
      onEvent: ({ kind }) => {
        if (kind === 'step') throw new Error('no room');
      },
    });
    await expect(driven).rejects.toThrow('no room');
    const pid = Number(await read());
    await expect.poll(() => hasEnded(pid)).toBe(true);
  });
});

describe('a command that cannot be started', () => {
  test.for([
    ['a path without a file', '/nowhere/monitor', 'there is no such file'],
    ['a program that is not in PATH', 'no-such-monitor', 'there is no such program in PATH'],
  ] as const)('%s is named', async ([, command, why]) => {
    const driven = driveMonitor({ ...defaults, command: [command] });
    await expect(driven).rejects.toMatchObject({
      code: 'MONITOR_START',
      message: expect.stringContaining(command) as unknown,
    });
    await expect(driven).rejects.toThrow(why);
  });

  test('is named if it is not a program', async () => {
    const text = await writeProgram('hello', { mode: 0o644 });
    await expect(driveMonitor({ ...defaults, command: [text] })).rejects.toThrow(
      `could not start ${text}: it may not be`,
    );
  });
});

test('the same problem is reported once', async () => {
  const { report } = await drive({ step: `raw(frame('Step OK') + '\\n');` });
  expect(report.problems).toEqual([expect.stringContaining('no line break after them') as unknown]);
});

/** A zombie process counts as ended: its parent may be slow to notice. */
async function hasEnded(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ') Z');
  return stat.slice(stat.lastIndexOf(')')).startsWith(') Z');
}
