import { describe, expect, test } from 'vitest';
import { formatFrame } from '../frame.ts';
import { performHandshake } from './handshake.ts';
import { type FakeMonitor, fakeMonitor } from './testing/fake-monitor.ts';

const started = formatFrame('Started 1.1').toString();

async function handshake(monitor: FakeMonitor, silenceMs = 60_000) {
  const problems: string[] = [];
  const startedAt: number[] = [];
  const goesOn = await performHandshake({
    monitor,
    configJson: '{"Namespace":"prod"}',
    silenceMs,
    elapsedMs: () => performance.now(),
    onProblem: (text) => problems.push(text),
    onStarted: (atMs) => startedAt.push(atMs),
  });
  return { goesOn, problems, startedAt, received: monitor.received };
}

/** A monitor that answers Version with these messages. */
const readyWith = (...messages: readonly string[]) =>
  fakeMonitor((message, { send }) => {
    if (message.startsWith('Version')) send(...messages);
  });

test.for(['Started 1.0', 'Started 1.1'])('%s is answered with Version, then Config', async (message) => {
  const monitor = readyWith('Ready');
  monitor.raw(formatFrame(message).toString(), 24);
  expect(await handshake(monitor)).toEqual({
    goesOn: true,
    problems: [],
    startedAt: [24],
    received: ['Version 1.1', 'Config {"Namespace":"prod"}'],
  });
});

describe('the run is given up', () => {
  test.for([
    ['another major version', 'Started 2.0', 'speaks only 1.0 and 1.1'],
    ['a later minor version', 'Started 1.2', 'speaks only 1.0 and 1.1'],
    ['no version', 'Started', 'speaks only 1.0 and 1.1'],
    ['a log message first', 'Log Info hello', 'log only after Config'],
    ['another message first', 'Ready', 'send Started 1.1 first'],
  ] as const)('for %s', async ([, message, advice]) => {
    const monitor = fakeMonitor();
    monitor.send(message);
    const { goesOn, problems, received } = await handshake(monitor);
    expect([goesOn, received]).toEqual([false, []]);
    expect(problems).toEqual([expect.stringContaining(advice) as unknown]);
    expect(problems[0]).toContain(JSON.stringify(message));
  });

  test.for([
    ['a line break behind a message', `${started}\n`],
    ['two messages at once', started + formatFrame('Ready').toString()],
    ['text that begins with a number', '2026-11-22 hello\n'],
  ] as const)('for %s', async ([, text]) => {
    const monitor = fakeMonitor();
    monitor.raw(text);
    const { goesOn, problems } = await handshake(monitor);
    expect(goesOn).toBe(false);
    expect(problems).toEqual([expect.stringContaining('which is not Started as one message') as unknown]);
  });

  test('if no answer comes in time, even if the monitor writes to stderr', async () => {
    const monitor = fakeMonitor();
    monitor.emit('stderr');
    const { goesOn, problems } = await handshake(monitor, 1);
    expect(goesOn).toBe(false);
    expect(problems).toEqual([expect.stringContaining('sent no Started within 0.001 s:') as unknown]);
  });

  test('if Ready does not come, or Started does not come whole', async () => {
    const monitor = fakeMonitor();
    monitor.send('Started 1.1');
    expect((await handshake(monitor, 1)).problems).toEqual([
      expect.stringContaining('sent no Ready within') as unknown,
    ]);
    const slow = fakeMonitor();
    slow.raw('500 items');
    const { problems } = await handshake(slow, 1);
    expect(problems[0]).toContain('"500 items" to stdout, only a part of a message');
    expect(problems[1]).toContain('sent no Started within 0.001 s, only "500 items"');
  });

  test('if the monitor ends', async () => {
    const monitor = fakeMonitor();
    monitor.emit('ended');
    const { goesOn, problems } = await handshake(monitor);
    expect(goesOn).toBe(false);
    expect(problems).toEqual([expect.stringContaining('ended before it sent Started') as unknown]);
  });

  test('without a problem if the run was stopped', async () => {
    const monitor = fakeMonitor();
    monitor.emit('stopped');
    expect(await handshake(monitor)).toMatchObject({ goesOn: false, problems: [] });
  });
});

describe('the run goes on with a problem', () => {
  test('if text comes before a message', async () => {
    const monitor = readyWith('Ready');
    monitor.raw('Starting…\n');
    monitor.send('Started 1.1');
    const { goesOn, problems } = await handshake(monitor);
    expect(goesOn).toBe(true);
    expect(problems).toEqual([expect.stringContaining('write only messages to stdout') as unknown]);
  });

  test('if a message comes in pieces', async () => {
    const monitor = readyWith('Ready');
    for (const byte of started) monitor.raw(byte);
    const { goesOn, problems } = await handshake(monitor);
    expect(goesOn).toBe(true);
    expect(problems).toEqual([expect.stringContaining('write the length and the text at once') as unknown]);
  });

  test('if another message comes instead of Ready', async () => {
    const monitor = readyWith('Log Info hello');
    monitor.send('Started 1.1');
    const { goesOn, problems, received } = await handshake(monitor);
    expect([goesOn, received.length]).toEqual([true, 2]);
    expect(problems).toEqual([expect.stringContaining('takes it for Ready') as unknown]);
  });
});
