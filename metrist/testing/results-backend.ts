/**
 * What Metrist's backend does with the bodies of results, odd ways included, after its source (Metrist-Software/backend
 * @3606d17: `agent_controller.ex`, `type_validation.ex`, the projectors). Written apart from the client's own checks on
 * purpose: each is there to catch the other's mistakes.
 */

export type JsonObject = Readonly<Record<string, unknown>>;

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What the backend answers, and what then becomes of the result. */
export interface Reception {
  readonly status: 202 | 500;
  /** What is stored. Absent when nothing is. */
  readonly stored?: JsonObject;
  /** Why the result is dropped behind a 202. */
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
