import { describe, expect, test } from 'vitest';
import { formatFrame } from '../frame.ts';
import { shakeHands, parseHandshakeChunk } from './handshake.ts';
import { type FakeMonitor, fakeMonitor } from './testing/fake-monitor.ts';

const started = formatFrame('Started 1.1').toString();

async function shake(monitor: FakeMonitor, silenceMs = 60_000) {
  const problems: string[] = [];
  const startedAt: number[] = [];
  let strayBytes = 0;
  const agreed = await shakeHands({
    monitor,
    configJson: '{"Namespace":"prod"}',
    silenceMs,
    elapsedMs: () => performance.now(),
    onProblem: (text) => problems.push(text),
    onStarted: (atMs) => startedAt.push(atMs),
    onStray: (bytes) => (strayBytes += bytes),
  });
  return { agreed, problems, startedAt, strayBytes, told: monitor.told };
}

/** Answers Version with these messages. */
const readyWith = (...messages: readonly string[]) =>
  fakeMonitor((message, { send }) => {
    if (message.startsWith('Version')) send(...messages);
  });

test.for(['Started 1.0', 'Started 1.1'])('%s is greeted, then given its configuration', async (greeting) => {
  const monitor = readyWith('Ready');
  monitor.raw(formatFrame(greeting).toString(), 24);
  expect(await shake(monitor)).toEqual({
    agreed: true,
    problems: [],
    startedAt: [24],
    strayBytes: 0,
    told: ['Version 1.1', 'Config {"Namespace":"prod"}'],
  });
});

describe('the run is given up', () => {
  test.for([
    ['another major version', 'Started 2.0', 'speaks 1.0 and 1.1 alone'],
    ['a later minor version', 'Started 1.2', 'speaks 1.0 and 1.1 alone'],
    ['no version', 'Started', 'speaks 1.0 and 1.1 alone'],
    ['a log message first', 'Log Info hello', 'log only after Config has come'],
    ['another message first', 'Ready', 'send Started 1.1 before all else'],
  ] as const)('for %s', async ([, message, advice]) => {
    const monitor = fakeMonitor();
    monitor.send(message);
    const { agreed, problems, told } = await shake(monitor);
    expect([agreed, told]).toEqual([false, []]);
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
    const { agreed, problems, strayBytes } = await shake(monitor);
    expect([agreed, strayBytes]).toEqual([false, text.length]);
    expect(problems).toEqual([expect.stringContaining('which is not Started as one message') as unknown]);
  });

  test('where nothing comes in time; stderr is no answer', async () => {
    const monitor = fakeMonitor();
    monitor.sign('stderr');
    const { agreed, problems } = await shake(monitor, 1);
    expect(agreed).toBe(false);
    expect(problems).toEqual([expect.stringContaining('sent no Started within 0.001 s:') as unknown]);
  });

  test('where Ready does not come, or not whole', async () => {
    const monitor = fakeMonitor();
    monitor.send('Started 1.1');
    expect((await shake(monitor, 1)).problems).toEqual([expect.stringContaining('sent no Ready within') as unknown]);
    const slow = fakeMonitor();
    slow.raw('500 items');
    const { problems } = await shake(slow, 1);
    expect(problems[0]).toContain('"500 items" to stdout, a part of a message');
    expect(problems[1]).toContain('sent no Started within 0.001 s, but for "500 items"');
  });

  test('where the monitor ends', async () => {
    const monitor = fakeMonitor();
    monitor.sign('ended');
    const { agreed, problems } = await shake(monitor);
    expect(agreed).toBe(false);
    expect(problems).toEqual([expect.stringContaining('ended before it sent Started') as unknown]);
  });

  test('without a word where the run was stopped', async () => {
    const monitor = fakeMonitor();
    monitor.sign('stopped');
    expect(await shake(monitor)).toMatchObject({ agreed: false, problems: [] });
  });
});

describe('the run goes on, but not without a word', () => {
  test('where text comes before a message', async () => {
    const monitor = readyWith('Ready');
    monitor.raw('Starting…\n');
    monitor.send('Started 1.1');
    const { agreed, problems, strayBytes } = await shake(monitor);
    expect([agreed, strayBytes]).toEqual([true, Buffer.byteLength('Starting…\n')]);
    expect(problems).toEqual([expect.stringContaining('write everything but messages to stderr') as unknown]);
  });

  test('where a message comes in pieces', async () => {
    const monitor = readyWith('Ready');
    for (const byte of started) monitor.raw(byte);
    const { agreed, problems } = await shake(monitor);
    expect(agreed).toBe(true);
    expect(problems).toEqual([expect.stringContaining('write length and text at once') as unknown]);
  });

  test('where something else comes in place of Ready', async () => {
    const monitor = readyWith('Log Info hello');
    monitor.send('Started 1.1');
    const { agreed, problems, told } = await shake(monitor);
    expect([agreed, told.length]).toEqual([true, 2]);
    expect(problems).toEqual([expect.stringContaining('takes it for Ready') as unknown]);
  });
});

const kindOf = (text: string): string => parseHandshakeChunk(Buffer.from(text)).kind;

test.for(['00011 Started 1.1', '11 Started 1.1', '5 Ready', '0 ', '00003 €'])('%j is one message', (text) => {
  const chunk = parseHandshakeChunk(Buffer.from(text));
  expect(chunk).toEqual({ kind: 'message', body: Buffer.from(text.slice(text.indexOf(' ') + 1)) });
});

test.for(['0', '00011', '00011 ', '00011 Started 1.', '500 items'])('%j is a part of one', (text) => {
  expect(kindOf(text)).toBe('part');
});

test.for(['\n', 'Starting…\n', ' 00011 Started 1.1', 'x00011 Started 1.1', '-', '', '\n00011 Started 1.1'])(
  '%j is noise, with all that comes along',
  (text) => expect(kindOf(text)).toBe('noise'),
);

test.for([
  '00011 Started 1.1\n',
  '00011 Started 1.100005 Ready',
  '2026-11-22 hello\n',
  '12:30',
  '-5 hello',
  '3 tests passed',
  '00001 €',
  `${'9'.repeat(17)} x`,
  '9'.repeat(40),
])('%j breaks the handshake', (text) => {
  expect(kindOf(text)).toBe('broken');
});
