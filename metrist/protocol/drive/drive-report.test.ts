import { describe, expect, test } from 'vitest';
import { isSuccessful, toReportedResults } from './drive-report.ts';
import { drivenFailure, drivenPass, driveReport } from './testing/drive-builders.ts';

test('a run is successful if all steps passed, the protocol was followed and nobody stopped it', () => {
  expect(isSuccessful(driveReport())).toBe(true);
  expect(isSuccessful(driveReport({ steps: [drivenPass(), drivenFailure()] }))).toBe(false);
  expect(isSuccessful(driveReport({ steps: [{ state: 'notRun', name: 'CreateUser' }] }))).toBe(false);
  expect(isSuccessful(driveReport({ problems: ['the monitor wrote'] }))).toBe(false);
  expect(isSuccessful(driveReport({ interrupted: true }))).toBe(false);
});

describe('toReportedResults', () => {
  const as = { monitor: 'awsiam', instance: 'here', now: new Date('2026-11-22T10:00:01.312Z') };
  const address = { monitor_logical_name: 'awsiam', instance_name: 'here' };

  test('a passed step is telemetry, and a failed one is an error with the steps that it blocks', () => {
    const steps = [
      drivenPass({ metadata: { attempts: 3 } }),
      drivenFailure({ metadata: { code: 'X' } }),
      { state: 'blocked', name: 'AddUserToGroup' },
      { state: 'blocked', name: 'DeleteUser' },
    ] as const;
    expect(toReportedResults(driveReport({ steps }), as)).toEqual([
      {
        kind: 'telemetry',
        body: {
          ...address,
          check_logical_name: 'CreateUser',
          value: 84.25,
          metadata: { attempts: 3, 'metrist.source': 'monitor' },
        },
      },
      {
        kind: 'error',
        body: {
          ...address,
          check_logical_name: 'CreateGroup',
          message: 'service: it failed\nWhat to do: wait',
          time: '2026-11-22T10:00:01.312000',
          metadata: { code: 'X', 'metrist.source': 'monitor' },
          blocked_steps: ['AddUserToGroup', 'DeleteUser'],
        },
      },
    ]);
  });

  test('nothing is reported about steps that were lost or did not run', () => {
    const steps = [
      { state: 'lost', name: 'CreateUser', reason: 'the monitor ended' },
      { state: 'notRun', name: 'DeleteUser' },
    ] as const;
    expect(toReportedResults(driveReport({ steps }), as)).toEqual([]);
  });

  test('an error of the last step has an empty list of blocked steps', () => {
    expect(toReportedResults({ steps: [drivenFailure()] }, as)).toMatchObject([{ body: { blocked_steps: [] } }]);
  });

  test("the Orchestrator's metrist.source replaces the monitor's", () => {
    const steps = [drivenPass({ metadata: { 'metrist.source': 'in-process' } })];
    expect(toReportedResults({ steps }, as)).toMatchObject([{ body: { metadata: { 'metrist.source': 'monitor' } } }]);
  });
});
