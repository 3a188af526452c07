import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { StepContext } from '../../runner/monitor.ts';
import type { MetadataBearer } from '@smithy/types';
import { call } from './call.ts';
import type { Change, Existence } from './entities.ts';
import { ForeignAnswerError } from './client/iam-answer.ts';
import { PropagationError } from './errors/error-kinds.ts';
import type { Session } from './session.ts';
import { iamError, nodeError } from './testing/errors.ts';
import { fakeSession } from './testing/fake-session.ts';

/** One call of the SDK: how its repeated attempts ended, and how the last one ended. */
interface Scripted {
  readonly repeated?: readonly Error[];
  readonly ends: MetadataBearer | Error;
}

const answer = (requestId = 'id-of-the-answer'): MetadataBearer => ({
  $metadata: { requestId, httpStatusCode: 200, attempts: 1, totalRetryDelay: 0 },
});

const unknown = iamError('NoSuchEntityException', 404, 'The user with name u cannot be found.');
const exists = iamError('EntityAlreadyExistsException', 409);
const conflict = iamError('DeleteConflictException', 409);
const throttled = iamError('Throttling', 400);
const failure = iamError('ServiceFailureException', 500);
const badGateway = new ForeignAnswerError(502, 'a page');
const lost = nodeError('ECONNRESET', { name: 'TimeoutError' });

function setUp(
  change: Change,
  before: Existence,
  script: readonly (Scripted | MetadataBearer | Error)[],
  overrides: Partial<Session> = {},
) {
  const failed: Error[] = [];
  const history = {
    failed,
    get repeated() {
      return failed.map((error, index) => ({ startMs: 10 * index, endMs: 10 * index + 3, error }));
    },
    get attempts() {
      return failed.length + 1;
    },
    get lastAttemptAtMs() {
      return performance.now() - 5.0004;
    },
    begin: () => {},
  } as unknown as Session['history'];
  const session = fakeSession({ history, ...overrides });
  const entity = 'makes' in change ? change.makes : change.removes;
  session.entities[entity] = before;
  const cancel = new AbortController();
  const context: StepContext = { signal: cancel.signal, evidence: {}, waitingFor: 'its result' };
  const during: Existence[] = [];
  let next = 0;
  const send = vi.fn(async (): Promise<MetadataBearer> => {
    during.push(session.entities[entity]);
    const scripted = script[Math.min(next++, script.length - 1)];
    const { repeated = [], ends } = (
      scripted instanceof Error || !('ends' in (scripted ?? {})) ? { ends: scripted } : scripted
    ) as Scripted;
    failed.splice(0, Infinity, ...repeated);
    if (ends instanceof Error) throw ends;
    return ends;
  });
  const outcome = call(session, context, 'TheCall', change, send);
  return { outcome, session, context, cancel, send, during, existence: () => session.entities[entity] };
}

/** Skips all waiting. */
const settle = <T>(outcome: Promise<T>): Promise<PromiseSettledResult<T>> => {
  const settled = Promise.allSettled([outcome]).then(([result]) => result);
  return vi.runAllTimersAsync().then(() => settled);
};

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('a call of a step', () => {
  test.for([
    [{ makes: 'user' }, 'absent', 'present'],
    [{ makes: 'membership' }, 'absent', 'present'],
    [{ removes: 'user' }, 'present', 'absent'],
    [{ removes: 'attachment' }, 'present', 'absent'],
  ] as const)(
    'that is answered at once returns the answer and records the change: %o',
    async ([change, before, after]) => {
      const { outcome, send, during, existence, context } = setUp(change, before, [answer()]);
      expect(await outcome).toEqual(answer());
      expect(send).toHaveBeenCalledExactlyOnceWith({ abortSignal: context.signal });
      expect(during).toEqual(['possible']);
      expect(existence()).toBe(after);
      expect(context.evidence).toEqual({
        requestId: 'id-of-the-answer',
        httpStatus: 200,
        attempts: 1,
        retryDelayMs: 0,
        lastAttemptMs: 5,
      });
    },
  );

  test('records each attempt if there were several', async () => {
    const { outcome, context } = setUp({ makes: 'user' }, 'absent', [{ repeated: [throttled, lost], ends: answer() }]);
    await outcome;
    expect(context.evidence.tries).toMatchObject([
      { code: 'Throttling', requestId: 'id-of-Throttling', httpStatus: 400, throttled: true, wait: 'retry' },
      { code: 'ECONNRESET', wait: 'retry' },
      { requestId: 'id-of-the-answer', httpStatus: 200, durationMs: 5 },
    ]);
    expect(context.evidence.tries?.[1]).not.toHaveProperty('throttled');
    expect(context.evidence.tries?.[2]).not.toHaveProperty('wait');
  });

  test('that a deadline cuts off says how the attempts before it failed', async () => {
    const cancel = new AbortController();
    const { outcome, context } = setUp({ makes: 'user' }, 'absent', [{ repeated: [failure, throttled], ends: lost }]);
    Object.assign(context, { signal: cancel.signal });
    cancel.abort(new Error('enough'));
    await settle(outcome);
    expect(context.waitingFor).toBe('the answer to TheCall, repeated after Throttling');
  });

  test('says that it waits for the answer', async () => {
    const { outcome, context } = setUp({ makes: 'user' }, 'absent', [answer()]);
    expect(context.waitingFor).toBe('the answer to TheCall');
    await outcome;
  });
});

describe('a change that is not visible yet', () => {
  test.for([
    ['NoSuchEntity', unknown, { makes: 'membership' }],
    ['NoSuchEntity', unknown, { makes: 'attachment' }],
    ['NoSuchEntity', unknown, { removes: 'membership' }],
    ['NoSuchEntity', unknown, { removes: 'attachment' }],
    ['NoSuchEntity', unknown, { removes: 'group' }],
    ['NoSuchEntity', unknown, { removes: 'user' }],
    ['DeleteConflict', conflict, { removes: 'group' }],
    ['DeleteConflict', conflict, { removes: 'user' }],
  ] as const)('is waited for after %s when it %o', async ([, error, change]) => {
    const { outcome, send, existence, context } = setUp(change, 'present', [error, error, answer()]);
    expect(await settle(outcome)).toEqual({ status: 'fulfilled', value: answer() });
    expect(send).toHaveBeenCalledTimes(3);
    expect(existence()).toBe('makes' in change ? 'present' : 'absent');
    expect(context.evidence).toMatchObject({ attempts: 3, requestId: 'id-of-the-answer', httpStatus: 200 });
    expect(context.evidence.propagationMs).toBeGreaterThan(400);
    expect(context.evidence.tries?.map(({ code, wait }) => [code, wait])).toEqual([
      [error.name.replace('Exception', ''), 'propagation'],
      [error.name.replace('Exception', ''), 'propagation'],
      [undefined, undefined],
    ]);
    expect(context.evidence).not.toHaveProperty('resolution');
  });

  test.for([
    ['NoSuchEntity', unknown, { makes: 'user' }],
    [
      'NoSuchEntity of a policy',
      iamError('NoSuchEntityException', 404, 'Policy p does not exist.'),
      { makes: 'attachment' },
    ],
    ['DeleteConflict', conflict, { makes: 'group' }],
    ['DeleteConflict', conflict, { removes: 'membership' }],
    ['EntityAlreadyExists', exists, { makes: 'user' }],
    ['AccessDenied', iamError('AccessDenied', 403), { removes: 'user' }],
    ['LimitExceeded', iamError('LimitExceededException', 409), { makes: 'group' }],
    ['ServiceFailure', failure, { removes: 'user' }],
    ['a reset', lost, { removes: 'user' }],
  ] as const)('is not waited for after %s when it %o', async ([, error, change]) => {
    const { outcome, send, context } = setUp(change, 'present', [error]);
    expect(await settle(outcome)).toEqual({ status: 'rejected', reason: error });
    expect(send).toHaveBeenCalledOnce();
    expect(context.evidence).not.toHaveProperty('propagationMs');
  });

  test('is waited for no longer than the configured time; the last answer is then the cause', async () => {
    const { outcome, existence, context } = setUp({ makes: 'membership' }, 'absent', [unknown]);
    const result = await settle(outcome);
    expect(result).toMatchObject({ status: 'rejected', reason: { name: 'PropagationError', cause: unknown } });
    const { reason } = result as PromiseRejectedResult;
    expect(reason).toBeInstanceOf(PropagationError);
    expect((reason as PropagationError).waitedMs).toBeGreaterThanOrEqual(60_000);
    expect((reason as PropagationError).waitedMs).toBeLessThan(61_000);
    expect(existence()).toBe('absent');
    expect(context.evidence).toMatchObject({ httpStatus: 404, requestId: 'id-of-NoSuchEntityException' });
  });

  test('says what it waits for between the attempts', async () => {
    const { outcome, context } = setUp({ removes: 'user' }, 'present', [conflict, answer()]);
    await vi.advanceTimersByTimeAsync(1);
    expect(context.waitingFor).toBe(
      'an earlier change to become visible to TheCall, which IAM answers with DeleteConflict',
    );
    await settle(outcome);
  });

  test('is waited for from the first refusal on, however long the requests before that took', async () => {
    const session = fakeSession();
    const context: StepContext = { signal: new AbortController().signal, evidence: {}, waitingFor: 'its result' };
    const send = vi.fn(async () => answer());
    // Two attempts that hang for 30 s each, and then the first answer.
    send.mockImplementationOnce(async () => {
      await new Promise((resolve) => void setTimeout(resolve, 60_000));
      throw conflict;
    });
    expect(await settle(call(session, context, 'DeleteUser', { removes: 'user' }, send))).toMatchObject({
      status: 'fulfilled',
    });
    expect(context.evidence.propagationMs).toBeLessThan(1000);
  });

  test('does not hide another failure that comes after it', async () => {
    const { outcome, context } = setUp({ removes: 'user' }, 'present', [conflict, failure]);
    expect(await settle(outcome)).toEqual({ status: 'rejected', reason: failure });
    expect(context.evidence.propagationMs).toBeGreaterThan(0);
  });

  test('is still named as the reason if a deadline cuts off the repeated request', async () => {
    const { outcome, send, cancel, context } = setUp({ removes: 'user' }, 'present', [conflict]);
    send.mockImplementation(() => {
      cancel.abort(new Error('enough'));
      return Promise.reject(lost);
    });
    await settle(outcome);
    expect(context.waitingFor).toBe('the answer to TheCall, repeated after DeleteConflict');
  });

  test('is not waited for after an abort', async () => {
    const { outcome, cancel, send, existence, context } = setUp({ removes: 'user' }, 'present', [conflict]);
    await vi.advanceTimersByTimeAsync(1);
    cancel.abort(new Error('enough'));
    await expect(outcome).rejects.toThrow('enough');
    expect(send).toHaveBeenCalledOnce();
    expect(vi.getTimerCount()).toBe(0);
    expect(existence()).toBe('present');
    expect(context.evidence).toHaveProperty('propagationMs');
    expect(context.evidence.tries).toMatchObject([{ code: 'DeleteConflict', wait: 'propagation' }]);
  });
});

describe('an answer that was lost', () => {
  test.for([
    ['made', { makes: 'user' }, 'absent', exists, 'present', 'the user was there already'],
    ['made', { makes: 'group' }, 'absent', exists, 'present', 'the group was there already'],
    ['removed', { removes: 'user' }, 'present', unknown, 'absent', 'the user was gone already'],
    ['removed', { removes: 'membership' }, 'present', unknown, 'absent', 'the membership was gone already'],
    ['removed', { removes: 'attachment' }, 'present', unknown, 'absent', 'the attachment was gone already'],
  ] as const)(
    'counts as a success if the repeated request finds the change already made: %s, %o',
    async ([, change, before, found, after, words]) => {
      for (const first of [lost, failure]) {
        const { outcome, existence, context } = setUp(change, before, [{ repeated: [first], ends: found }]);
        expect(await settle(outcome)).toEqual({ status: 'fulfilled', value: undefined });
        expect(existence()).toBe(after);
        expect(context.evidence.resolution).toBe(`an answer was lost; the repeated request found that ${words}`);
        expect(context.evidence).not.toHaveProperty('propagationMs');
      }
    },
  );

  test.for([
    ['a refusal', throttled],
    ['another refusal', iamError('RequestLimitExceeded', 503)],
  ] as const)(
    'is not assumed after %s, so that NoSuchEntity does not make a removal a success',
    async ([, refusal]) => {
      const { outcome, context, existence } = setUp({ removes: 'user' }, 'present', [
        { repeated: [refusal], ends: unknown },
      ]);
      expect(await settle(outcome)).toMatchObject({ status: 'rejected', reason: { name: 'PropagationError' } });
      expect(context.evidence).not.toHaveProperty('resolution');
      expect(existence()).toBe('present');
    },
  );

  test('is not assumed after a throttled request, so that EntityAlreadyExists is not a success', async () => {
    const { outcome, existence } = setUp({ makes: 'user' }, 'absent', [{ repeated: [throttled], ends: exists }]);
    expect(await settle(outcome)).toEqual({ status: 'rejected', reason: exists });
    expect(existence()).toBe('absent');
  });

  test('is remembered while the call waits for an earlier change', async () => {
    const { outcome, existence } = setUp({ removes: 'group' }, 'present', [
      { repeated: [lost], ends: conflict },
      unknown,
    ]);
    expect(await settle(outcome)).toEqual({ status: 'fulfilled', value: undefined });
    expect(existence()).toBe('absent');
  });

  test('is noticed among refusals, too', async () => {
    const { outcome } = setUp({ removes: 'user' }, 'present', [{ repeated: [lost, throttled], ends: unknown }]);
    expect(await settle(outcome)).toEqual({ status: 'fulfilled', value: undefined });
  });
});

describe('what exists after a failed call', () => {
  test.for([
    ['is as before after a refusal', throttled, 'absent', 0],
    ['is as before after a denial', iamError('AccessDenied', 403), 'absent', 0],
    ['is as before after a connection that could not be made', nodeError('ECONNREFUSED'), 'absent', 0],
    ['is unknown after a failure of the service', failure, 'possible', 0],
    ['is unknown after a page in place of an answer', new ForeignAnswerError(200, 'a page'), 'possible', 0],
    ['is as before after a lost answer, but it may still be made', lost, 'absent', 1],
    ['is as before after an abort, but it may still be made', new DOMException('aborted', 'AbortError'), 'absent', 1],
    ['is as before after a gateway that had no answer, but it may still be made', badGateway, 'absent', 1],
  ] as const)('%s', async ([, error, existence, unanswered]) => {
    const made = setUp({ makes: 'user' }, 'absent', [error]);
    expect(await settle(made.outcome)).toEqual({ status: 'rejected', reason: error });
    expect([made.existence(), made.session.unanswered.user]).toEqual([existence, unanswered]);
    const removed = setUp({ removes: 'user' }, 'present', [error]);
    await settle(removed.outcome);
    const hadNoEffect = existence === 'absent' && unanswered === 0;
    expect(removed.existence()).toBe(hadNoEffect ? 'present' : 'possible');
    // It does no harm if a removal is carried out late.
    expect(removed.session.unanswered.user).toBe(0);
  });
});

describe('attempts at a creation that had no answer', () => {
  const silent = new DOMException('aborted', 'AbortError');
  test.for([
    ['the only one', [{ repeated: [], ends: lost }], 'absent', 1],
    ['all three', [{ repeated: [lost, lost], ends: lost }], 'absent', 3],
    ['the first, and the second makes it', [{ repeated: [lost], ends: answer() }], 'present', 1],
    ['the second, and the third makes it', [{ repeated: [throttled, lost], ends: answer() }], 'present', 1],
    ['the first, and the second is refused', [{ repeated: [lost], ends: throttled }], 'absent', 1],
    ['the first, which made it as the second finds', [{ repeated: [lost], ends: exists }], 'present', 0],
    ['two, of which one made it as the third finds', [{ repeated: [lost, badGateway], ends: exists }], 'present', 1],
    ['one beside a failure, and either may have made it', [{ repeated: [failure, lost], ends: exists }], 'present', 1],
    ['one beside a failure, and nothing is known', [{ repeated: [failure, lost], ends: throttled }], 'possible', 1],
    ['one that is cut off', [{ repeated: [throttled], ends: silent }], 'absent', 1],
  ] as const)('are counted: %s', async ([, script, existence, count]) => {
    const made = setUp({ makes: 'group' }, 'absent', script);
    await settle(made.outcome);
    expect([made.existence(), made.session.unanswered.group]).toEqual([existence, count]);
    expect(made.session.unanswered.user).toBe(0);
  });

  test('are counted from the start, because the SDK may ignore an abort for a while', async () => {
    const session = fakeSession();
    const context = { signal: new AbortController().signal, evidence: {}, waitingFor: '' };
    const { promise, resolve } = Promise.withResolvers<MetadataBearer>();
    const outcome = call(session, context, 'CreateUser', { makes: 'user' }, () => promise);
    expect([session.entities.user, session.unanswered.user]).toEqual(['possible', 1]);
    resolve(answer());
    await outcome;
    expect([session.entities.user, session.unanswered.user]).toEqual(['present', 0]);
  });

  test('are none if the call was cut off between two attempts', async () => {
    const { outcome, session, existence } = setUp({ makes: 'user' }, 'absent', [{ repeated: [], ends: silent }], {
      history: {
        failed: [throttled],
        repeated: [{ startMs: 0, endMs: 5, error: throttled }],
        attempts: 1,
        lastAttemptAtMs: 0,
        begin: () => {},
      } as unknown as Session['history'],
    });
    await settle(outcome);
    expect([existence(), session.unanswered.user]).toEqual(['absent', 0]);
  });

  test('add up while the call waits for an earlier change', async () => {
    const { outcome, session, existence } = setUp({ makes: 'membership' }, 'absent', [
      { repeated: [lost], ends: unknown },
      { repeated: [lost], ends: answer() },
    ]);
    await settle(outcome);
    expect([existence(), session.unanswered.membership]).toEqual(['present', 2]);
  });
});

describe('an AddUserToGroup or AttachUserPolicy that IAM carries out late', () => {
  function holding(change: Change, link: 'membership' | 'attachment', unanswered: number) {
    const set = setUp(change, 'present', [conflict, answer()]);
    const remove = vi.fn(async () => answer());
    Object.assign(set.session.iam, { removeUserFromGroup: remove, detachUserPolicy: remove });
    Object.assign(set.session.entities, { user: 'present', group: 'present' });
    set.session.unanswered[link] = unanswered;
    return { ...set, remove };
  }

  test.for([
    ['group', 'membership'],
    ['user', 'membership'],
    ['user', 'attachment'],
  ] as const)(
    'and that keeps the %s from being deleted is undone: the %s is removed once more',
    async ([entity, link]) => {
      const { outcome, remove, context, existence } = holding({ removes: entity }, link, 1);
      expect(await settle(outcome)).toMatchObject({ status: 'fulfilled' });
      expect(remove).toHaveBeenCalledExactlyOnceWith(expect.anything(), { abortSignal: context.signal });
      expect(context.evidence.resolution).toBe(
        `IAM carried out an unanswered request late; the ${link} was removed once more`,
      );
      expect(context.evidence).toHaveProperty('propagationMs');
      expect(existence()).toBe('absent');
    },
  );

  test('is not looked for if every such request was answered', async () => {
    const { outcome, remove, context } = holding({ removes: 'group' }, 'membership', 0);
    expect(await settle(outcome)).toMatchObject({ status: 'fulfilled' });
    expect(remove).not.toHaveBeenCalled();
    expect(context.evidence).not.toHaveProperty('resolution');
  });

  test('that did not happen does not make the deletion fail', async () => {
    const { outcome, remove, context } = holding({ removes: 'group' }, 'membership', 1);
    remove.mockRejectedValue(unknown);
    expect(await settle(outcome)).toMatchObject({ status: 'fulfilled' });
    expect(context.evidence).not.toHaveProperty('resolution');
  });
});

describe('the evidence of a call', () => {
  const metadata = (fields: MetadataBearer['$metadata']): MetadataBearer => ({ $metadata: fields });

  test('adds up the attempts and the delays of all its requests', async () => {
    const first = Object.assign(iamError('DeleteConflictException', 409), {
      $metadata: { httpStatusCode: 409, requestId: 'one', attempts: 2, totalRetryDelay: 100.5 },
    });
    const { outcome, context } = setUp({ removes: 'user' }, 'present', [
      first,
      metadata({ httpStatusCode: 200, requestId: 'two', attempts: 3, totalRetryDelay: 20 }),
    ]);
    await settle(outcome);
    expect(context.evidence).toMatchObject({ attempts: 5, retryDelayMs: 120.5, requestId: 'two', httpStatus: 200 });
  });

  test('has the request id and the status of the last attempt only', async () => {
    const { outcome, context } = setUp({ removes: 'user' }, 'present', [conflict, lost]);
    await settle(outcome);
    expect(context.evidence).toMatchObject({ attempts: 4 });
    expect(context.evidence).not.toHaveProperty('requestId');
    expect(context.evidence).not.toHaveProperty('httpStatus');
  });

  test('has our own count of attempts if the SDK gives none', async () => {
    const { outcome, context } = setUp({ makes: 'user' }, 'absent', [
      { repeated: [throttled], ends: new DOMException('aborted', 'AbortError') },
    ]);
    await settle(outcome);
    expect(context.evidence.attempts).toBe(2);
  });

  test('adds up the time for opening connections, and has none if one was reused', async () => {
    const connectMs = [10, undefined, 5.5];
    const transport = { takeConnectMs: () => connectMs.shift() } as Session['transport'];
    const { outcome, context } = setUp({ removes: 'user' }, 'present', [conflict, conflict, answer()], { transport });
    await settle(outcome);
    expect(context.evidence.connectMs).toBe(15.5);
    const reused = setUp({ makes: 'user' }, 'absent', [answer()]);
    await reused.outcome;
    expect(reused.context.evidence).not.toHaveProperty('connectMs');
  });
});
