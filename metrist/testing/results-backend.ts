/**
 * Does what Metrist's backend does with results, oddities included. Source: Metrist-Software/backend @3606d17
 * (`agent_controller.ex`, `type_validation.ex`, `monitor_error_controller.ex`, `monitor_error.ex`, the projectors). It shares
 * no code with the client's own checks, so that each can catch the other's mistakes.
 */

export type JsonObject = Readonly<Record<string, unknown>>;

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** An answer of the backend. */
export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers?: Record<string, string>;
}

export function jsonAnswer(status: number, value: unknown): Answer {
  return { status, body: JSON.stringify(value), headers: { 'content-type': 'application/json; charset=utf-8' } };
}

/** One entry of the answer 422. */
export interface Fault {
  readonly title: 'Invalid value';
  readonly source: { readonly pointer: string };
  readonly detail: string;
}

export function fault(pointer: string, detail: string): Fault {
  return { title: 'Invalid value', source: { pointer: `/${pointer}` }, detail };
}

/** The parameters of a query that the backend does not know. */
export function unknownParameters(query: URLSearchParams, known: readonly string[]): Fault[] {
  return [...query.keys()]
    .filter((name) => !known.includes(name))
    .map((name) => fault(name, `Unexpected field: ${name}`));
}

/** What the backend answers, and what then becomes of the result. */
export interface Reception {
  readonly status: 202 | 500;
  /** What is stored. Absent when nothing is. */
  readonly stored?: JsonObject;
  /** Why the result is dropped although the answer is 202. */
  readonly swallowed?: string;
  /** What a user will miss although the result is stored. */
  readonly problems: readonly string[];
}

/** `POST /api/agent/telemetry`: a type error is answered with 202, and the result is dropped. */
export function receiveTelemetry(body: JsonObject): Reception {
  const faults = [...nameFaults(body), ...metadataFaults(body['metadata'])];
  // JSON has no NaN and no Infinity: JavaScript sends both as null.
  if (typeof body['value'] !== 'number') faults.push(`value is ${JSON.stringify(body['value']) ?? 'missing'}`);
  if (faults.length > 0) return { status: 202, swallowed: faults.join(', '), problems: [] };
  return { status: 202, stored: store(body), problems: storageProblems(body) };
}

/** `POST /api/agent/error`: a type error is answered with 500. */
export function receiveError(body: JsonObject): Reception {
  const { blocked_steps: blocked, message, time } = body;
  const isStorable =
    nameFaults(body).length === 0 &&
    metadataFaults(body['metadata']).length === 0 &&
    typeof message === 'string' &&
    typeof time === 'string' &&
    isNaiveIso8601(time) &&
    isStrings(blocked);
  if (!isStorable) return { status: 500, problems: [] };
  const problems = storageProblems(body);
  if (fractionDigits(time) < 6)
    problems.push('time has fewer than six digits of fraction: the row never reaches the error list');
  if (/[+-]\d\d:?\d\d$/.test(time)) problems.push('time has an offset, which is dropped, not applied');
  if (blocked.includes(String(body['check_logical_name']))) problems.push('blocked_steps names the failed step itself');
  return { status: 202, stored: store(body), problems };
}

function nameFaults(body: JsonObject): string[] {
  return ['monitor_logical_name', 'instance_name', 'check_logical_name']
    .filter((field) => typeof body[field] !== 'string' || body[field] === '')
    .map((field) => `${field} is ${JSON.stringify(body[field]) ?? 'missing'}`);
}

function metadataFaults(metadata: unknown): string[] {
  if (metadata === undefined || metadata === null) return [];
  if (!isJsonObject(metadata)) return ['metadata is no object'];
  return Object.entries(metadata)
    .filter(([, value]) => typeof value !== 'string' && typeof value !== 'number')
    .map(([name, value]) => `metadata ${name} is ${JSON.stringify(value)}`);
}

function storageProblems(body: JsonObject): string[] {
  const texts = [...Object.values(body), ...Object.values(body['metadata'] ?? {})].filter(
    (value) => typeof value === 'string',
  );
  const names = [body['monitor_logical_name'], body['instance_name'], body['check_logical_name']].map(String);
  return [
    ...(texts.some((text) => text.includes('\0')) ? ['a NUL: PostgreSQL refuses the row'] : []),
    ...(names.some((name) => name.length > 255) ? ['a name of more than 255 characters: the projector fails'] : []),
    ...(tagOf(body) === 'monitor' ? [] : ['metrist.source is not "monitor": the monitor is not tagged']),
  ];
}

function tagOf({ metadata }: JsonObject): unknown {
  return isJsonObject(metadata) ? metadata['metrist.source'] : undefined;
}

function store(body: JsonObject): JsonObject {
  return { ...body, instance_name: String(body['instance_name']).replace(/^aws:/, '') };
}

function isStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

/** Elixir's `NaiveDateTime.from_iso8601`: seconds are needed, `T` or a space, upper case, no second 60. */
function isNaiveIso8601(time: string): boolean {
  const match = /^(\d{4}-\d\d-\d\d)[T ](\d\d):(\d\d):(\d\d)(?:[.,]\d+)?(?:Z|[+-]\d\d(?::?\d\d)?)?$/.exec(time);
  if (match === null) return false;
  const [, day = '', hour, minute, second] = match;
  const date = new Date(`${day}T00:00:00Z`);
  const isDay = !Number.isNaN(date.getTime()) && date.toISOString().startsWith(day);
  return isDay && Number(hour) < 24 && Number(minute) < 60 && Number(second) < 60;
}

function fractionDigits(time: string): number {
  return /[.,](\d+)/.exec(time)?.[1]?.length ?? 0;
}

export interface MonitorErrorBackendOptions {
  /** How long after it was accepted an error shows up. @default 0 */
  readonly msUntilErrorVisible?: number;
  /** @default Date.now */
  readonly nowMs?: () => number;
}

/** The errors of an account, and the list of them. */
interface MonitorErrorBackend {
  /** Everything that was accepted, in order. */
  readonly rows: readonly JsonObject[];
  push(row: JsonObject): void;
  /** @param request.path with the query */
  list(request: { readonly path: string }): Answer;
}

const parameters = ['from', 'to', 'm[]', 'c[]', 'i[]', 'limit', 'cursor_after', 'cursor_before', 'only_shared'];

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
      if (faults.length > 0) return jsonAnswer(422, { errors: faults });
      // With another column type than microseconds the row never gets here, behind the same 202.
      const listed = rows.filter(
        (row, index) =>
          nowMs() - (acceptedAtMs[index] ?? 0) >= msUntilErrorVisible && /[.,]\d{6,}/.test(String(row['time'])),
      );
      const limit = Math.min(Number(query.get('limit') ?? 100), 500);
      const entries = query.get('only_shared') === 'true' ? [] : group(listed, query).slice(0, limit);
      return jsonAnswer(200, { entries, metadata: { cursor_after: null, cursor_before: null } });
    },
  };
}

function faultsOf(query: URLSearchParams): Fault[] {
  return [
    ...unknownParameters(query, parameters),
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
