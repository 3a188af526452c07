import { describe, expect, test } from 'vitest';
import type { StepContext } from '../../runner/monitor.ts';
import { hideSecrets } from '../../text/redact.ts';
import { AttemptLog, type Outcome } from './attempt-log.ts';
import type { RepeatedAttempt } from './client/retry-history.ts';
import { ForeignAnswerError } from './client/iam-answer.ts';
import { iamError, nodeError } from './testing/errors.ts';

function setUp() {
  const evidence: StepContext['evidence'] = {};
  const log = new AttemptLog(evidence, { operation: 'CreateUser', startMs: 1000 });
  /** One call of the SDK, with times since the start of the step. */
  const add = (outcome: Outcome, startMs: number, endMs: number, repeated: readonly RepeatedAttempt[] = []): void =>
    log.add(
      { attempts: repeated.length + 1, repeated: [...repeated], lastAttemptAtMs: 1000 + startMs },
      outcome,
      1000 + endMs,
    );
  return { evidence, log, add };
}

const answered: Outcome = { answer: { $metadata: { requestId: 'r-1', httpStatusCode: 200 } } };
const refused = (name: string, httpStatus: number): Outcome => ({ error: iamError(name, httpStatus) });
const throttledAt = (startMs: number): RepeatedAttempt => ({
  startMs: 1000 + startMs,
  endMs: 1000 + startMs + 20,
  error: iamError('Throttling', 400),
});

describe('the log of attempts', () => {
  test.for([
    ['an answer', answered],
    ['a failure', refused('AccessDenied', 403)],
  ] as const)('is empty after one attempt that ended with %s, because the other fields tell all', ([, outcome]) => {
    const { evidence, add } = setUp();
    add(outcome, 0, 80);
    expect(evidence).toEqual({});
  });

  test('has the time, status, request id and code of each attempt, and what kind of wait followed', () => {
    const { evidence, log, add } = setUp();
    add(refused('NoSuchEntityException', 404), 150.00049, 200, [throttledAt(0.5)]);
    log.waitForPropagation();
    add(answered, 500, 580);
    expect(evidence.tries).toEqual([
      {
        offsetMs: 0.5,
        durationMs: 20,
        httpStatus: 400,
        requestId: 'id-of-Throttling',
        code: 'Throttling',
        throttled: true,
        wait: 'retry',
      },
      {
        offsetMs: 150,
        durationMs: 50,
        httpStatus: 404,
        requestId: 'id-of-NoSuchEntityException',
        code: 'NoSuchEntity',
        wait: 'propagation',
      },
      { offsetMs: 500, durationMs: 80, httpStatus: 200, requestId: 'r-1' },
    ]);
  });

  test.for([
    ['a lost answer', nodeError('ECONNRESET'), { code: 'ECONNRESET' }],
    ['a gateway’s page', new ForeignAnswerError(502, 'a page'), { code: 'ForeignAnswer', httpStatus: 502 }],
    ['something that is no error', 'boom', { code: 'UnknownError' }],
  ] as const)('describes %s by what is known', ([, error, known]) => {
    const { evidence, log, add } = setUp();
    add({ error }, 0, 1);
    log.waitForPropagation();
    const { offsetMs: _, durationMs: __, wait: ___, ...rest } = evidence.tries?.[0] ?? {};
    expect(rest).toEqual(known);
  });

  test('knows a throttling proxy by what the retries know of it', () => {
    const { evidence, log, add } = setUp();
    add({ error: new ForeignAnswerError(503, 'SlowDown', { isThrottled: true }) }, 0, 1);
    log.waitForPropagation();
    expect(evidence.tries).toMatchObject([{ throttled: true }]);
  });

  test('has one attempt of a call that was cut off before the next', () => {
    const { evidence, log } = setUp();
    log.add({ attempts: 1, repeated: [throttledAt(0)], lastAttemptAtMs: 1000 }, { error: new Error('cut off') }, 1300);
    expect(evidence.tries).toMatchObject([{ code: 'Throttling', durationMs: 20, wait: 'retry' }]);
    expect(evidence.tries).toHaveLength(1);
  });

  test('keeps the first and the last 16 of a very long wait', () => {
    const { evidence, log, add } = setUp();
    for (let index = 0; index < 100; index += 1) {
      add(refused('DeleteConflict', 409), index, index + 0.5);
      log.waitForPropagation();
    }
    const offsets = evidence.tries?.map(({ offsetMs }) => offsetMs);
    expect(offsets).toEqual([...Array(16).keys(), ...Array.from({ length: 16 }, (_, index) => 84 + index)]);
    expect(evidence.tries?.every(({ wait }) => wait === 'propagation')).toBe(true);
  });

  test('does not change what it handed out before', () => {
    const { evidence, log, add } = setUp();
    add(answered, 5, 6, [throttledAt(0)]);
    const before = evidence.tries;
    const copy = structuredClone(before);
    log.waitForPropagation();
    add(answered, 7, 8);
    expect(before).toEqual(copy);
  });

  test('cuts long texts of an answer, and hides secrets in them before', () => {
    hideSecrets([{ value: 'attempt-log-secret', shownAs: '[a secret]' }]);
    const { evidence, log, add } = setUp();
    const error = iamError(`${'x'.repeat(190)}attempt-log-secret${'x'.repeat(300)}`, 400);
    Object.assign(error.$metadata, { requestId: 'y'.repeat(1000) });
    add({ error }, 0, 1);
    log.waitForPropagation();
    expect(evidence.tries?.[0]?.code).toMatch(/^x{190}\[a( secre)?…$/);
    expect(evidence.tries?.[0]?.requestId).toHaveLength(200);
  });
});
