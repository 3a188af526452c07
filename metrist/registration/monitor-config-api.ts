import { type RequestContext, explainFailure } from '../delivery/explain.ts';
import { type ReadAnswer, explainConfigAnswer } from './explain-config-answer.ts';
import { MetristError } from './metrist-error.ts';
import type { MonitorConfig } from './monitor-config.ts';
import { type MonitorStatus, parseMonitorStatuses } from './monitor-status.ts';
import { type StoredMonitorConfig, parseStoredMonitorConfigs } from './stored-monitor-config.ts';
import { validateMonitorConfig } from './validate-monitor-config.ts';

/** The part of Metrist's API that says what runs. Sends each request once; what fails rejects with a {@link MetristError}. */
export interface MonitorConfigApi {
  /** The registrations of a monitor. What was changed a moment ago may not be in it yet. */
  list(monitor: string, options?: RequestOptions): Promise<StoredMonitorConfig[]>;
  /**
   * Adds a registration, beside any that there are.
   *
   * @returns its id. Metrist gives one also where it stores nothing: only {@link list} tells.
   * @throws {RangeError} for what Metrist would not store; nothing is sent then
   */
  create(config: MonitorConfig): Promise<string>;
  /** Removes a registration. Metrist answers alike where there is none. */
  remove(monitor: string, id: string): Promise<void>;
  /** `undefined` where Metrist has nothing to say about a monitor, or not at once. */
  status(monitor: string): Promise<MonitorStatus | undefined>;
  /** Resolves where the token is right. */
  verifyToken(): Promise<void>;
}

export interface RequestOptions {
  /** Where less than the client's own is left. */
  readonly timeoutMs?: number;
}

export interface MonitorConfigApiOptions {
  /** Origin of the API: `https://app.metrist.io`. */
  readonly baseUrl: string;
  readonly token: string;
  /** `awsiam/0.1.0` */
  readonly userAgent: string;
  /** Ends every request early. */
  readonly signal?: AbortSignal;
  /**
   * For one request, from connecting to the end of the answer.
   * @default 10_000
   */
  readonly requestTimeoutMs?: number;
  /** @default globalThis.fetch */
  readonly fetch?: typeof globalThis.fetch;
}

interface Request extends RequestOptions {
  /** What the request is for: `read the registrations of awsiam`. */
  readonly attempt: string;
  readonly method?: 'GET' | 'POST' | 'DELETE';
  /** With the query. */
  readonly path: string;
  readonly body?: MonitorConfig;
  /** @default 200 */
  readonly expectedStatus?: number;
}

/** A client of Metrist's monitor-config API. Makes no request by itself. */
export function createMonitorConfigApi(options: MonitorConfigApiOptions): MonitorConfigApi {
  const { baseUrl, token, userAgent, signal, requestTimeoutMs = 10_000, fetch = globalThis.fetch } = options;
  const { host } = new URL(baseUrl);

  /** @returns the text of an answer with the expected status */
  async function send({ attempt, method = 'GET', path, body, expectedStatus = 200, timeoutMs }: Request) {
    const context: RequestContext = { host, timeoutMs: Math.ceil(Math.min(timeoutMs ?? Infinity, requestTimeoutMs)) };
    const timeout = AbortSignal.timeout(context.timeoutMs);
    const fail = (reason: string, details?: { readonly status?: number; readonly cause?: unknown }) =>
      new MetristError(`could not ${attempt}: ${reason}`, details);
    let answer: ReadAnswer;
    try {
      const response = await fetch(new URL(path, baseUrl), {
        method,
        headers: {
          accept: 'application/json, text/plain',
          authorization: `Bearer ${token}`,
          'content-type': 'application/json',
          'user-agent': userAgent,
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        // Followed, a POST turns into a GET, and the token goes to somebody else.
        redirect: 'manual',
        signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
      });
      answer = {
        status: response.status,
        location: response.headers.get('location'),
        text: await response.text(),
      };
    } catch (error) {
      throw fail(signal?.aborted === true ? 'interrupted' : explainFailure(error, context), { cause: error });
    }
    const { status, text } = answer;
    if (status !== expectedStatus) throw fail(explainConfigAnswer(answer, context), { status });
    return { text, foreign: () => fail(explainConfigAnswer(answer, context), { status }) };
  }

  return {
    async list(monitor, { timeoutMs } = {}) {
      const { text, foreign } = await send({
        attempt: `read the registrations of ${monitor}`,
        path: `/api/v0/monitor-config?${new URLSearchParams({ monitor }).toString()}`,
        ...(timeoutMs !== undefined && { timeoutMs }),
      });
      const configs = parseStoredMonitorConfigs(parseJson(text));
      if (configs === undefined) throw foreign();
      return configs.filter(({ monitor_logical_name: name }) => name === monitor);
    },

    async create(config) {
      const problems = validateMonitorConfig(config);
      if (problems.length > 0) throw new RangeError(`not sent, Metrist would not store it: ${problems.join(', ')}`);
      const attempt = `register ${config.monitor_logical_name}`;
      const path = '/api/v0/monitor-config';
      const { text, foreign } = await send({ attempt, method: 'POST', path, body: config, expectedStatus: 202 });
      const id = text.trim();
      if (!/^[\dA-Za-z]+$/.test(id)) throw foreign();
      return id;
    },

    async remove(monitor, id) {
      const path = `/api/v0/monitor-config/${encodeURIComponent(monitor)}/${encodeURIComponent(id)}`;
      await send({ attempt: `remove the registration ${id}`, method: 'DELETE', path });
    },

    async status(monitor) {
      const { text, foreign } = await send({
        attempt: `read the state of ${monitor}`,
        path: `/api/v0/monitor-status?${new URLSearchParams({ 'm[]': monitor }).toString()}`,
      });
      const statuses = parseMonitorStatuses(parseJson(text));
      if (statuses === undefined) throw foreign();
      return statuses.find(({ monitor_logical_name: name }) => name === monitor);
    },

    async verifyToken() {
      const { text, foreign } = await send({ attempt: 'verify the token', path: '/api/v0/verify-auth' });
      if (parseJson(text) !== 'ok') throw foreign();
    },
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
