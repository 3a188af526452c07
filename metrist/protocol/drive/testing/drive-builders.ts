import type { DrivenFailure, DrivenPass, DriveReport } from '../drive-report.ts';

export function drivenPass(over: Partial<DrivenPass> = {}): DrivenPass {
  return {
    state: 'passed',
    name: 'CreateUser',
    durationMs: 84.25,
    metadata: {},
    answeredAfterMs: 85,
    ...over,
  };
}

export function drivenFailure(over: Partial<DrivenFailure> = {}): DrivenFailure {
  return {
    state: 'failed',
    name: 'CreateGroup',
    text: 'service: it failed\nWhat to do: wait',
    metadata: {},
    answeredAfterMs: 313,
    ...over,
  };
}

export function driveReport(over: Partial<DriveReport> = {}): DriveReport {
  return {
    steps: [drivenPass()],
    problems: [],
    startedAfterMs: 24,
    configuredAfterMs: 30,
    wallMs: 1240,
    exit: { code: 0, signal: null },
    interrupted: false,
    ...over,
  };
}
