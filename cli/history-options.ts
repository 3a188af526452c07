import { InvalidArgumentError, Option } from 'commander';
import { parseHistorySettings } from '../history/history-settings.ts';
import { parseResultsDir } from '../host/results-dir.ts';
import { readInstance } from '../metrist/config.ts';
import { ConfigError } from '../runner/settings.ts';
import type { CommandContext } from './command-context.ts';

/** Options of the commands that show the history. */

export function modeOption(): Option {
  return new Option('--mode <mode>', 'show the runs over AWS or the rehearsals over the mock')
    .choices(['live', 'offline'])
    .default('live');
}

export function instanceOption(description: string): Option {
  return new Option('--instance <name>', description).argParser((text) => {
    // The runs without an instance.
    if (text === '') return text;
    const { value } = readInstance({ METRIST_INSTANCE_ID: text });
    if (value === undefined) throw new InvalidArgumentError('Expected a METRIST_INSTANCE_ID, such as us-east-1.');
    return value;
  });
}

export function hideAccountOption(): Option {
  return new Option('--hide-account', 'leave out account numbers and names of entities, for readers elsewhere');
}

/**
 * Finds the results directory, and the instance that a command shows: `--instance`, else `METRIST_INSTANCE_ID`. An empty
 * `--instance` means the runs without one.
 *
 * @throws ConfigError
 */
export function readHistoryPlace(
  { instance }: { readonly instance?: string },
  { values, baseDir }: Pick<CommandContext, 'values' | 'baseDir'>,
): { readonly resultsDir: string; readonly instance?: string } {
  const results = parseResultsDir(values, baseDir);
  const set = readInstance(values);
  // If the option names the instance, a wrong variable does no harm.
  const instanceProblems = instance === undefined && set.problem !== undefined ? [set.problem] : [];
  const problems = [...results.problems, ...instanceProblems, ...parseHistorySettings(values).problems];
  if (problems.length > 0) throw new ConfigError(problems);
  const chosen = instance ?? set.value;
  return { resultsDir: results.dir, ...(chosen !== undefined && { instance: chosen }) };
}
