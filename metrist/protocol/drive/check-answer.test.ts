import { expect, test } from 'vitest';
import { checkAnswer } from './check-answer.ts';
import { formatFromMonitor, parseFromMonitor } from '../messages.ts';

function check(text: string) {
  const message = parseFromMonitor(Buffer.from(text));
  if (message.kind !== 'stepTime' && message.kind !== 'stepOk' && message.kind !== 'stepError') {
    throw new Error(`${text} is no answer`);
  }
  return checkAnswer(message, text, 'CreateUser');
}

test.for([
  'Step OK',
  'Step OK attempts=33',
  'Step OK region=us-east-1',
  'Step Time 12.5',
  'Step Time code=58 12',
  'Step Error',
  'Step Error it failed\nfor a reason',
  'Step Error code=58 it failed',
  formatFromMonitor({ kind: 'stepError', text: 'a=b was wrong', metadata: { code: 'a\uFFFDb', ms: 42 } }),
])('%j is as it should be', (text) => {
  expect(check(text)).toEqual([]);
});

test.for([
  ['Step OK well done', '"well done"', 'cannot be read as metadata'],
  ['Step Time ms 12', '"ms"', 'cannot be read as metadata'],
  ['Step Error code=ENOENT it failed', '"code=ENOENT"', 'takes that for metadata and cuts it off'],
] as const)('%j arrives, but not whole', ([text, quoted, effect]) => {
  const [flaw] = check(text);
  expect(flaw?.problem).toContain(quoted);
  expect(flaw?.problem).toContain(effect);
  expect(flaw).not.toHaveProperty('lost');
});

test.for([
  ['Step OK commit=c0ffeec0ffee', 'its metadata is no text'],
  ['Step Error commit=c0ffeec0ffee it failed', 'its metadata is no text'],
  ['Step Error it failed\0', 'Metrist cannot store a NUL'],
] as const)('%j does not arrive', ([text, lost]) => {
  expect(check(text)).toMatchObject([{ lost }]);
});
