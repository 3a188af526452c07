import { type RequestContext, explainFailure, explainStatus } from '../delivery/explain.ts';
import { type MonitorConfig, validateMonitorConfig } from './monitor-config.ts';
import { type StoredMonitorConfig, parseStoredMonitorConfigs } from './stored-monitor-config.ts';
import { joinLines } from '../../text/printable.ts';

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

/** An answer, read to its end. */
export interface ReadAnswer {
  readonly status: number;
  readonly location: string | null;
  readonly text: string;
}

const mostShown = 200;
const mostDetails = 10;

/**
 * Why Metrist did not do what it was asked, and what to do about it. With a 422 the API's own words follow, a line each:
 *
 * ```text
 * HTTP 422 from app.metrist.io: Metrist does not accept this:
 * - /run_spec/run_type: Invalid value for enum
 * ```
 */
export function explainConfigAnswer({ status, location, text }: ReadAnswer, context: RequestContext): string {
  const answer = `HTTP ${status} from ${context.host}`;
  if (status === 403 || status >= 500 || (status >= 300 && status < 400)) {
    return explainStatus(status, location, context);
  }
  if (status === 422) return [`${answer}: Metrist does not accept this:`, ...readDetails(text)].join('\n');
  if (status === 429) return `${answer}: too many requests; try again in a minute`;
  return `${answer}: not what the Metrist API answers; check METRIST_API_HOST and any proxy on the way`;
}

/** `{"errors":[{"title":"Invalid value","source":{"pointer":"/steps"},"detail":"Missing field: steps"}]}` */
function readDetails(text: string): string[] {
  try {
    const { errors } = JSON.parse(text) as {
      readonly errors: readonly { readonly source?: { readonly pointer?: string }; readonly detail?: string }[];
    };
    return errors
      .slice(0, mostDetails)
      .map(
        ({ source, detail }) =>
          `- ${joinLines(source?.pointer ?? '?', mostShown)}: ${joinLines(detail ?? '?', mostShown)}`,
      );
  } catch {
    return [`- ${joinLines(text, mostShown)}`];
  }
}

/** What Metrist thinks of a monitor. */
export interface MonitorStatus {
  readonly monitor_logical_name: string;
  readonly state: 'up' | 'degraded' | 'issues' | 'down';
  /** ISO 8601, UTC; 1970-01-01 when never. */
  readonly last_checked: string;
}

/** Reads an answer of `GET /api/v0/monitor-status`. `undefined` where it is not what Metrist sends. */
export function parseMonitorStatuses(answer: unknown): MonitorStatus[] | undefined {
  return Array.isArray(answer) && answer.every(isMonitorStatus) ? answer : undefined;
}

function isMonitorStatus(value: unknown): value is MonitorStatus {
  if (typeof value !== 'object' || value === null) return false;
  const { monitor_logical_name: name, state, last_checked: lastChecked } = value as Readonly<Record<string, unknown>>;
  return (
    typeof name === 'string' &&
    (state === 'up' || state === 'degraded' || state === 'issues' || state === 'down') &&
    typeof lastChecked === 'string' &&
    !Number.isNaN(Date.parse(lastChecked))
  );
}

/** Metrist could not be asked, refused, or did not do what it had said. The message says what was attempted, why it failed, what to do. */
export class MetristError extends Error {
  readonly code = 'MetristError';
  /** Of the answer. Absent when there was none, or when the answer was fine and what became of it was not. */
  readonly status: number | undefined;

  constructor(message: string, { status, cause }: { readonly status?: number; readonly cause?: unknown } = {}) {
    super(message, { cause });
    this.status = status;
  }

  /** Whether the same request can succeed a moment later. */
  get isTransient(): boolean {
    return this.status === undefined || this.status === 429 || this.status >= 500;
  }

  /** Whether the request may have been carried out: no answer came back, or one of a gateway that got none. */
  get isAnswerLost(): boolean {
    return this.status === undefined || this.status === 502 || this.status === 504;
  }
}
