import { explainFailure, explainStatus } from './explain.ts';
import type { ErrorBody, MetristResult, TelemetryBody } from './results.ts';
import { validateResult } from './validate-result.ts';

/** What became of one POST. `accepted` is all that Metrist promises: a 202 is no proof that a result was stored. */
export type PostResult =
  | { readonly state: 'accepted' }
  /** Metrist answered something else than 202, or the result was not sent because it would be dropped: then without a status. */
  | { readonly state: 'rejected'; readonly status?: number; readonly reason: string }
  /** No answer. The result may have arrived all the same. */
  | { readonly state: 'unreachable'; readonly reason: string };

export interface PostOptions {
  /** Ends the request early: `unreachable`. */
  readonly signal?: AbortSignal;
}

/** The part of Metrist's API that takes results. Nothing throws, nothing is sent twice: Metrist knows no idempotency key. */
export interface MetristApi {
  postTelemetry(body: TelemetryBody, options?: PostOptions): Promise<PostResult>;
  postError(body: ErrorBody, options?: PostOptions): Promise<PostResult>;
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

  async function post(result: MetristResult, signal?: AbortSignal): Promise<PostResult> {
    const problems = validateResult(result);
    if (problems.length > 0)
      return { state: 'rejected', reason: `not sent, Metrist would drop it: ${problems.join(', ')}` };
    const timeout = AbortSignal.timeout(requestTimeoutMs);
    try {
      const response = await fetch(new URL(`/api/agent/${result.kind}`, baseUrl), {
        method: 'POST',
        headers: {
          accept: 'application/json, text/plain',
          authorization: `Bearer ${token}`,
          'content-type': 'application/json',
          'user-agent': userAgent,
        },
        body: JSON.stringify(result.body),
        // Followed, a POST turns into a GET: the result would be lost behind a 200.
        redirect: 'manual',
        signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
      });
      await drain(response);
      if (response.status === 202) return { state: 'accepted' };
      const reason = explainStatus(response.status, response.headers.get('location'), context);
      return { state: 'rejected', status: response.status, reason };
    } catch (error) {
      // fetch quotes a header that it refuses, so the token could be part of its message.
      const reason = signal?.aborted === true ? `gave up on ${context.host}` : explainFailure(error, context);
      return { state: 'unreachable', reason: reason.replaceAll(token, '***') };
    }
  }

  return {
    postTelemetry: (body, { signal } = {}) => post({ kind: 'telemetry', body }, signal),
    postError: (body, { signal } = {}) => post({ kind: 'error', body }, signal),
  };
}

/** Reads the answer to its end, so that the connection can be used again. The status has been decided by then. */
async function drain(response: Response): Promise<void> {
  try {
    await response.body?.pipeTo(new WritableStream());
  } catch {
    // The status is what counts.
  }
}
