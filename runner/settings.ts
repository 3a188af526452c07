import { plural } from '../text/printable.ts';

/**
 * A monitor's settings, parsed once when the process starts and handed on from there. Plain data, because vitest sends it
 * to its worker.
 */
export interface ParsedSettings<Config> {
  /** Present if all of the monitor's own settings are right. */
  readonly config?: Config;
  /** What is wrong, one sentence each. The run fails unless this is empty. */
  readonly problems: readonly string[];
  /** Sentences that help to understand the problems. */
  readonly hints?: readonly string[];
}

/** Lists every problem with the settings, by the names of the variables that the user set. */
export class ConfigError extends Error {
  readonly code = 'ConfigError';

  constructor(problems: readonly string[], hints: readonly string[] = []) {
    const list = problems.map((problem) => `- ${problem}`);
    super([`${plural(problems.length, 'problem')} with the settings:`, ...list, ...hints].join('\n'));
  }
}

/** @throws {ConfigError} with every problem at once */
export function requireConfig<Config>({ config, problems, hints }: ParsedSettings<Config>): Config {
  if (config === undefined || problems.length > 0) throw new ConfigError(problems, hints);
  return config;
}
