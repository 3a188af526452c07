import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { copyError } from './copy-error.ts';

const secret = 'hunter2hunter2';
const hide = (text: string): string => text.replaceAll(secret, '[redacted]');

const ownCause = new Error(secret);
ownCause.cause = ownCause;

const throwing = Object.defineProperty(new Error(secret), 'message', {
  get: () => {
    throw new Error(secret);
  },
});

const endless = Object.defineProperty(new Error('a'), 'cause', { get: () => endless as unknown, enumerable: true });

const growing = (): Error => Object.defineProperty(new Error('b'), 'cause', { get: growing });

test.for<readonly [string, unknown, object]>([
  ['an error', new Error(secret), { name: 'Error', message: '[redacted]' }],
  ['a frozen error', Object.freeze(new TypeError(secret)), { name: 'TypeError', message: '[redacted]' }],
  ['a DOMException', new DOMException(secret, 'TimeoutError'), { name: 'TimeoutError', message: '[redacted]' }],
  ['a cause', new Error('a', { cause: Object.freeze(new Error(secret)) }), { cause: { message: '[redacted]' } }],
  ['a cause that is no error', new Error('a', { cause: secret }), { cause: '[redacted]' }],
  [
    'an AggregateError',
    new AggregateError([new Error(secret), secret], 'a'),
    { errors: [{ message: '[redacted]' }, { message: '[redacted]' }] },
  ],
  ['a code', Object.assign(new Error('a'), { code: secret }), { code: '[redacted]' }],
  ['another property', Object.assign(new Error('a'), { request: { secret } }), { message: 'a' }],
  ['an error that is its own cause', ownCause, { message: '[redacted]' }],
  ['a getter that throws', throwing, { message: expect.any(String) as unknown }],
  ['a message that is no text', Object.assign(new Error('a'), { message: Symbol(secret) }), { name: 'Error' }],
  ['a cause without end', growing(), { message: 'b' }],
  ['an endless error', endless, { message: 'a' }],
  ['a text', secret, { message: '[redacted]' }],
  ['nothing', undefined, { message: 'undefined' }],
  ['a symbol', Symbol(secret), { message: 'Symbol([redacted])' }],
  ['an object without a prototype', Object.create(null), { message: 'something that is no error was thrown' }],
])('%s is copied without its secrets', ([, thrown, expected]) => {
  const copy = copyError(thrown, hide);
  expect(copy).toBeInstanceOf(Error);
  expect(copy).toMatchObject(expected);
  expect(inspect(copy, { depth: 5, showHidden: true })).not.toContain(secret);
});
