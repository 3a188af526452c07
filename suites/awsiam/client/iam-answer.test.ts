import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { hideSecrets } from '../../../text/redact.ts';
import { secretAccessKey } from '../testing/values.ts';
import { checkAnswer, ForeignAnswerError, whyNotXml } from './iam-answer.ts';
import { iamErrorXml, iamXml } from '../testing/http-server.ts';

const checkBytes = (body: Uint8Array, status: number): void => checkAnswer(body, status, whyNotXml('IAM'));
const check = (body: string, status: number): void => checkBytes(new TextEncoder().encode(body), status);

describe('checkAnswer', () => {
  test.for([
    ['an answer', 200, iamXml('CreateUser')],
    ['an answer with a declaration', 200, `<?xml version="1.0" encoding="UTF-8"?>\n${iamXml('CreateUser')}\n`],
    ['a refusal', 404, iamErrorXml('NoSuchEntity')],
    ['a failure', 500, iamErrorXml('ServiceFailure')],
  ] as const)('accepts %s of IAM', ([, status, body]) => {
    expect(() => check(body, status)).not.toThrow();
  });

  test.for([
    [200, '', 'the answer is empty'],
    [503, ' \n', 'the answer is empty'],
    [200, '<html><body>Sign\n  in</body></html>', "the answer is not one of IAM's: <html><body>Sign in</body></html>"],
    [502, '<!DOCTYPE html><html/>', "the answer is not one of IAM's: <!DOCTYPE html><html/>"],
    [200, '{"ok":true}', `the answer is not one of IAM's: {"ok":true}`],
    [200, 'CreateUserResponse', "the answer is not one of IAM's: CreateUserResponse"],
    [200, iamXml('CreateUser').slice(0, -10), 'the answer breaks off: <CreateUserResponse'],
    [404, iamErrorXml('NoSuchEntity').slice(0, 60), 'the answer breaks off: <ErrorResponse'],
    [200, iamErrorXml('NoSuchEntity'), 'the answer contradicts its own HTTP status: <ErrorResponse'],
    [500, iamXml('CreateUser'), 'the answer contradicts its own HTTP status: <CreateUserResponse'],
    [302, iamXml('CreateUser'), 'the answer contradicts its own HTTP status: <CreateUserResponse'],
  ] as const)('refuses with HTTP %d: %j', ([status, body, message]) => {
    expect(() => check(body, status)).toThrow(message);
    expect(() => check(body, status)).toThrow(ForeignAnswerError);
  });

  test('shows the beginning of a long page, on one line, and the status', () => {
    try {
      check(`<html>\n${'x'.repeat(100_000)}`, 502);
      expect.unreachable();
    } catch (error) {
      expect(error).toMatchObject({ name: 'ForeignAnswer', $metadata: { httpStatusCode: 502 } });
      expect((error as Error).message).toMatch(/^.{1,200}$/);
    }
  });

  test('shows no piece of a secret of the process, wherever the excerpt ends', () => {
    hideSecrets([{ value: secretAccessKey, shownAs: '[redacted]' }]);
    for (let padding = 60; padding < 130; padding++) {
      const message = expect.not.stringContaining(secretAccessKey.slice(0, 3)) as unknown;
      expect(() => check(`<html>${'.'.repeat(padding)}${secretAccessKey}</html>`, 403)).toThrow(
        expect.objectContaining({ name: 'ForeignAnswer', message }),
      );
    }
  });

  test('shows a page in an older encoding as text, and other bytes not at all', () => {
    const page = Buffer.from('<html>Zugriff verweigert f\u00FCr Sie</html>', 'latin1');
    expect(() => checkBytes(page, 403)).toThrow(': <html>Zugriff verweigert f\u00FCr Sie</html>');
    expect(() => checkBytes(Buffer.from([0x1f, 0x8b, 8, 0, 255, 254]), 403)).toThrow(/, nor is it text$/);
  });

  test('refuses every answer that breaks off', () => {
    const whole = iamXml('CreateUser', '<CreateUserResult><User><UserName>u</UserName></User></CreateUserResult>');
    fc.assert(
      fc.property(fc.nat({ max: whole.length - 1 }), (length) => {
        expect(() => check(whole.slice(0, length), 200)).toThrow(ForeignAnswerError);
      }),
    );
  });

  test('accepts or refuses any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.integer({ min: 100, max: 599 }), (bytes, status) => {
        expect(() => checkBytes(bytes, status)).toThrow(ForeignAnswerError);
      }),
    );
  });
});
