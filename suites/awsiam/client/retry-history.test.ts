import { IAM } from '@aws-sdk/client-iam';
import { HttpResponse } from '@smithy/core/protocols';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { RetryHistory } from './retry-history.ts';
import { nodeError } from '../testing/errors.ts';
import { iamErrorXml, iamXml } from '../testing/http-server.ts';

type Scripted = Error | readonly [status: number, body: string];

const success = [200, iamXml('DeleteUser')] as const;
const failed = [500, iamErrorXml('ServiceFailure')] as const;
const throttled = [400, iamErrorXml('Throttling')] as const;
const unknown = [404, iamErrorXml('NoSuchEntity')] as const;
const reset = (): Error => nodeError('ECONNRESET', { name: 'TimeoutError' });

/** A client of the SDK with a history, and the answers that its requests get. */
function setUp(script: readonly Scripted[], headers: () => Record<string, string> = () => ({})) {
  const history = new RetryHistory(3, () => performance.now());
  const left = [...script];
  const handle = vi.fn(async () => {
    const next = left.shift();
    if (next === undefined) throw new Error('no more answers');
    if (next instanceof Error) throw next;
    const [statusCode, body] = next;
    return { response: new HttpResponse({ statusCode, headers: headers(), body: new TextEncoder().encode(body) }) };
  });
  const iam = new IAM({
    region: 'us-east-1',
    credentials: { accessKeyId: 'TESTKEY', secretAccessKey: 'unused' },
    retryStrategy: history,
    requestHandler: { handle, metadata: { handlerProtocol: 'http/1.1' } } as never,
  });
  const deleteUser = async (): Promise<PromiseSettledResult<unknown>> => {
    const [result] = await Promise.all([
      Promise.allSettled([iam.deleteUser({ UserName: 'u' })]).then(([each]) => each),
      vi.runAllTimersAsync(),
    ]);
    return result;
  };
  return { history, handle, iam, deleteUser };
}

const summaryOf = (errors: readonly unknown[]): unknown[] =>
  errors.map((error) => (error as { readonly code?: string }).code ?? (error as Error).name);

describe('RetryHistory', () => {
  beforeEach(() => {
    vi.useFakeTimers();
    // The delays between attempts are drawn at random; none of them is 0.
    vi.spyOn(Math, 'random').mockReturnValue(0.5);
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.restoreAllMocks();
  });

  test('is empty for a call that succeeds at once', async () => {
    const { history, deleteUser } = setUp([success]);
    expect(await deleteUser()).toMatchObject({ status: 'fulfilled', value: { $metadata: { attempts: 1 } } });
    expect(history.failed).toEqual([]);
  });

  test('records how the repeated attempts ended, in order', async () => {
    const { history, deleteUser } = setUp([reset(), failed, success]);
    expect(await deleteUser()).toMatchObject({ status: 'fulfilled', value: { $metadata: { attempts: 3 } } });
    expect(summaryOf(history.failed)).toEqual(['ECONNRESET', 'ServiceFailureException']);
    expect(history.attempts).toBe(3);
  });

  test('records an attempt before the delay after it, during which a call may be cut off', async () => {
    const { history, iam } = setUp([throttled, success]);
    const cancel = new AbortController();
    const outcome = iam.deleteUser({ UserName: 'u' }, { abortSignal: cancel.signal });
    outcome.catch(() => {});
    await vi.advanceTimersByTimeAsync(0);
    expect(summaryOf(history.failed)).toEqual(['Throttling']);
    expect(history.attempts).toBe(1);
    cancel.abort();
    await expect(outcome).rejects.toThrow();
    expect(summaryOf(history.failed)).toEqual(['Throttling']);
  });

  test('leaves out the last attempt, because the call itself fails with its error', async () => {
    const { history, deleteUser } = setUp([throttled, unknown]);
    expect(await deleteUser()).toMatchObject({ status: 'rejected', reason: { name: 'NoSuchEntityException' } });
    expect(summaryOf(history.failed)).toEqual(['Throttling']);
  });

  test('ends after three attempts', async () => {
    const { history, handle, deleteUser } = setUp([failed, failed, failed, success]);
    expect(await deleteUser()).toMatchObject({
      status: 'rejected',
      reason: { name: 'ServiceFailureException', $metadata: { attempts: 3 } },
    });
    expect(handle).toHaveBeenCalledTimes(3);
    expect(history.failed).toHaveLength(2);
  });

  test('starts again with the next call', async () => {
    const { history, deleteUser } = setUp([reset(), success, success]);
    await deleteUser();
    expect(history.failed).toHaveLength(1);
    await deleteUser();
    expect(history.failed).toEqual([]);
  });

  test('does not repeat a request that met a quota, which the SDK takes for throttling', async () => {
    const { handle, history, deleteUser } = setUp([[409, iamErrorXml('LimitExceeded')], success]);
    expect(await deleteUser()).toMatchObject({
      status: 'rejected',
      reason: { name: 'LimitExceededException', $metadata: { attempts: 1, httpStatusCode: 409 } },
    });
    expect(handle).toHaveBeenCalledOnce();
    expect(history.failed).toEqual([]);
  });

  test.for([
    ['NoSuchEntity', 404],
    ['DeleteConflict', 409],
    ['AccessDenied', 403],
    ['EntityAlreadyExists', 409],
  ] as const)('does not repeat a request that was refused with %s', async ([code, status]) => {
    const { handle, deleteUser } = setUp([[status, iamErrorXml(code)], success]);
    expect(await deleteUser()).toMatchObject({ status: 'rejected' });
    expect(handle).toHaveBeenCalledOnce();
  });

  describe('while this host’s clock is ten minutes ahead', () => {
    const tenMinutesAgo = (): Record<string, string> => ({ date: new Date(Date.now() - 600_000).toUTCString() });

    test('does not repeat a refusal that is not about the time', async () => {
      const { handle, deleteUser } = setUp([unknown, success], tenMinutesAgo);
      expect(await deleteUser()).toMatchObject({ status: 'rejected', reason: { name: 'NoSuchEntityException' } });
      expect(handle).toHaveBeenCalledOnce();
    });

    test.for(['SignatureDoesNotMatch', 'RequestExpired'])('repeats what was refused with %s', async (code) => {
      const { handle, deleteUser } = setUp([[403, iamErrorXml(code)], success], tenMinutesAgo);
      expect(await deleteUser()).toMatchObject({ status: 'fulfilled' });
      expect(handle).toHaveBeenCalledTimes(2);
    });
  });

  test('says when each attempt began and when the repeated ones ended, without the delays', async () => {
    const { history, handle, deleteUser } = setUp([]);
    handle.mockImplementationOnce(async () => {
      vi.advanceTimersByTime(1000);
      throw reset();
    });
    handle.mockImplementationOnce(async () => {
      vi.advanceTimersByTime(70);
      return {
        response: new HttpResponse({ statusCode: 200, headers: {}, body: new TextEncoder().encode(success[1]) }),
      };
    });
    const startMs = performance.now();
    expect(await deleteUser()).toMatchObject({ status: 'fulfilled' });
    expect(history.repeated).toMatchObject([{ startMs, endMs: startMs + 1000, error: { code: 'ECONNRESET' } }]);
    expect(performance.now() - history.lastAttemptAtMs).toBe(70);
    expect(history.lastAttemptAtMs).toBeGreaterThan(startMs + 1000);
  });
});
