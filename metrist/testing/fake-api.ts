import type { Clock } from '../../runner/clock.ts';
import type { MonitorConfig } from '../registration/monitor-config.ts';
import type { MonitorConfigApi } from '../registration/monitor-config-api.ts';
import type { StoredMonitorConfig } from '../registration/stored-monitor-config.ts';

export interface FakeApiOptions {
  /** Returns what Metrist shows, or an error to throw. `times` says how often Metrist was asked before. */
  readonly list?: (times: number) => StoredMonitorConfig[] | Error;
  /** The id, or an error to be thrown. */
  readonly create?: (config: MonitorConfig) => string | Error;
  readonly remove?: (id: string) => Error | undefined;
}

/** A client that answers as the test says. */
export interface FakeApi extends MonitorConfigApi {
  /** `list`, `create`, `remove a`, in their order. */
  readonly calls: readonly string[];
  /** The `timeoutMs` of each `list`. */
  readonly timeouts: readonly (number | undefined)[];
}

export function fakeApi({ list = () => [], create = () => 'new', remove = () => undefined }: FakeApiOptions): FakeApi {
  const calls: string[] = [];
  const timeouts: (number | undefined)[] = [];
  return {
    calls,
    timeouts,
    async list(_, timeoutMs) {
      calls.push('list');
      timeouts.push(timeoutMs);
      return orThrow(list(timeouts.length - 1));
    },
    async create(config) {
      calls.push('create');
      return orThrow(create(config));
    },
    async remove(_, id) {
      calls.push(`remove ${id}`);
      orThrow(remove(id));
    },
    async status() {
      return undefined;
    },
  };
}

function orThrow<T>(value: T | Error): T {
  if (value instanceof Error) throw value;
  return value;
}

/** Time that passes only by waiting. */
export function fakeTime() {
  const waitsMs: number[] = [];
  return {
    clock: { elapsedMs: () => waitsMs.reduce((sum, ms) => sum + ms, 0) } satisfies Pick<Clock, 'elapsedMs'>,
    wait: async (ms: number): Promise<void> => void waitsMs.push(ms),
    waitsMs,
  };
}
