import type { Command } from 'commander';
import type { StoredMonitorConfig } from '../../metrist/registration/stored-monitor-config.ts';
import { awsiam } from '../../suites/awsiam/monitor.ts';
import type { RunningContext } from '../command-context.ts';
import { describeMonitorConfig } from './config.ts';
import { withMetrist } from './with-metrist.ts';

/** Adds `awsiam configs`, which lists the registrations of the monitor. */
export function addConfigsCommand(program: Command, context: RunningContext): void {
  program
    .command('configs')
    .description('list the registrations of the monitor at Metrist')
    .option('--json', 'print a JSON array')
    .action(async ({ json = false }: { readonly json?: boolean }) => {
      await withMetrist(context, async (api) => {
        const configs = await api.list(awsiam.name);
        context.output.write(json ? `${JSON.stringify(configs)}\n` : renderConfigs(configs, awsiam.name));
        if (configs.length > 1) {
          context.errorOutput.write(`! ${awsiam.name} runs once for each of them; "awsiam register" keeps only one\n`);
        }
      });
    });
}

/** One line each: `11y9YlrWxXf39mRWIrhFtPl  every 120 s · 8 steps of at most 900 s · run groups prod` */
function renderConfigs(configs: readonly StoredMonitorConfig[], monitor: string): string {
  if (configs.length === 0) return `${monitor} is not registered\n`;
  return configs.map((config) => `${config.id}  ${describeMonitorConfig(config)}\n`).join('');
}
