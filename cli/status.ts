import ms from 'ms';
import type { MonitorStatus } from '../metrist/registration/monitor-config-api.ts';
import { systemClock, type Clock } from '../runner/clock.ts';
import { awsiam } from '../suites/awsiam/monitor.ts';
import type { CommandContext } from './command-context.ts';
import { withMetrist } from './with-metrist.ts';

export interface StatusOptions {
  readonly json: boolean;
  readonly signal: AbortSignal;
  /** @default the system's */
  readonly clock?: Pick<Clock, 'now'>;
}

/** With a result every 20 minutes Metrist has what its states are made of. */
const oldMs = 20 * 60_000;

/**
 * `awsiam status --remote`: what Metrist thinks of the monitor.
 *
 * @returns whether Metrist told something
 */
export async function showRemoteStatus(
  { json, signal, clock = systemClock }: StatusOptions,
  context: CommandContext,
): Promise<boolean> {
  return await withMetrist(context, signal, async (api) => {
    const status = await api.status(awsiam.name);
    if (json) context.output.write(`${JSON.stringify(status ?? null)}\n`);
    if (status === undefined) {
      const advice = 'no result has reached it yet, or it has none at hand: try again in a minute';
      context.errorOutput.write(`error: Metrist tells no state of ${awsiam.name}; ${advice}\n`);
      return false;
    }
    const ageMs = clock.now().getTime() - Date.parse(status.last_checked);
    if (!json) context.output.write(renderStatus(status, ageMs));
    if (ageMs > oldMs) context.errorOutput.write(`! ${staleness}\n`);
    return true;
  });
}

const staleness = 'this is old: Metrist keeps the last state where no result comes in; see whether the monitor runs';

/**
 * `awsiam is up at Metrist · last checked 2026-11-22T11:02:10Z, 2 minutes ago`
 *
 * @param ageMs how long ago it was checked
 */
export function renderStatus(status: MonitorStatus, ageMs: number): string {
  const { monitor_logical_name: monitor, state, last_checked: lastChecked } = status;
  const meaning = state === 'issues' ? 'issues (down in part)' : state;
  const age = ms(Math.max(0, ageMs), { long: true });
  const checked = lastChecked.startsWith('1970-') ? 'never checked' : `last checked ${lastChecked}, ${age} ago`;
  return `${monitor} is ${meaning} at Metrist · ${checked}\n`;
}
