import { expect, test } from 'vitest';
import { parseSummarySettings } from './summary-settings.ts';

test.for([
  ['nothing', {}, { isFileWanted: false }],
  ['empty values', { AWSIAM_SUMMARY: ' ', GITHUB_STEP_SUMMARY: '' }, { isFileWanted: false }],
  ['a switch', { AWSIAM_SUMMARY: 'true' }, { isFileWanted: true }],
  ['a job of GitHub', { GITHUB_STEP_SUMMARY: '/job.md' }, { isFileWanted: false, jobSummary: '/job.md' }],
] as const)('%s', ([, values, settings]) => {
  expect(parseSummarySettings(values)).toEqual({ settings, problems: [] });
});

test('a value that is no switch is refused, and no file is written', () => {
  expect(parseSummarySettings({ AWSIAM_SUMMARY: 'summary.md' })).toEqual({
    settings: { isFileWanted: false },
    problems: [expect.stringMatching(/^AWSIAM_SUMMARY is "summary.md": expected 1, true/)],
  });
});
