import { describe, expect, test } from 'vitest';
import { parseHistorySettings } from './history-settings.ts';

describe('parseHistorySettings', () => {
  test.for([
    [{}, 120, 90],
    [{ AWSIAM_INTERVAL_SECS: ' ', AWSIAM_HISTORY_DAYS: '' }, 120, 90],
    [{ AWSIAM_INTERVAL_SECS: '2.5', AWSIAM_HISTORY_DAYS: ' 7 ' }, 2.5, 7],
  ] as const)('reads %j', ([values, intervalSecs, historyDays]) => {
    expect(parseHistorySettings(values)).toEqual({ settings: { intervalSecs, historyDays }, problems: [] });
  });

  test.for(['0', '-1', '1.5', '3651', '90d', '1e3', '<<ERROR: not found>>'])('refuses to keep %j days', (text) => {
    const { settings, problems } = parseHistorySettings({ AWSIAM_HISTORY_DAYS: text });
    expect(settings.historyDays).toBe(90);
    expect(problems).toEqual([expect.stringMatching(/^AWSIAM_HISTORY_DAYS (is|could not be resolved)/)]);
  });

  test('reports every problem at once, and shows no value that may be a secret', () => {
    const values = { AWSIAM_INTERVAL_SECS: '86401', AWSIAM_HISTORY_DAYS: 'AKIAE2ETESTKEYID7Q4X' };
    expect(parseHistorySettings(values).problems).toEqual([
      'AWSIAM_INTERVAL_SECS is "86401": expected seconds from one run to the next, from 1 to 86400',
      expect.stringMatching(/^AWSIAM_HISTORY_DAYS is a text of 20 characters .*: expected a whole number of days/),
    ]);
  });
});
