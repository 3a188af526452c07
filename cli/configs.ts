import type { StoredMonitorConfig } from '../metrist/registration/stored-monitor-config.ts';
import { awsiam } from '../suites/awsiam/monitor.ts';
import type { CommandContext } from './command-context.ts';
import { describeMonitorConfig } from './describe-monitor-config.ts';
import { withMetrist } from './with-metrist.ts';

export interface ConfigsOptions {
  readonly json: boolean;
  readonly signal: AbortSignal;
}

/**
 * `awsiam configs`: the registrations of the monitor.
 *
 * @returns whether Metrist told them
 */
export async function listConfigs({ json, signal }: ConfigsOptions, context: CommandContext): Promise<boolean> {
  return await withMetrist(context, signal, async (api) => {
    const configs = await api.list(awsiam.name);
    context.output.write(json ? `${JSON.stringify(configs)}\n` : renderConfigs(configs, awsiam.name));
    if (configs.length > 1) {
      context.errorOutput.write(`! ${awsiam.name} runs once for each of them; awsiam register leaves one\n`);
    }
    return true;
  });
}

/**
 * One line each.
 *
 * ```text
 * 11y9YlrWxXf39mRWIrhFtPl  every 120 s · 8 steps of at most 900 s · run groups prod
 * ```
 */
export function renderConfigs(configs: readonly StoredMonitorConfig[], monitor: string): string {
  if (configs.length === 0) return `${monitor} is not registered\n`;
  return configs.map((config) => `${config.id}  ${describeMonitorConfig(config)}\n`).join('');
}
