import os from 'node:os';
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import ms from 'ms';
import packageJson from '../package.json' with { type: 'json' };
import { describeValue, mayHoldSecret } from '../host/setting-text.ts';
import { explainError } from '../suites/awsiam/errors/explain-error.ts';
import { ConfigError } from '../runner/settings.ts';
import { findSettingWarnings } from '../suites/awsiam/settings/setting-warnings.ts';
import { describeBuild } from './build.ts';
import { cleanUp } from './cleanup.ts';
import type { CommandContext } from './command-context.ts';
import { addDriveCommand } from './drive/drive.ts';
import { addMetristCommands } from './metrist-commands.ts';
import { redactContext } from './redacted-context.ts';

/** 2 is what shells and most tools say for a command line that is not understood. */
const exitCodes = { ok: 0, failed: 1, usage: 2 } as const;

/**
 * Runs one `awsiam` command.
 *
 * @returns the exit code: 0 done, 1 failed, 2 the command line was not understood, 128 + n after a signal
 */
export async function runProgram(args: readonly string[], unredacted: CommandContext): Promise<number> {
  const context = redactContext(unredacted);
  const stop = new AbortController();
  let exitCode: number = exitCodes.ok;
  context.onSignal((signal) => {
    exitCode = 128 + os.constants.signals[signal];
    stop.abort();
  });

  const program = new Command('awsiam')
    .description(packageJson.description)
    .version(describeBuild(), '--version', 'print the version and the commit')
    .configureOutput({
      writeOut: (text) => context.output.write(text),
      writeErr: (text) => context.errorOutput.write(hideArguments(text, args)),
    })
    .showHelpAfterError('(awsiam --help lists the commands)')
    .exitOverride()
    .hook('preAction', () => {
      if (context.envProblems.length > 0) throw new ConfigError(context.envProblems);
      for (const warning of findSettingWarnings(context.values, 'command')) {
        context.errorOutput.write(`! ${warning}\n`);
      }
    });

  const cleanup = program
    .command('cleanup')
    .description('remove test users and groups that killed runs of this namespace left')
    .option('--dry-run', 'only list what would be removed', false)
    .option(
      '--older-than <duration>',
      'spare what is younger: 3h, 1d (default: the longest that a run with these settings can last)',
      duration,
    )
    .option('--may-break-runs', 'allow a shorter --older-than, and remove what has no usable creation date', false)
    .option('--pace <duration>', 'least time between two requests: 100ms, 1s', duration, 100)
    .action(async (options: { dryRun: boolean; olderThan?: number; mayBreakRuns: boolean; pace: number }) => {
      const done = await cleanUp(
        { ...options, signal: stop.signal, refuse: (why) => cleanup.error(`error: ${why}`) },
        context,
      );
      if (!done) exitCode ||= exitCodes.failed;
    });

  const options = {
    signal: stop.signal,
    onFailure: () => {
      exitCode ||= exitCodes.failed;
    },
  };
  addMetristCommands(program, context, options);
  addDriveCommand(program, context, options);

  try {
    await program.parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
    if (exitCode !== exitCodes.ok) return exitCode;
    const { verdict, message, advice } = explainError(error, `awsiam ${args[0] ?? ''}`.trim(), {
      mode: 'live',
      values: context.values,
      howToConfigure: `Set the variables in the environment or in the file ${context.envFile}`,
    });
    context.errorOutput.write(`${verdict}: ${message}\n${advice}\n`);
    return exitCodes.failed;
  }
}

/** commander quotes arguments that it refuses. */
function hideArguments(text: string, args: readonly string[]): string {
  // Names of options are not hidden, their values are.
  const values = args.map((arg) => /^--[^=]*=?(.*)$/s.exec(arg)?.[1] ?? arg);
  return values.filter(mayHoldSecret).reduce((shown, value) => shown.replaceAll(value, describeValue(value)), text);
}

/**
 * A number alone is refused: whoever writes `--older-than 2` hardly means milliseconds.
 *
 * @throws InvalidArgumentError, to which commander adds the option's name
 */
function duration(text: string): number {
  const value = /\d *[a-z]+$/i.test(text) ? ms(text as ms.StringValue) : undefined;
  if (typeof value !== 'number' || !(value >= 0))
    throw new InvalidArgumentError('Expected a duration such as 90s, 30m, 1h or 2d.');
  return value;
}
