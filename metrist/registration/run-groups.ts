import { describeValue, describeUnresolved, isUnresolved } from '../../host/setting-text.ts';
import { isRunGroup } from './validate-monitor-config.ts';

/** Run groups as they can be registered, and what is to be said about how they were written. */
export interface ParsedRunGroups {
  readonly runGroups: readonly string[];
  /** One line each: the variable, what came, what was expected. */
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}

/**
 * Reads `METRIST_RUN_GROUPS`, names separated by commas. Blanks around a name are taken off, with a warning: the
 * Orchestrator reads the same variable and leaves them on. Never throws.
 */
export function parseRunGroups(value = ''): ParsedRunGroups {
  if (value.trim() === '') return { runGroups: [], problems: [], warnings: [] };
  if (isUnresolved(value)) {
    return { runGroups: [], problems: [describeUnresolved('METRIST_RUN_GROUPS', value)], warnings: [] };
  }
  const written = value.split(',');
  const runGroups = written.map((name) => name.trim());
  const isFine = runGroups.every(isRunGroup) && new Set(runGroups).size === runGroups.length;
  if (!isFine) {
    const expected = 'different names, separated by commas';
    return {
      runGroups: [],
      problems: [`METRIST_RUN_GROUPS is ${describeValue(value)}: expected ${expected}`],
      warnings: [],
    };
  }
  const blank = written.filter((name) => name !== name.trim());
  return { runGroups, problems: [], warnings: blank.map(describeBlanks) };
}

function describeBlanks(name: string): string {
  return `METRIST_RUN_GROUPS holds ${describeValue(name)}, which is taken as ${describeValue(name.trim())}: an Orchestrator does not trim, so take the blanks out there, too`;
}
