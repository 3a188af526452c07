import { expect, test } from 'vitest';
import { parseHandshakeChunk } from './handshake-chunk.ts';

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
