import {
  createMetristClient,
  explainStatus,
  type MetristAnswer,
  type MetristClientOptions,
  type MetristError,
  type MetristRequest,
} from '../request.ts';
import { type ErrorBody, isStorable, type MetristResult } from './results.ts';

/** What became of one POST. */
export type PostResult =
  /** All that Metrist promises: a 202 is no proof that a result was stored. */
  | { readonly state: 'accepted' }
  /** Metrist will never take this result. Without a status it was not sent, because Metrist would drop it. */
  | { readonly state: 'refused'; readonly status?: number; readonly reason: string }
  /** Metrist takes nothing until somebody corrects the token or the host. */
  | { readonly state: 'denied'; readonly status: number; readonly reason: string }
  /** It certainly did not arrive, and may be sent again. */
  | ({ readonly state: 'not-taken'; readonly retryAfterMs?: number } & Failure)
  /** It may have arrived: the answer was lost, or came from a gateway or a proxy. */
  | ({ readonly state: 'unknown' } & Failure);

interface Failure {
  readonly status?: number;
  readonly reason: string;
  /** If it were repeated at once, it would fail in the same way or run into another timeout. */
  readonly isPointlessToRepeat?: true;
}

/** The part of Metrist's API that takes results. */
export type MetristApi = ReturnType<typeof createMetristApi>;

/** Makes no request by itself. Nothing in it throws, and each call sends one request, which `signal` ends early. */
export function createMetristApi(options: MetristClientOptions) {
  const send = createMetristClient(options);
  return {
    async post(result: MetristResult, { signal }: Pick<MetristRequest, 'signal'> = {}): Promise<PostResult> {
      if (!isStorable(result)) return { state: 'refused', reason: `not sent, Metrist would drop it: ${ourBug}` };
      try {
        const { kind, body } = result;
        const answer = await send({ method: 'POST', path: `/api/agent/${kind}`, body, signal });
        // The status decides. An answer that is cut off after it changes nothing.
        await answer.readText().catch(() => {});
        return toPostResult(answer);
      } catch (error) {
        const { message: reason, isNeverSent, isPointlessToRepeat } = error as MetristError;
        const state = isNeverSent ? 'not-taken' : 'unknown';
        return { state, reason, ...(isPointlessToRepeat && { isPointlessToRepeat }) };
      }
    },

    /**
     * Whether Metrist shows an error of this check at this instance at its time, to the second.
     *
     * @returns `undefined` when Metrist does not say
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

/** Whether a POST took effect, by the status of its answer. */
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
  // This API never answers like this. We cannot know what a later version would mean by it.
  if (status >= 200 && status < 300) return { state: 'unknown', status, reason, isPointlessToRepeat: true };
  // Only this result is too large. Every other reason applies to the other results, too.
  return { state: status === 413 ? 'refused' : 'denied', status, reason };
}
