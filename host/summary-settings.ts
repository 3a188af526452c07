import type { Values } from '../runner/monitor.ts';
import { describeUnresolved, describeValue, isUnresolved, parseSwitch, switchRule } from './setting-text.ts';

/** Where a run is summed up in Markdown. */
export interface SummarySettings {
  /** `AWSIAM_SUMMARY`: whether each run writes `summary.md` into the results directory. */
  readonly isFileWanted: boolean;
  /** `GITHUB_STEP_SUMMARY`: the file that the GitHub job shows. GitHub sets it. */
  readonly jobSummary?: string;
}

/** Reads `AWSIAM_SUMMARY` and `GITHUB_STEP_SUMMARY`. An empty value counts as absent. Never throws. */
export function parseSummarySettings(values: Values): {
  readonly settings: SummarySettings;
  readonly problems: readonly string[];
} {
  const name = 'AWSIAM_SUMMARY';
  const text = values[name]?.trim() ?? '';
  const jobSummary = values['GITHUB_STEP_SUMMARY'] ?? '';
  const isFileWanted = text === '' ? false : parseSwitch(text);
  const settings = { isFileWanted: isFileWanted ?? false, ...(jobSummary !== '' && { jobSummary }) };
  if (isFileWanted !== undefined) return { settings, problems: [] };
  const problem = isUnresolved(text)
    ? describeUnresolved(name, text)
    : `${name} is ${describeValue(text)}: expected ${switchRule}`;
  return { settings, problems: [problem] };
}
