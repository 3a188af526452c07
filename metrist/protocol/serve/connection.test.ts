import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { formatFrame } from '../frame.ts';
import type { ToMonitor } from '../messages.ts';
import { readMessages } from './connection.ts';

function startReading() {
  const input = new PassThrough();
  const messages: ToMonitor[] = [];
  const { promise: ended, resolve } = Promise.withResolvers<string | undefined>();
  let ends = 0;
  readMessages(input, {
    onMessage: (message) => messages.push(message),
    onEnd: (problem) => {
      ends++;
      resolve(problem);
    },
  });
  return { input, messages, ended, ends: () => ends };
}

test('passes the messages on in order, for any chunks', async () => {
  const { input, messages, ended } = startReading();
  const bytes = Buffer.concat([formatFrame('Version 1.1'), formatFrame('Run Step Ünïcode'), formatFrame('Exit 1')]);
  for (const byte of bytes) input.write(Buffer.from([byte]));
  input.end();
  expect(await ended).toBeUndefined();
  expect(messages).toEqual([
    { kind: 'version', version: '1.1' },
    { kind: 'runStep', step: 'Ünïcode' },
    { kind: 'exit', cleanup: true },
  ]);
});

test.each([
  [
    'hello',
    'the bytes on stdin are not a message of the protocol: a frame begins with byte 0x68 instead of its length',
  ],
  [
    '99999999 x',
    'the bytes on stdin are not a message of the protocol: a frame of 99999999 bytes: at most 8388608 are read',
  ],
])('ends at bytes that cannot be understood: %j', async (text, problem) => {
  const { input, messages, ended, ends } = startReading();
  input.write(Buffer.concat([formatFrame('Exit 0'), Buffer.from(text)]));
  expect(await ended).toBe(problem);
  input.end(formatFrame('Exit 1'));
  await new Promise((resolve) => input.once('end', resolve));
  expect(messages).toEqual([{ kind: 'exit', cleanup: false }]);
  expect(ends()).toBe(1);
});

test('reports that the input ended in the middle of a message', async () => {
  const { input, ended } = startReading();
  input.end('00011 Vers');
  expect(await ended).toBe('stdin ended 10 bytes into a message');
});

test('reports why the input failed', async () => {
  const { input, ended } = startReading();
  input.destroy(new Error('EIO'));
  expect(await ended).toBe('stdin could not be read: EIO');
});
