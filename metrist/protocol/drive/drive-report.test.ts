import { expect, test } from 'vitest';
import { isFlawless } from './drive-report.ts';
import { drivenFailure, drivenPass, driveReport } from './testing/drive-builders.ts';

test('a run is flawless where all steps passed, no rule was broken and nobody stopped it', () => {
  expect(isFlawless(driveReport())).toBe(true);
  expect(isFlawless(driveReport({ steps: [drivenPass(), drivenFailure()] }))).toBe(false);
  expect(isFlawless(driveReport({ steps: [{ state: 'notRun', name: 'CreateUser' }] }))).toBe(false);
  expect(isFlawless(driveReport({ problems: ['the monitor wrote'] }))).toBe(false);
  expect(isFlawless(driveReport({ interrupted: true }))).toBe(false);
});
