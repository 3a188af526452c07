import {
  createMetristClient,
  explainStatus,
  type MetristAnswer,
  type MetristClientOptions,
  type MetristError,
  type MetristRequest,
} from '../request.ts';
import { type ErrorBody, isStorable, type MetristResult } from './results.ts';

/** The outcome of one POST. */
export type PostResult =
  /** Metrist answered 202. That does not prove that the result was stored. */
  | { readonly state: 'accepted' }
  /** Metrist will never take this result. Without a status it was not sent, because Metrist would drop it. */
  | { readonly state: 'refused'; readonly status?: number; readonly reason: string }
  /** Metrist takes nothing until somebody corrects the token or the host. */
  | { readonly state: 'denied'; readonly status: number; readonly reason: string }
  /** Metrist certainly did not take the result. It may be sent again. */
  | ({ readonly state: 'not-taken'; readonly retryAfterMs?: number } & Failure)
  /** The result may have been stored: the answer was lost, or came from a gateway or a proxy. */
  | ({ readonly state: 'unknown' } & Failure);

interface Failure {
  readonly status?: number;
  readonly reason: string;
  /** Repeating the request at once would fail in the same way or run into another timeout. */
  readonly isPointlessToRepeat?: true;
}

/** The part of Metrist's API that takes results. */
export type MetristApi = ReturnType<typeof createMetristApi>;

/** Creating it makes no request. Each method sends one request, which `signal` can end early, and never throws. */
export function createMetristApi(options: MetristClientOptions) {
  const send = createMetristClient(options);
  return {
    async post(result: MetristResult, { signal }: Pick<MetristRequest, 'signal'> = {}): Promise<PostResult> {
      if (!isStorable(result)) return { state: 'refused', reason: `not sent, Metrist would drop it: ${ourBug}` };
      try {
        const { kind, body } = result;
        const answer = await send({ method: 'POST', path: `/api/agent/${kind}`, body, signal });
        // Only the status counts, even if the rest of the answer is cut off.
        await answer.readText().catch(() => {});
        return toPostResult(answer);
      } catch (error) {
        const { message: reason, isNeverSent, isPointlessToRepeat } = error as MetristError;
        const state = isNeverSent ? 'not-taken' : 'unknown';
        return { state, reason, ...(isPointlessToRepeat && { isPointlessToRepeat }) };
      }
    },

    /**
     * Whether Metrist shows an error of the same check and instance in the same second.
     *
     * @returns `undefined` if Metrist gives no usable answer
     */
    async hasError(
      { monitor_logical_name, check_logical_name, instance_name, time }: ErrorBody,
      { signal }: Pick<MetristRequest, 'signal'> = {},
    ): Promise<boolean | undefined> {
      // Metrist groups errors by the minute, but counts only those from `from` to `to`, both inclusive.
      const startMs = Math.floor(Date.parse(`${time}Z`) / 1000) * 1000;
      const query = new URLSearchParams([
        ['from', new Date(startMs).toISOString()],
        ['to', new Date(startMs + 1000).toISOString()],
        ['m[]', monitor_logical_name],
        ['c[]', check_logical_name],
        ['i[]', instance_name],
      ]);
      try {
        const answer = await send({ path: `/api/v0/monitor-error?${query.toString()}`, signal });
        const text = await answer.readText();
        if (answer.status !== 200) return undefined;
        const { entries } = JSON.parse(text) as { readonly entries: readonly { readonly count: number }[] };
        return entries.some(({ count }) => count > 0);
      } catch {
        return undefined;
      }
    },
  };
}

const ourBug = 'a bug of this monitor';
const malformed = `the request is malformed: ${ourBug}`;
const meanings = {
  400: malformed,
  406: malformed,
  413: 'the result is too large',
  422: malformed,
  429: 'too many results at once for this monitor; run it less often',
} as const;

/** Tells from the status of an answer whether the POST took effect. */
function toPostResult(answer: MetristAnswer): PostResult {
  const { status, headers } = answer;
  const reason = explainStatus(answer, meanings);
  if (status === 202) return { state: 'accepted' };
  if (status === 429) {
    const seconds = Number(headers.get('x-ratelimit-reset') ?? Number.NaN);
    return { state: 'not-taken', status, reason, ...(seconds >= 0 && { retryAfterMs: seconds * 1000 }) };
  }
  // With these two, Metrist itself says that it did not store the result. Any other 5xx comes from a gateway.
  if (status === 500 || status === 503) return { state: 'not-taken', status, reason };
  if (status >= 500 || status === 408) return { state: 'unknown', status, reason };
  // This API answers with no other 2xx. We cannot know what a later version would mean by one.
  if (status >= 200 && status < 300) return { state: 'unknown', status, reason, isPointlessToRepeat: true };
  // 413 concerns only this result. Every other refusal applies to all results.
  return { state: status === 413 ? 'refused' : 'denied', status, reason };
}
