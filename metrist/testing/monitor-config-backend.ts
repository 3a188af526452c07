import {
  type Answer,
  type Fault,
  fault,
  isJsonObject,
  jsonAnswer,
  type JsonObject,
  unknownParameters,
} from './results-backend.ts';

/**
 * Does what Metrist's backend does with registrations, oddities included. Source: Metrist-Software/backend @3606d17
 * (`schemas.ex`, `monitor_config_controller.ex`, `monitor_status_controller.ex`). Shares no code with the client's own checks.
 */

export interface MonitorConfigBackendOptions {
  /** After how many reads of the list a change shows. @default 0 */
  readonly readsUntilVisible?: number;
  /** How much time must also pass before a change shows. @default 0 */
  readonly msUntilVisible?: number;
  /** @default Date.now */
  readonly nowMs?: () => number;
}

/** A request that passed the transport and the token. */
export interface ConfigRequest {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly isJson: boolean;
  readonly body: JsonObject;
  /** Whose registrations it is about. */
  readonly account: string;
}

/** A monitor's state for `monitor-status`. */
export interface SeededStatus {
  readonly state: string;
  readonly last_checked: string;
}

/** Registrations and states by account. */
export interface MonitorConfigBackend {
  /** @returns `undefined` for another route */
  handle(request: ConfigRequest): Answer | undefined;
  /** What is really stored, as `GET` would show it. */
  stored(account: string): JsonObject[];
  /** Stores a registration at once, as `POST` would. */
  seed(account: string, config: JsonObject): string;
  setStatus(account: string, monitor: string, status: SeededStatus): void;
  /** Why a registration that was answered with 202 is not there. A good client leaves this empty. */
  readonly swallowed: readonly string[];
}

interface Row {
  readonly account: string;
  readonly config: JsonObject;
  readonly made: Change;
  removed?: Change;
}

/** When something changed, in time and in reads. */
interface Change {
  readonly atMs: number;
  readonly reads: number;
}

export function createMonitorConfigBackend({
  readsUntilVisible = 0,
  msUntilVisible = 0,
  nowMs = Date.now,
}: MonitorConfigBackendOptions = {}): MonitorConfigBackend {
  const rows = new Map<string, Row>();
  const statuses = new Map<string, SeededStatus>();
  const swallowed: string[] = [];
  let reads = 0;
  let made = 0;

  const happensNow = (): Change => ({ atMs: nowMs(), reads });
  const isVisible = (change: Change | undefined): boolean =>
    change !== undefined && reads - change.reads > readsUntilVisible && nowMs() - change.atMs >= msUntilVisible;

  function store(account: string, config: JsonObject, change: Change): string {
    const id = `11y9Ylr${(++made).toString(36).padStart(4, '0')}Xf39mRWIrhFt`;
    rows.set(id, { account, config: { ...storedPart(config), id }, made: change });
    return id;
  }

  function create({ account, body, isJson }: ConfigRequest): Answer {
    const faults = isJson ? schemaFaults(body) : [fault('', 'Missing field: monitor_logical_name')];
    if (faults.length > 0) return unprocessable(faults);
    if (isJsonObject(body['run_spec']) && body['run_spec']['run_type'] === undefined) {
      return { status: 500, body: 'Internal Server Error' };
    }
    const losses = lossesOf(body);
    swallowed.push(...losses);
    const id = losses.length > 0 ? '11y9YlrWxXf39mRWIrhFtPl' : store(account, body, happensNow());
    return { status: 202, body: id, headers: { 'content-type': 'text/plain; charset=utf-8' } };
  }

  function list({ account, path }: ConfigRequest): Answer {
    const query = new URL(path, 'http://localhost').searchParams;
    const unknown = unknownParameters(query, ['monitor']);
    if (unknown.length > 0) return unprocessable(unknown);
    reads++;
    const monitor = query.get('monitor');
    const shown = [...rows.values()]
      .filter((row) => row.account === account && isVisible(row.made) && !isVisible(row.removed))
      .map((row) => row.config)
      .filter((config) => monitor === null || config['monitor_logical_name'] === monitor);
    return jsonAnswer(200, shown);
  }

  function remove({ account }: ConfigRequest, monitor: string, id: string): Answer {
    const row = rows.get(id);
    // The real backend ignores the outcome, so the answer is always the same.
    if (row?.account === account && row.config['monitor_logical_name'] === monitor) row.removed ??= happensNow();
    return { status: 200, body: 'OK' };
  }

  function status({ account, path }: ConfigRequest): Answer {
    const query = new URL(path, 'http://localhost').searchParams;
    const monitors = query.getAll('m[]');
    if (monitors.length === 0) return unprocessable([fault('m', 'Missing field: m')]);
    const unknown = unknownParameters(query, ['m[]']);
    if (unknown.length > 0) return unprocessable(unknown);
    return jsonAnswer(
      200,
      monitors.flatMap((monitor) => {
        const known = statuses.get(`${account} ${monitor}`);
        return known === undefined ? [] : [{ monitor_logical_name: monitor, ...known }];
      }),
    );
  }

  return {
    handle(request) {
      const path = (request.path.split('?', 1)[0] ?? '').replace(/\/$/, '');
      const removal = /^\/api\/v0\/monitor-config\/([^/]+)\/([^/]+)$/.exec(path);
      if (request.method === 'DELETE' && removal !== null) {
        return remove(request, decodeURIComponent(removal[1] ?? ''), decodeURIComponent(removal[2] ?? ''));
      }
      switch (`${request.method} ${path}`) {
        case 'POST /api/v0/monitor-config':
          return create(request);
        case 'GET /api/v0/monitor-config':
          return list(request);
        case 'GET /api/v0/monitor-status':
          return status(request);
        default:
          return undefined;
      }
    },
    stored: (account) =>
      [...rows.values()].filter((row) => row.account === account && !row.removed).map((row) => row.config),
    seed: (account, config) => store(account, config, { atMs: -Infinity, reads: -Infinity }),
    setStatus: (account, monitor, known) => void statuses.set(`${account} ${monitor}`, known),
    swallowed,
  };
}

/** A registration as it comes back: no `description`, no `required`, and no value of the extra configuration. */
function storedPart(config: JsonObject): JsonObject {
  const { name = null, run_type: runType } = config['run_spec'] as JsonObject;
  const extra = config['extra_config'] as readonly JsonObject[] | undefined;
  return {
    monitor_logical_name: config['monitor_logical_name'],
    interval_secs: config['interval_secs'],
    run_groups: config['run_groups'],
    run_spec: { name, run_type: runType },
    steps: (config['steps'] as readonly JsonObject[]).map((step) => ({
      check_logical_name: step['check_logical_name'],
      timeout_secs: step['timeout_secs'],
    })),
    extra_config: extra?.map((each) => ({ name: each['name'], value: '<redacted>' })) ?? null,
  };
}

/** What the schema refuses. It accepts strings of digits as integers, which then are not stored. */
function schemaFaults(body: JsonObject): Fault[] {
  const required = ['monitor_logical_name', 'interval_secs', 'run_groups', 'run_spec', 'steps'];
  const missing = required.filter((name) => body[name] === undefined);
  if (missing.length > 0) return missing.map((name) => fault(name, `Missing field: ${name}`));
  const { monitor_logical_name: name, run_groups: groups, run_spec: spec, steps, extra_config: extra } = body;
  return [
    ...(typeof name === 'string' ? [] : [wrongType('monitor_logical_name', 'string', name)]),
    ...integerFaults('interval_secs', body['interval_secs']),
    ...(Array.isArray(groups) ? [] : [wrongType('run_groups', 'array', groups)]),
    ...(Array.isArray(groups) && new Set(groups).size < groups.length
      ? [fault('run_groups', 'Array items must be unique')]
      : []),
    ...(isJsonObject(spec) ? runSpecFaults(spec) : [wrongType('run_spec', 'object', spec)]),
    ...(Array.isArray(steps) ? steps.flatMap(stepFaults) : [wrongType('steps', 'array', steps)]),
    ...(extra === undefined || Array.isArray(extra) ? [] : [wrongType('extra_config', 'array', extra)]),
  ];
}

function runSpecFaults({ name, run_type: runType }: JsonObject): Fault[] {
  return [
    ...(name === undefined || typeof name === 'string' ? [] : [wrongType('run_spec/name', 'string', name)]),
    ...(runType === undefined || ['exe', 'dll', 'ping'].some((known) => known === runType)
      ? []
      : [fault('run_spec/run_type', 'Invalid value for enum')]),
  ];
}

function stepFaults(step: unknown, index: number): Fault[] {
  if (!isJsonObject(step)) return [wrongType(`steps/${index}`, 'object', step)];
  const { check_logical_name: name, timeout_secs: timeout } = step;
  return [
    ...(name === undefined || typeof name === 'string'
      ? []
      : [wrongType(`steps/${index}/check_logical_name`, 'string', name)]),
    ...(timeout === undefined ? [] : integerFaults(`steps/${index}/timeout_secs`, timeout)),
  ];
}

function integerFaults(pointer: string, value: unknown): Fault[] {
  if (Number.isInteger(value) || (typeof value === 'string' && /^-?\d+$/.test(value))) return [];
  return [wrongType(pointer, 'integer', value)];
}

/** What passes the schema but is not stored, although the answer is 202. */
function lossesOf(body: JsonObject): string[] {
  const steps = body['steps'] as readonly JsonObject[];
  const groups = body['run_groups'] as readonly unknown[];
  return [
    ...(typeof body['interval_secs'] === 'number' ? [] : ['interval_secs is a string']),
    ...(groups.every((group) => typeof group === 'string') ? [] : ['run_groups holds something other than strings']),
    ...steps.flatMap((step, index) => [
      ...(typeof step['check_logical_name'] === 'string' ? [] : [`steps/${index} has no check_logical_name`]),
      ...(typeof step['timeout_secs'] === 'number'
        ? []
        : [
            `steps/${index} has ${step['timeout_secs'] === undefined ? 'no timeout_secs' : 'a string for timeout_secs'}`,
          ]),
    ]),
  ];
}

function wrongType(pointer: string, expected: string, value: unknown): Fault {
  return fault(pointer, `Invalid ${expected}. Got: ${value === null ? 'null' : typeof value}`);
}

function unprocessable(errors: readonly Fault[]): Answer {
  return jsonAnswer(422, { errors });
}
