import type { Command } from 'commander';
import {
  defaultIntervalSecs,
  defaultTimeoutSecs,
  intervalRange,
  timeoutRange,
} from '../metrist/registration/monitor-config.ts';
import type { CommandContext } from './command-context.ts';
import { showConfig } from './config.ts';
import { listConfigs } from './configs.ts';
import { configId, runGroups, wholeSeconds } from './option-parsers.ts';
import { registerMonitor } from './register.ts';
import type { RegistrationArguments } from './resolve-registration.ts';
import { showRemoteStatus } from './status.ts';
import { unregisterMonitor } from './unregister.ts';

export interface MetristCommandsOptions {
  /** Aborted when the command is to stop. */
  readonly signal: AbortSignal;
  /** Called when a command did not do what it was asked for, and has said so. */
  readonly onFailure: () => void;
}

/** Longer than anybody waits at a terminal. */
const confirmRange = { least: 1, most: 3600 };

/** Adds the commands that say at Metrist what runs, and ask it. */
export function addMetristCommands(
  program: Command,
  context: CommandContext,
  { signal, onFailure }: MetristCommandsOptions,
): void {
  const finish = (done: boolean): void => {
    if (!done) onFailure();
  };

  withRegistrationOptions(program.command('config'))
    .description('print the JSON that registers the monitor at Metrist; needs no token')
    .option('--json', 'on one line, for a pipe', false)
    .action((options: RegistrationArguments & { json: boolean }) => finish(showConfig(options, context)));

  withConfirmOption(withRegistrationOptions(program.command('register')))
    .description('register the monitor at Metrist, once: what is there and differs is replaced, what is equal is kept')
    .option('--dry-run', 'only say what would be done', false)
    .action(async (options: RegistrationArguments & { confirmWithin: number; dryRun: boolean }) =>
      finish(await registerMonitor({ ...options, signal }, context)),
    );

  program
    .command('configs')
    .description('list the registrations of the monitor at Metrist')
    .option('--json', 'as a JSON array', false)
    .action(async (options: { json: boolean }) => finish(await listConfigs({ ...options, signal }, context)));

  const unregister = withConfirmOption(program.command('unregister'))
    .description('remove a registration of the monitor from Metrist')
    .argument('[id]', 'as awsiam configs shows it', configId)
    .option('--all', 'remove every one', false)
    .action(async (id: string | undefined, { all, ...options }: { all: boolean; confirmWithin: number }) => {
      if ((id === undefined) !== all)
        unregister.error('error: give the id of a registration (awsiam configs), or --all');
      finish(await unregisterMonitor({ ...options, ...(id !== undefined && { id }), signal }, context));
    });

  const status = program
    .command('status')
    .description('show the state of the monitor')
    .option('--remote', 'as Metrist sees it', false)
    .option('--json', 'as JSON', false)
    .action(async ({ remote, json }: { remote: boolean; json: boolean }) => {
      if (!remote) status.error("error: for now there is Metrist's view alone: awsiam status --remote");
      finish(await showRemoteStatus({ json, signal }, context));
    });
}

function withRegistrationOptions(command: Command): Command {
  return command
    .option('--interval <duration>', 'from run to run: 120, 120s, 2m', wholeSeconds(intervalRange), defaultIntervalSecs)
    .option(
      '--run-group <name>',
      'run by the Orchestrators of this group; repeat it for more (default: METRIST_RUN_GROUPS)',
      runGroups,
    )
    .option(
      '--timeout <duration>',
      'when the Orchestrator gives up on a step: 900, 15m',
      wholeSeconds(timeoutRange),
      defaultTimeoutSecs,
    );
}

function withConfirmOption(command: Command): Command {
  return command.option(
    '--confirm-within <duration>',
    'how long to wait until Metrist shows the change: 30, 30s, 1m',
    wholeSeconds(confirmRange),
    30,
  );
}
