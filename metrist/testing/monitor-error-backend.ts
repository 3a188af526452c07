import { type JsonObject } from './results-backend.ts';

/**
 * What Metrist's backend answers when it is asked for errors, after its source (Metrist-Software/backend:
 * `monitor_error_controller.ex`, `monitor_error.ex`). Knows nothing of the client's own checks.
 */

export interface MonitorErrorBackendOptions {
  /** An error shows up so long after it was accepted. @default 0 */
  readonly msUntilErrorVisible?: number;
  /** @default Date.now */
  readonly nowMs?: () => number;
}

export interface MonitorErrorAnswer {
  readonly status: 200 | 422;
  readonly body: string;
  readonly headers: Record<string, string>;
}

/** The errors of an account, and the list of them. */
export interface MonitorErrorBackend {
  /** Everything that was accepted, in order. */
  readonly rows: readonly JsonObject[];
  push(row: JsonObject): void;
  /** @param request.path with the query */
  list(request: { readonly path: string }): MonitorErrorAnswer;
}

const parameters = new Set([
  'from',
  'to',
  'm[]',
  'c[]',
  'i[]',
  'limit',
  'cursor_after',
  'cursor_before',
  'only_shared',
]);

export function createMonitorErrorBackend({
  msUntilErrorVisible = 0,
  nowMs = Date.now,
}: MonitorErrorBackendOptions = {}): MonitorErrorBackend {
  const rows: JsonObject[] = [];
  const acceptedAtMs: number[] = [];

  return {
    rows,
    push(row) {
      rows.push(row);
      acceptedAtMs.push(nowMs());
    },
    list({ path }) {
      const query = new URL(path, 'http://localhost').searchParams;
      const faults = faultsOf(query);
      if (faults.length > 0) return answer(422, { errors: faults });
      // With another column type than microseconds the row never gets here, behind the same 202.
      const listed = rows.filter(
        (row, index) =>
          nowMs() - (acceptedAtMs[index] ?? 0) >= msUntilErrorVisible && /[.,]\d{6,}/.test(String(row['time'])),
      );
      const limit = Math.min(Number(query.get('limit') ?? 100), 500);
      const entries = query.get('only_shared') === 'true' ? [] : group(listed, query).slice(0, limit);
      return answer(200, { entries, metadata: { cursor_after: null, cursor_before: null } });
    },
  };
}

function faultsOf(query: URLSearchParams): unknown[] {
  const unknown = [...query.keys()].filter((name) => !parameters.has(name));
  return [
    ...unknown.map((name) => fault(name, `Unexpected field: ${name}`)),
    ...['from', 'to'].flatMap((name) => {
      const value = query.get(name);
      if (value === null) return [fault(name, `Missing field: ${name}`)];
      const isDateTime = /^\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)$/.test(value) && !Number.isNaN(Date.parse(value));
      return isDateTime ? [] : [fault(name, 'Invalid format. Expected :"date-time"')];
    }),
    ...(query.getAll('m[]').length === 0 ? [fault('m', 'Missing field: m')] : []),
    ...(/^\d*$/.test(query.get('limit') ?? '') ? [] : [fault('limit', 'Invalid integer')]),
  ];
}

function fault(pointer: string, detail: string): JsonObject {
  return { title: 'Invalid value', source: { pointer: `/${pointer}` }, detail };
}

/** Counts by minute, monitor, instance and check. Both ends of the range belong to it. */
function group(rows: readonly JsonObject[], query: URLSearchParams): JsonObject[] {
  const [fromMs = 0, toMs = 0] = ['from', 'to'].map((name) => Date.parse(query.get(name) ?? ''));
  const precision = precisionOf((toMs - fromMs) / 60_000);
  const isAsked = (name: string, value: unknown): boolean => {
    const asked = query.getAll(name);
    return asked.length === 0 || asked.includes(String(value));
  };
  const groups = new Map<string, JsonObject & { count: number }>();
  for (const row of rows) {
    const timeMs = Date.parse(`${String(row['time']).slice(0, 23).replace(' ', 'T')}Z`);
    const { monitor_logical_name, instance_name: instance, check_logical_name: check } = row;
    const isIn = timeMs >= fromMs && timeMs <= toMs;
    if (!isIn || !isAsked('m[]', monitor_logical_name) || !isAsked('i[]', instance) || !isAsked('c[]', check)) continue;
    const timestamp = `${new Date(timeMs - (timeMs % precision)).toISOString().slice(0, 19)}.000000Z`;
    const key = JSON.stringify([timestamp, monitor_logical_name, instance, check]);
    const count = (groups.get(key)?.count ?? 0) + 1;
    groups.set(key, { timestamp, monitor_logical_name, instance, check, count });
  }
  return [...groups.values()].toSorted((a, b) => String(a['timestamp']).localeCompare(String(b['timestamp'])));
}

/** Minutes under two hours, hours under five days, then days. */
function precisionOf(minutes: number): number {
  if (minutes < 120) return 60_000;
  return minutes < 7200 ? 3_600_000 : 86_400_000;
}

function answer(status: 200 | 422, body: unknown): MonitorErrorAnswer {
  return { status, body: JSON.stringify(body), headers: { 'content-type': 'application/json; charset=utf-8' } };
}
