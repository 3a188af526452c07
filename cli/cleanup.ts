import type { Command } from 'commander';
import { awsiam, cleanUp, longestRunMs, type SweepResult } from '../suites/awsiam/monitor.ts';
import { plural } from '../text/printable.ts';
import { requireConfig } from '../runner/settings.ts';
import type { CommandContext, RunningContext } from './command-context.ts';
import { durationOption } from './options.ts';
import { createProgress } from './progress.ts';

interface CleanupArguments {
  readonly dryRun?: boolean;
  /** Milliseconds. @default the longest run by the settings */
  readonly olderThan?: number;
  readonly mayBreakRuns?: boolean;
  /** Milliseconds. */
  readonly pace: number;
}

/** Adds `awsiam cleanup`, which removes the test users and groups that killed runs left behind. */
export function addCleanupCommand(program: Command, context: RunningContext): void {
  const command = program
    .command('cleanup')
    .description('remove the test users and groups that killed runs left behind in the namespace (METRIST_NAMESPACE)')
    .option('--dry-run', 'only list what would be removed')
    .addOption(
      durationOption(
        '--older-than <duration>',
        'remove only what is older, such as 3h or 1d (default: the longest that a run with these settings can last)',
      ),
    )
    .option('--may-break-runs', 'allow a shorter --older-than, and also remove what has no usable creation date')
    .addOption(durationOption('--pace <duration>', 'shortest time between two requests, such as 100ms or 1s', 100))
    .action(async (options: CleanupArguments) => {
      if (!(await cleanUpAndPrint({ ...options, signal: context.signal, refuse }, context))) context.onFailure();
    });
  const refuse = (why: string): never => command.error(`error: ${why}`);
}

export interface CleanupOptions extends CleanupArguments {
  readonly signal: AbortSignal;
  /** Prints why the options make no sense, and ends the command. */
  readonly refuse: (why: string) => never;
}

/**
 * @returns whether everything that was to be removed is gone. In a dry run: whether the listing had no problems
 * @throws ConfigError, and the SDK's error if there are no credentials
 */
export async function cleanUpAndPrint(options: CleanupOptions, context: CommandContext): Promise<boolean> {
  const { dryRun = false, mayBreakRuns = false, pace, signal } = options;
  const config = requireConfig(awsiam.parseConfig(context.values));
  const sparedMs = longestRunMs(config);
  const { olderThan = sparedMs } = options;
  if (olderThan < sparedMs && !mayBreakRuns && !dryRun) {
    const spared = `${Math.ceil(sparedMs / 60_000)}m`;
    options.refuse(
      `--older-than is shorter than ${spared}, the longest that a run with these settings can last: what is younger may still be in use. Use ${spared} or more, or add --may-break-runs.`,
    );
  }
  const { namespace } = config;
  const progress = createProgress(
    context.errorOutput,
    `looking for old test users and groups of the namespace ${namespace}`,
  );
  try {
    const result = await cleanUp(config, {
      olderThanMs: olderThan,
      removeUndated: mayBreakRuns,
      dryRun,
      paceMs: pace,
      signal,
      onEntity: (kind, name) => {
        if (!dryRun) return progress.tick(`${name} removed`);
        progress.end();
        context.output.write(`${kind} ${name}\n`);
      },
    });
    progress.end();
    for (const warning of result.warnings) context.errorOutput.write(`! ${warning}\n`);
    context.output.write(`${summarise(result, dryRun, namespace)}\n`);
    return result.warnings.length === 0;
  } finally {
    progress.end();
  }
}

/** `2 test entities of the namespace prod removed, 1 kept (too young, or of unknown age)` */
function summarise(result: SweepResult, dryRun: boolean, namespace: string): string {
  const { removed, alreadyGone, kept, failed, untried, unlisted } = result;
  const others: readonly (readonly [number, string])[] = [
    [alreadyGone, 'already gone'],
    [kept, 'kept (too young, or of unknown age)'],
    [failed, 'could not be removed'],
    [untried, 'not reached'],
  ];
  return [
    `${plural(removed, 'test entity', 'test entities')} of the namespace ${namespace} ${dryRun ? 'would be removed' : 'removed'}`,
    ...others.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`),
    ...unlisted.map((kind) => `not all ${kind}s were looked at`),
  ].join(', ');
}
