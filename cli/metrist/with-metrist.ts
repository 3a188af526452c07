import type { Option } from 'commander';
import { readProxySettings } from '../../host/proxy-settings.ts';
import { parseMetristAccess } from '../../metrist/config.ts';
import { createMonitorConfigApi, type MonitorConfigApi } from '../../metrist/registration/monitor-config-api.ts';
import { LostConfigError } from '../../metrist/registration/registration-plan.ts';
import { fetchThroughProxy, MetristError } from '../../metrist/request.ts';
import packageJson from '../../package.json' with { type: 'json' };
import { ConfigError } from '../../runner/settings.ts';
import type { RunningContext } from '../command-context.ts';
import { secondsOption } from '../options.ts';

/**
 * Runs `work` with a client of Metrist's API. The command fails with a message if its settings are wrong, if Metrist refuses
 * a request, or after a signal.
 */
export async function withMetrist(
  context: RunningContext,
  work: (api: MonitorConfigApi) => Promise<void>,
): Promise<void> {
  const { values, errorOutput, signal } = context;
  const { access, problems } = parseMetristAccess(values);
  const allProblems = [...problems, ...readProxySettings(values).problems];
  if (access === undefined || allProblems.length > 0) {
    refuseSettings(allProblems, context);
    return;
  }
  try {
    const userAgent = `${packageJson.name}/${packageJson.version}`;
    const fetch = fetchThroughProxy(values, access.baseUrl);
    await work(createMonitorConfigApi({ ...access, userAgent, signal, fetch }));
  } catch (error) {
    if (signal.aborted) errorOutput.write('interrupted: awsiam configs shows what is registered now\n');
    else if (error instanceof MetristError || error instanceof LostConfigError) {
      errorOutput.write(`error: ${error.message}\n`);
    } else throw error;
    context.onFailure();
  }
}

/** Prints every problem with the settings and makes the command fail. */
export function refuseSettings(problems: readonly string[], { errorOutput, onFailure }: RunningContext): void {
  const { message } = new ConfigError(problems);
  const advice = 'Set the variables in the environment or in the file .env (.env.example shows how).';
  errorOutput.write(`configuration: ${message}\n${advice} Metrist was not called.\n`);
  onFailure();
}

/** `--confirm-within`, in seconds: Metrist answers before it has carried out a change. */
export function confirmOption(): Option {
  const range = { least: 1, most: 3600 };
  return secondsOption('--confirm-within <duration>', 'how long to wait until Metrist shows the change', range, 30);
}
