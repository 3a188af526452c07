import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { EntityName } from '../entities.ts';
import {
  codeOf,
  ConnectTimeoutError,
  httpStatusOf,
  isAlreadyDone,
  isAnswer,
  hadNoEffect,
  isNotYetVisible,
  NoCredentialsError,
  PropagationError,
} from './error-kinds.ts';
import { ForeignAnswerError } from '../client/iam-answer.ts';
import { iamError, nodeError } from '../testing/errors.ts';

describe('codeOf', () => {
  test.for([
    [iamError('NoSuchEntityException', 404), 'NoSuchEntity'],
    [iamError('AccessDenied', 403), 'AccessDenied'],
    [iamError('ThrottlingException', 400), 'Throttling'],
    [nodeError('ECONNRESET', { name: 'TimeoutError' }), 'ECONNRESET'],
    [new ForeignAnswerError(200, 'the answer is empty'), 'ForeignAnswer'],
    [new TypeError('x is not a function'), 'TypeError'],
    [Object.assign(new Error('no name'), { name: 'Exception' }), 'Exception'],
    [new DOMException('aborted', 'AbortError'), 'AbortError'],
    ['text', 'UnknownError'],
    [undefined, 'UnknownError'],
    [null, 'UnknownError'],
  ] as const)('of %s is %s', ([error, code]) => {
    expect(codeOf(error)).toBe(code);
  });

  test('of an answer is the service’s own, even if the error class has another code', () => {
    expect(codeOf(Object.assign(iamError('AccessDenied', 403), { code: 'ELSE' }))).toBe('AccessDenied');
  });

  test('is a text, whatever was thrown', () => {
    const oddError = fc
      .record(
        {
          name: fc.anything(),
          message: fc.anything(),
          code: fc.anything(),
          $fault: fc.anything(),
          $metadata: fc.anything(),
        },
        { requiredKeys: [] },
      )
      .map((fields) => Object.assign(new Error('odd'), fields));
    fc.assert(
      fc.property(fc.oneof(fc.anything(), oddError), (error) => {
        expect(codeOf(error)).toBeTypeOf('string');
        expect(isAnswer(error)).toBeTypeOf('boolean');
        expect(hadNoEffect(error)).toBeTypeOf('boolean');
        expect(isNotYetVisible(error, { makes: 'membership' })).toBeTypeOf('boolean');
        expect(isAlreadyDone(error, { removes: 'user' })).toBeTypeOf('boolean');
      }),
    );
  });
});

describe('hadNoEffect', () => {
  test.for([
    [iamError('NoSuchEntityException', 404), true],
    [iamError('AccessDenied', 403), true],
    [iamError('Throttling', 400), true],
    [iamError('TooManyRequestsException', 429), true],
    [iamError('RequestLimitExceeded', 503), true],
    [iamError('ServiceFailureException', 500), false],
    [iamError('ServiceUnavailable', 503), false],
    [nodeError('ECONNRESET'), false],
    [nodeError('EPIPE'), false],
    [nodeError('EPROTO'), false],
    [nodeError('ETIMEDOUT', { name: 'TimeoutError' }), false],
    [nodeError('ENOTFOUND'), true],
    [nodeError('EMFILE'), true],
    [nodeError('ENFILE'), true],
    [nodeError('ECONNREFUSED'), true],
    [nodeError('SELF_SIGNED_CERT_IN_CHAIN'), true],
    [nodeError('ERR_PROXY_TUNNEL'), true],
    [Object.assign(new Error('none found'), { name: 'CredentialsProviderError' }), true],
    [new ConnectTimeoutError('192.0.2.1:443', 5000), true],
    [new NoCredentialsError('none found'), true],
    [new NoCredentialsError('refused', { cause: iamError('InternalFailure', 500) }), true],
    [new ForeignAnswerError(200, 'the answer is empty'), false],
    [new ForeignAnswerError(403, "the answer is not one of IAM's"), false],
    [new DOMException('aborted', 'AbortError'), false],
    [new Error('anything'), false],
    [undefined, false],
  ] as const)('of %s is %j', ([error, expected]) => {
    expect(hadNoEffect(error)).toBe(expected);
  });
});

test.for([
  [iamError('AccessDenied', 403), 403],
  [new ForeignAnswerError(502, 'a page'), 502],
  [nodeError('ECONNRESET'), undefined],
  [new Error('x'), undefined],
  [undefined, undefined],
  [null, undefined],
] as const)('the HTTP status of %s is %j', ([error, status]) => {
  expect(httpStatusOf(error)).toBe(status);
});

const entities = ['user', 'group', 'membership', 'attachment'] as const satisfies readonly EntityName[];

describe('isAlreadyDone', () => {
  test.for(entities)('accepts EntityAlreadyExists for making a %s, and NoSuchEntity for removing it', (entity) => {
    const exists = iamError('EntityAlreadyExistsException', 409);
    const unknown = iamError('NoSuchEntityException', 404);
    expect(isAlreadyDone(exists, { makes: entity })).toBe(true);
    expect(isAlreadyDone(exists, { removes: entity })).toBe(false);
    expect(isAlreadyDone(unknown, { removes: entity })).toBe(true);
    expect(isAlreadyDone(unknown, { makes: entity })).toBe(false);
  });
});

describe('isNotYetVisible', () => {
  const unknownUser = iamError('NoSuchEntityException', 404, 'The user with name u cannot be found.');
  const unknownPolicy = iamError(
    'NoSuchEntityException',
    404,
    'Policy arn:aws:iam::1:policy/p does not exist or is not attachable.',
  );
  const conflict = iamError('DeleteConflictException', 409);

  test.for([
    [unknownUser, 'makes', { user: false, group: false, membership: true, attachment: true }],
    [unknownUser, 'removes', { user: true, group: true, membership: true, attachment: true }],
    [unknownPolicy, 'makes', { user: false, group: false, membership: false, attachment: false }],
    [conflict, 'makes', { user: false, group: false, membership: false, attachment: false }],
    [conflict, 'removes', { user: true, group: true, membership: false, attachment: false }],
    [iamError('AccessDenied', 403), 'removes', { user: false, group: false, membership: false, attachment: false }],
    [nodeError('ECONNRESET'), 'removes', { user: false, group: false, membership: false, attachment: false }],
  ] as const)('of %s when a call %s the entity: %o', ([error, verb, expected]) => {
    const found = Object.fromEntries(
      entities.map((entity) => [
        entity,
        isNotYetVisible(error, verb === 'makes' ? { makes: entity } : { removes: entity }),
      ]),
    );
    expect(found).toEqual(expected);
  });
});

test('a PropagationError keeps IAM’s last answer and how long we waited', () => {
  const cause = iamError('NoSuchEntityException', 404);
  expect(new PropagationError(cause, 60_000)).toMatchObject({ cause, waitedMs: 60_000 });
});
