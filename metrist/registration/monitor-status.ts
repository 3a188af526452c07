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
