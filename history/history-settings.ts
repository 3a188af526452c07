import { describeUnresolved, describeValue, isUnresolved, parseDecimal } from '../host/setting-text.ts';
import type { Values } from '../runner/monitor.ts';

/** The settings of the history. */
export interface HistorySettings {
  /** `AWSIAM_INTERVAL_SECS`: the expected time from the start of one run to the start of the next. */
  readonly intervalSecs: number;
  /** `AWSIAM_HISTORY_DAYS`: for how many days runs are kept. */
  readonly historyDays: number;
}

export const defaultHistorySettings: HistorySettings = { intervalSecs: 120, historyDays: 90 };

/** A day. */
export const maxIntervalSecs = 86_400;
/** Ten years. */
const maxHistoryDays = 3650;

/**
 * Reads `AWSIAM_INTERVAL_SECS` and `AWSIAM_HISTORY_DAYS`. An empty value counts as absent. Never throws: in place of a wrong
 * value stands the default, and the problem says what was expected.
 */
export function parseHistorySettings(values: Values): {
  readonly settings: HistorySettings;
  readonly problems: readonly string[];
} {
  const problems: string[] = [];
  const read = (
    name: 'AWSIAM_INTERVAL_SECS' | 'AWSIAM_HISTORY_DAYS',
    standard: number,
    isAllowed: (value: number) => boolean,
    rule: string,
  ): number => {
    const text = (values[name] ?? '').trim();
    const value = text === '' ? standard : parseDecimal(text);
    if (isAllowed(value)) return value;
    problems.push(
      isUnresolved(text) ? describeUnresolved(name, text) : `${name} is ${describeValue(text)}: expected ${rule}`,
    );
    return standard;
  };
  const settings = {
    intervalSecs: read(
      'AWSIAM_INTERVAL_SECS',
      defaultHistorySettings.intervalSecs,
      (secs) => secs >= 1 && secs <= maxIntervalSecs,
      `seconds from one run to the next, from 1 to ${maxIntervalSecs}`,
    ),
    historyDays: read(
      'AWSIAM_HISTORY_DAYS',
      defaultHistorySettings.historyDays,
      (days) => Number.isInteger(days) && days >= 1 && days <= maxHistoryDays,
      `a whole number of days, from 1 to ${maxHistoryDays}`,
    ),
  };
  return { settings, problems };
}
