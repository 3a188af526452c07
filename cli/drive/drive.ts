import { type Command, Option } from 'commander';
import { defaultTimeoutSecs } from '../../metrist/registration/monitor-config.ts';
import { outline } from '../../suites/awsiam/outline.ts';
import type { CommandContext } from '../command-context.ts';
import { configEntries, plainName, stepNames, stepTimeout } from './options.ts';
import { type RunDriveOptions, driveAndPrint } from './run-drive.ts';

export interface DriveCommandOptions {
  /** Aborted when the command is to stop. */
  readonly signal: AbortSignal;
  /** Called when a step did not succeed, or the monitor broke the protocol. */
  readonly onFailure: () => void;
  /** The command that starts this program without arguments. */
  readonly self: readonly string[];
}

type DriveArguments = Omit<RunDriveOptions, 'command' | 'steps' | 'signal'> & { readonly step?: readonly string[] };

/** Adds `awsiam drive`, which is the Orchestrator of one run of a monitor. */
export function addDriveCommand(
  program: Command,
  context: CommandContext,
  { signal, onFailure, self }: DriveCommandOptions,
): void {
  const drive = program
    .command('drive')
    .description(
      'run a monitor once as the Metrist Orchestrator would, and print what would be reported; nothing is sent to Metrist. The monitor gets the environment of this command and --config, but nothing of the file .env, which the Orchestrator does not read',
    )
    .argument(
      '[command...]',
      'the monitor, after --; it starts in the directory of its executable, so give absolute paths (default: this one)',
    )
    .option('--step <name>', "a step to run; repeat it for more (default: this monitor's own)", stepNames)
    .addOption(
      new Option('--timeout <duration>', 'when to give up on a step: 90s, 2m, 1500ms, or seconds')
        .argParser(stepTimeout)
        .default(defaultTimeoutSecs * 1000, `${defaultTimeoutSecs}s`),
    )
    .option(
      '--config <Key=Value>',
      'an entry of the extra configuration; repeat it for more. Others see arguments: give secrets in the environment',
      configEntries,
    )
    .option('--cleanup', 'also have it remove what earlier runs left', false)
    .option(
      '--instance <name>',
      "the instance's name in what is reported (default: METRIST_INSTANCE_ID, or drive)",
      plainName,
    )
    .option('--monitor <name>', "the monitor's logical name in what is reported", plainName, outline.name)
    .option('--json', 'print what would be posted to Metrist, one JSON object a line', false)
    .action(async (command: readonly string[], { step, ...options }: DriveArguments) => {
      if (command.length > 0 && step === undefined) {
        drive.error("error: name the monitor's steps with --step, once for each");
      }
      const isGood = await driveAndPrint(
        {
          ...options,
          command: command.length > 0 ? command : self,
          steps: step ?? outline.steps.map(({ name }) => name),
          signal,
        },
        context,
      );
      if (!isGood) onFailure();
    });
}
