import { InvalidArgumentError, type Command } from 'commander';
import {
  createMonitorConfig,
  defaultIntervalSecs,
  defaultTimeoutSecs,
  findRegistrationWarnings,
  intervalRange,
  isRunGroup,
  parseRunGroups,
  timeoutRange,
  type MonitorConfig,
} from '../../metrist/registration/monitor-config.ts';
import type { StoredMonitorConfig } from '../../metrist/registration/stored-monitor-config.ts';
import type { Values } from '../../runner/monitor.ts';
import { awsiam, parseStepTimeout } from '../../suites/awsiam/monitor.ts';
import { joinLines, plural } from '../../text/printable.ts';
import type { RunningContext } from '../command-context.ts';
import { secondsOption } from '../options.ts';
import { refuseSettings } from './with-metrist.ts';

/** Adds `awsiam config`. Its stdout is the body of the request that registers the monitor, and nothing else. */
export function addConfigCommand(program: Command, context: RunningContext): void {
  const { values, output, errorOutput } = context;
  withRegistrationOptions(program.command('config'))
    .description('print the JSON that registers the monitor at Metrist; needs no token')
    .option('--json', 'print it on one line, for a pipe')
    .action(({ json = false, ...args }: RegistrationArguments & { readonly json?: boolean }) => {
      const { config, problems, warnings } = resolveRegistration(args, values);
      if (problems.length > 0) {
        refuseSettings(problems, context);
        return;
      }
      for (const warning of warnings) errorOutput.write(`! ${warning}\n`);
      if (!json) errorOutput.write('What "awsiam register" sends to Metrist:\n');
      output.write(`${JSON.stringify(config, undefined, json ? 0 : 2)}\n`);
    });
}

/** What the command line says about a registration. */
export interface RegistrationArguments {
  /** Seconds. */
  readonly interval: number;
  /** Seconds. */
  readonly timeout: number;
  /** Absent: the groups in `METRIST_RUN_GROUPS`. */
  readonly runGroup?: readonly string[];
}

/** Adds the options of {@link RegistrationArguments}. */
export function withRegistrationOptions(command: Command): Command {
  return command
    .addOption(
      secondsOption('--interval <duration>', 'time between the starts of two runs', intervalRange, defaultIntervalSecs),
    )
    .option(
      '--run-group <name>',
      'a group of Orchestrators that run the monitor; repeat the option for more (default: METRIST_RUN_GROUPS)',
      addRunGroup,
    )
    .addOption(
      secondsOption(
        '--timeout <duration>',
        'when the Orchestrator gives up on a step',
        timeoutRange,
        defaultTimeoutSecs,
      ),
    );
}

function addRunGroup(text: string, previous: readonly string[] = []): readonly string[] {
  if (!isRunGroup(text)) {
    throw new InvalidArgumentError(
      'Expected one name without a comma or blanks around it; repeat the option for more.',
    );
  }
  if (previous.includes(text)) throw new InvalidArgumentError('It was given before.');
  return [...previous, text];
}

/** Makes a registration from the command line and the settings, and lists what is wrong with the settings. */
export function resolveRegistration(
  { interval, timeout, runGroup }: RegistrationArguments,
  values: Values,
): { readonly config: MonitorConfig; readonly problems: readonly string[]; readonly warnings: readonly string[] } {
  const { runGroups, problems, warnings } =
    runGroup === undefined
      ? parseRunGroups(values['METRIST_RUN_GROUPS'])
      : { runGroups: runGroup, problems: [], warnings: [] };
  const config = createMonitorConfig(awsiam, { intervalSecs: interval, timeoutSecs: timeout, runGroups });
  const stepTimeout = parseStepTimeout(values);
  return {
    config,
    problems: [...problems, ...stepTimeout.problems],
    warnings: [...warnings, ...findRegistrationWarnings(config, stepTimeout.stepTimeoutMs / 1000)],
  };
}

/** `every 120 s · 8 steps of at most 900 s · run groups prod, eu` */
export function describeMonitorConfig(config: MonitorConfig | StoredMonitorConfig): string {
  const { interval_secs: intervalSecs, run_groups: groups, steps } = config;
  const timeouts = [...new Set(steps.map(({ timeout_secs: secs }) => `${secs} s`))];
  return [
    `every ${intervalSecs} s`,
    `${plural(steps.length, 'step')} of at most ${timeouts.join(' or ')}`,
    groups.length === 0 ? 'no run groups' : `run groups ${groups.map(shorten).join(', ')}`,
    ...('extra_config' in config && config.extra_config
      ? [`extra configuration ${config.extra_config.map(({ name }) => shorten(name)).join(', ')}`]
      : []),
  ].join(' · ');
}

function shorten(text: string): string {
  return joinLines(text, 200);
}
