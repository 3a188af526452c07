import { explainFailure, explainStatus, isNeverSent, isSlow } from './explain.ts';
import { type ErrorBody, type MetristResult, validateResult } from './results.ts';

/** What became of one POST. */
export type PostResult =
  /** All that Metrist promises: a 202 is no proof that a result was stored. */
  | { readonly state: 'accepted' }
  /** Metrist will never take this one; without a status: it was not sent because it would be dropped. */
  | { readonly state: 'refused'; readonly status?: number; readonly reason: string }
  /** Metrist takes nothing until somebody mends something: the token, the host. */
  | { readonly state: 'denied'; readonly status: number; readonly reason: string }
  /** It certainly did not arrive, and may be sent again. */
  | ({ readonly state: 'not-taken'; readonly retryAfterMs?: number } & Failure)
  /** It may have arrived: the answer was lost, or came from something in between. */
  | ({ readonly state: 'unknown' } & Failure);

interface Failure {
  readonly status?: number;
  readonly reason: string;
  /** At once it would come to the same again, or take another timeout to find out. */
  readonly isPointlessToRepeat?: true;
}

export interface RequestOptions {
  /** Ends the request early: `unknown`. */
  readonly signal?: AbortSignal;
}

/** The part of Metrist's API that takes results. Nothing throws, and each call sends one request. */
export interface MetristApi {
  post(result: MetristResult, options?: RequestOptions): Promise<PostResult>;
  /**
   * Whether Metrist shows an error of this check at this instance at its time, to the second.
   *
   * @returns `undefined` where Metrist does not say
   */
  hasError(body: ErrorBody, options?: RequestOptions): Promise<boolean | undefined>;
}

export interface MetristApiOptions {
  /** Origin of the API: `https://app.metrist.io`. */
  readonly baseUrl: string;
  readonly token: string;
  /** `awsiam/0.1.0`. */
  readonly userAgent: string;
  /**
   * For one request, from connecting to the end of the answer.
   * @default 10_000
   */
  readonly requestTimeoutMs?: number;
  /** @default globalThis.fetch */
  readonly fetch?: typeof globalThis.fetch;
}

/** A client of Metrist's results API. Makes no request by itself. */
export function createMetristApi(options: MetristApiOptions): MetristApi {
  const { baseUrl, token, userAgent, requestTimeoutMs = 10_000, fetch = globalThis.fetch } = options;
  const context = { host: new URL(baseUrl).host, timeoutMs: requestTimeoutMs };
  const headers = {
    accept: 'application/json, text/plain',
    authorization: `Bearer ${token}`,
    'content-type': 'application/json',
    'user-agent': userAgent,
  };
  const within = (signal: AbortSignal | undefined): AbortSignal => {
    const timeout = AbortSignal.timeout(requestTimeoutMs);
    return signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
  };

  return {
    async post(result, { signal } = {}) {
      const problems = validateResult(result);
      if (problems.length > 0) {
        return { state: 'refused', reason: `not sent, Metrist would drop it: ${problems.join(', ')}` };
      }
      try {
        const response = await fetch(new URL(`/api/agent/${result.kind}`, baseUrl), {
          method: 'POST',
          headers,
          body: JSON.stringify(result.body),
          // Followed, a POST turns into a GET: the result would be lost behind a 200.
          redirect: 'manual',
          signal: within(signal),
        });
        await drain(response);
        const reason = explainStatus(response.status, response.headers.get('location'), context);
        return judge(response, reason);
      } catch (error) {
        if (signal?.aborted === true) {
          return { state: 'unknown', reason: `gave up on ${context.host}`, isPointlessToRepeat: true };
        }
        const reason = explainFailure(error, context);
        const state = isNeverSent(error) ? 'not-taken' : 'unknown';
        return { state, reason, ...(isSlow(error) && { isPointlessToRepeat: true as const }) };
      }
    },

    async hasError({ monitor_logical_name, check_logical_name, instance_name, time }, { signal } = {}) {
      // Metrist counts by the minute, but what it counts are the errors between the two, both inclusive.
      const startMs = Math.floor(Date.parse(`${time}Z`) / 1000) * 1000;
      const query = new URLSearchParams([
        ['from', new Date(startMs).toISOString()],
        ['to', new Date(startMs + 1000).toISOString()],
        ['m[]', monitor_logical_name],
        ['c[]', check_logical_name],
        ['i[]', instance_name],
      ]);
      try {
        const url = new URL(`/api/v0/monitor-error?${query.toString()}`, baseUrl);
        const response = await fetch(url, { headers, redirect: 'manual', signal: within(signal) });
        if (response.status !== 200) {
          await drain(response);
          return undefined;
        }
        const { entries } = (await response.json()) as { readonly entries: readonly { readonly count: number }[] };
        return entries.some(({ count }) => count > 0);
      } catch {
        return undefined;
      }
    },
  };
}

/** Whether a POST took effect, by the status of its answer. */
function judge({ status, headers }: Response, reason: string): PostResult {
  if (status === 202) return { state: 'accepted' };
  if (status === 429) {
    const seconds = Number(headers.get('x-ratelimit-reset') ?? Number.NaN);
    return { state: 'not-taken', status, reason, ...(seconds >= 0 && { retryAfterMs: seconds * 1000 }) };
  }
  // Metrist itself says so when it did not store a result; a gateway that gave up says nothing about what is behind it.
  if (status === 500 || status === 503) return { state: 'not-taken', status, reason };
  if (status >= 500 || status === 408) return { state: 'unknown', status, reason };
  // Not the answer of this API. Nobody knows what a later one would mean by it.
  if (status >= 200 && status < 300) return { state: 'unknown', status, reason, isPointlessToRepeat: true };
  // The size is about this result. All else that is wrong with a valid one would be wrong with the others, too.
  return { state: status === 413 ? 'refused' : 'denied', status, reason };
}

/** Reads the answer to its end, so that the connection can be used again. The status has been decided by then. */
async function drain(response: Response): Promise<void> {
  try {
    await response.arrayBuffer();
  } catch {
    // An answer that was cut off after its status changes nothing.
  }
}
