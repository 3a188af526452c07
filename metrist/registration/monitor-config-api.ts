import { joinLines } from '../../text/printable.ts';
import {
  createMetristClient,
  explainStatus,
  type MetristClientOptions,
  MetristError,
  type MetristRequest,
} from '../request.ts';
import type { MonitorConfig } from './monitor-config.ts';
import { type StoredMonitorConfig, isObject, parseStoredMonitorConfigs } from './stored-monitor-config.ts';

/** The part of Metrist's API that manages registrations and shows the state of monitors. */
export type MonitorConfigApi = ReturnType<typeof createMonitorConfigApi>;

/** The state of a monitor, as Metrist sees it. */
export interface MonitorStatus {
  readonly monitor_logical_name: string;
  readonly state: 'up' | 'degraded' | 'issues' | 'down';
  /** ISO 8601, UTC; 1970-01-01 if it was never checked. */
  readonly last_checked: string;
}

/** One request, and how to read its answer. */
interface Call<Value> extends Omit<MetristRequest, 'signal'> {
  /** What the request attempts, for the error: `read the registrations of awsiam`. */
  readonly attempt: string;
  /** @default 200 */
  readonly expectedStatus?: number;
  /** @returns `undefined` for an answer that is not Metrist's */
  readonly parse: (text: string) => Value | undefined;
}

/**
 * Creating it makes no request. Each method sends one request, which `signal` can end early, and rejects with a
 * {@link MetristError} if that fails.
 */
export function createMonitorConfigApi({ signal, ...options }: MetristClientOptions & Pick<MetristRequest, 'signal'>) {
  const send = createMetristClient(options);

  async function call<Value>({ attempt, expectedStatus = 200, parse, ...request }: Call<Value>): Promise<Value> {
    try {
      const answer = await send({ ...request, signal });
      const text = await answer.readText();
      const { status } = answer;
      const value = status === expectedStatus ? parse(text) : undefined;
      if (value !== undefined) return value;
      throw new MetristError(explainStatus(answer, { 422: describeRefusal(text), 429: tooMany }), { status });
    } catch (error) {
      const { message, status } = error as MetristError;
      throw new MetristError(`could not ${attempt}: ${message}`, { status, cause: error });
    }
  }

  return {
    /**
     * The registrations of a monitor. A recent change may not show yet.
     *
     * @param timeoutMs a shorter time limit than the client's own
     */
    async list(monitor: string, timeoutMs = Infinity): Promise<StoredMonitorConfig[]> {
      const configs = await call({
        attempt: `read the registrations of ${monitor}`,
        path: `/api/v0/monitor-config?${new URLSearchParams({ monitor }).toString()}`,
        parse: (text) => parseStoredMonitorConfigs(parseJson(text)),
        timeoutMs,
      });
      return configs.filter(({ monitor_logical_name: name }) => name === monitor);
    },

    /**
     * Adds a registration. Those that exist stay.
     *
     * @returns its id. Metrist returns one even if it stores nothing: only `list` shows the truth.
     */
    async create(config: MonitorConfig): Promise<string> {
      return await call({
        attempt: `register ${config.monitor_logical_name}`,
        method: 'POST',
        path: '/api/v0/monitor-config',
        body: config,
        expectedStatus: 202,
        parse: (text) => /^\s*([\dA-Za-z]+)\s*$/.exec(text)?.[1],
      });
    },

    /** Removes a registration. Metrist gives the same answer when there is none. */
    async remove(monitor: string, id: string): Promise<void> {
      await call({
        attempt: `remove the registration ${id}`,
        method: 'DELETE',
        path: `/api/v0/monitor-config/${encodeURIComponent(monitor)}/${encodeURIComponent(id)}`,
        parse: () => true,
      });
    },

    /** `undefined` when Metrist knows nothing about a monitor, or not yet. */
    async status(monitor: string): Promise<MonitorStatus | undefined> {
      const statuses = await call({
        attempt: `read the state of ${monitor}`,
        path: `/api/v0/monitor-status?${new URLSearchParams({ 'm[]': monitor }).toString()}`,
        parse: (text) => parseMonitorStatuses(parseJson(text)),
      });
      return statuses.find(({ monitor_logical_name: name }) => name === monitor);
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

function parseMonitorStatuses(answer: unknown): MonitorStatus[] | undefined {
  return Array.isArray(answer) && answer.every(isMonitorStatus) ? answer : undefined;
}

function isMonitorStatus(value: unknown): value is MonitorStatus {
  if (!isObject(value)) return false;
  const { monitor_logical_name: name, state, last_checked: lastChecked } = value;
  return (
    typeof name === 'string' &&
    (state === 'up' || state === 'degraded' || state === 'issues' || state === 'down') &&
    typeof lastChecked === 'string' &&
    !Number.isNaN(Date.parse(lastChecked))
  );
}

const tooMany = 'too many requests; try again in a minute';
const maxShownLength = 200;
const maxDetails = 10;

/**
 * What the API itself says about a request that it does not accept, from
 * `{"errors":[{"title":"Invalid value","source":{"pointer":"/steps"},"detail":"Missing field: steps"}]}`:
 *
 * ```text
 * Metrist does not accept this:
 * - /steps: Missing field: steps
 * ```
 */
function describeRefusal(text: string): string {
  let details: string[];
  try {
    const { errors } = JSON.parse(text) as {
      readonly errors: readonly { readonly source?: { readonly pointer?: string }; readonly detail?: string }[];
    };
    details = errors
      .slice(0, maxDetails)
      .map(({ source, detail }) =>
        [source?.pointer, detail].map((part) => joinLines(part ?? '?', maxShownLength)).join(': '),
      );
  } catch {
    details = [joinLines(text, maxShownLength)];
  }
  return ['Metrist does not accept this:', ...details.map((detail) => `- ${detail}`)].join('\n');
}
