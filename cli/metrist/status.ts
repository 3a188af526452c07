import type { Command } from 'commander';
import ms from 'ms';
import type { MonitorConfigApi, MonitorStatus } from '../../metrist/registration/monitor-config-api.ts';
import { awsiam } from '../../suites/awsiam/monitor.ts';
import type { RunningContext } from '../command-context.ts';
import { withMetrist } from './with-metrist.ts';

/** An older state is out of date: Metrist's states need a result at least every 20 minutes. */
const oldMs = 20 * 60_000;

/** Adds `awsiam status`, which shows the state of the monitor as Metrist sees it. */
export function addStatusCommand(program: Command, context: RunningContext): void {
  program
    .command('status')
    .description('show the state of the monitor as Metrist sees it')
    .option('--remote', "show Metrist's view (so far the only one)")
    .option('--json', 'print JSON')
    .action(async ({ json = false }: { readonly json?: boolean }) => {
      await withMetrist(context, (api) => showStatus(api, json, context));
    });
}

async function showStatus(
  api: MonitorConfigApi,
  json: boolean,
  { output, errorOutput, onFailure }: RunningContext,
): Promise<void> {
  const status = await api.status(awsiam.name);
  if (json) output.write(`${JSON.stringify(status ?? null)}\n`);
  if (status === undefined) {
    const reason = 'no result has reached it yet, or it has not loaded the last one yet: try again in a minute';
    errorOutput.write(`error: Metrist has no state of ${awsiam.name}; ${reason}\n`);
    onFailure();
    return;
  }
  const ageMs = Date.now() - Date.parse(status.last_checked);
  if (!json) output.write(renderStatus(status, ageMs));
  if (ageMs > oldMs) {
    errorOutput.write(
      '! this is old: Metrist keeps the last state when no results arrive; check that the monitor runs\n',
    );
  }
}

/**
 * `awsiam is up at Metrist · last checked 2026-11-22T11:02:10Z, 2 minutes ago`
 *
 * @param ageMs time since the last check
 */
export function renderStatus(status: MonitorStatus, ageMs: number): string {
  const { monitor_logical_name: monitor, state, last_checked: lastChecked } = status;
  const meaning = state === 'issues' ? 'issues (down in part)' : state;
  const age = ms(Math.max(0, ageMs), { long: true });
  const checked = lastChecked.startsWith('1970-') ? 'never checked' : `last checked ${lastChecked}, ${age} ago`;
  return `${monitor} is ${meaning} at Metrist · ${checked}\n`;
}
