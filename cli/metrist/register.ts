import type { Command } from 'commander';
import { parseMetristAccess } from '../../metrist/config.ts';
import type { MonitorConfig } from '../../metrist/registration/monitor-config.ts';
import { register, type RegistrationEvent } from '../../metrist/registration/register.ts';
import { planRegistration, type RegistrationPlan } from '../../metrist/registration/registration-plan.ts';
import type { RunningContext } from '../command-context.ts';
import {
  describeMonitorConfig,
  resolveRegistration,
  withRegistrationOptions,
  type RegistrationArguments,
} from './config.ts';
import { confirmOption, refuseSettings, withMetrist } from './with-metrist.ts';

interface RegisterArguments extends RegistrationArguments {
  readonly dryRun?: boolean;
  /** Seconds. */
  readonly confirmWithin: number;
}

/** Adds `awsiam register`, which makes sure that the monitor is registered exactly once, as the options say. */
export function addRegisterCommand(program: Command, context: RunningContext): void {
  withRegistrationOptions(program.command('register'))
    .description('register the monitor at Metrist, exactly once: keeps an equal registration and replaces all others')
    .addOption(confirmOption())
    .option('--dry-run', 'only say what would be done')
    .action(async (options: RegisterArguments) => await registerMonitor(options, context));
}

async function registerMonitor(
  { dryRun = false, confirmWithin, ...args }: RegisterArguments,
  context: RunningContext,
): Promise<void> {
  const { config, problems, warnings } = resolveRegistration(args, context.values);
  if (problems.length > 0) {
    refuseSettings([...problems, ...parseMetristAccess(context.values).problems], context);
    return;
  }
  for (const warning of warnings) context.errorOutput.write(`! ${warning}\n`);
  await withMetrist(context, async (api) => {
    const plan = planRegistration(config, await api.list(config.monitor_logical_name));
    if (dryRun) {
      context.output.write(renderPlan(plan));
      return;
    }
    await register(plan, api, {
      signal: context.signal,
      confirmWithinMs: confirmWithin * 1000,
      onEvent: (event) => {
        const stream = event.kind === 'appeared' ? context.errorOutput : context.output;
        stream.write(`${renderRegistrationEvent(event, config)}\n`);
      },
    });
  });
}

/**
 * What a dry run prints.
 *
 * ```text
 * awsiam would be registered: every 120 s · 8 steps of at most 900 s · run groups prod
 * would be removed: 11y9YlrWxXf39mRWIrhFtPl (interval_secs 300 instead of 120)
 * ```
 */
function renderPlan({ wanted, keptId, obsolete }: RegistrationPlan): string {
  const first =
    keptId === undefined
      ? `${wanted.monitor_logical_name} would be registered: ${describeMonitorConfig(wanted)}`
      : renderRegistrationEvent({ kind: 'kept', id: keptId }, wanted);
  return [first, ...obsolete.map(({ id, why }) => `would be removed: ${id} (${why})`), ''].join('\n');
}

/** One line: `awsiam registered as 11y9YlrWxXf39mRWIrhFtPl: every 120 s · 8 steps of at most 900 s · run groups prod` */
function renderRegistrationEvent(event: RegistrationEvent, wanted: MonitorConfig): string {
  const { monitor_logical_name: monitor } = wanted;
  switch (event.kind) {
    case 'kept':
      return `${monitor} is already registered as ${event.id}: ${describeMonitorConfig(wanted)}`;
    case 'registered':
      return `${monitor} registered as ${event.id}: ${describeMonitorConfig(wanted)}`;
    case 'removed':
      return `removed: ${event.id} (${event.why})`;
    case 'appeared':
      return `! ${event.id} was registered by somebody else meanwhile, so ${monitor} runs for that registration as well; "awsiam register" keeps only one`;
    default:
      return event satisfies never;
  }
}
