import { describe, expect, test } from 'vitest';
import { drivenFailure, drivenPass, driveReport } from '../../metrist/protocol/drive/testing/drive-builders.ts';
import { renderDriveProblem, renderDrivenStep, renderDriveSummary, renderMonitorText } from './render-drive.ts';

const style = { color: false, nameWidth: 14, columns: 100 };

describe('renderDrivenStep', () => {
  test('aligns the times and shows metadata', () => {
    const steps = [
      drivenPass({ metadata: { attempts: 1, httpStatus: 200 } }),
      drivenFailure({ metadata: { verdict: 'service' } }),
      { state: 'blocked', name: 'AddUserToGroup' },
      { state: 'lost', name: 'DetachPolicy', reason: 'the monitor ended' },
      { state: 'notRun', name: 'DeleteUser' },
    ] as const;
    expect(steps.map((step) => renderDrivenStep(step, style)).join('\n')).toBe(
      [
        '  ✓ CreateUser        84 ms · attempts 1 · httpStatus 200',
        '  ✗ CreateGroup      313 ms',
        '      service: it failed',
        '      What to do: wait',
        '      verdict service',
        '  - AddUserToGroup  blocked',
        '  ✗ DetachPolicy       lost · nothing is reported: the monitor ended',
        '  - DeleteUser      not run',
      ].join('\n'),
    );
  });

  test('wraps everything to the given width, with indents', () => {
    const steps = [
      drivenPass({ metadata: { attempts: 1, httpStatus: 200, requestId: '6b7f9f3e-0001' } }),
      drivenFailure({
        text: 'service: it failed for a long reason that goes on',
        metadata: { verdict: 'service', code: 'X' },
      }),
    ];
    expect(steps.map((step) => renderDrivenStep(step, { ...style, columns: 40 })).join('\n')).toBe(
      [
        '  ✓ CreateUser        84 ms ·',
        '      attempts 1 · httpStatus 200 ·',
        '      requestId 6b7f9f3e-0001',
        '  ✗ CreateGroup      313 ms',
        '      service: it failed for a long',
        '      reason that goes on',
        '      verdict service · code X',
      ].join('\n'),
    );
  });

  test('keeps text from rewriting the terminal', () => {
    const step = drivenFailure({ name: 'A', text: '\u001B[2Jgone\u202E', metadata: { 'a\u001B': 'x\ny' } });
    expect(renderDrivenStep(step, style)).toBe('  ✗ A                313 ms\n      ␛[2Jgone�\n      a␛ x');
  });

  test('is coloured only on a terminal', () => {
    expect(renderDrivenStep(drivenPass(), { ...style, color: true })).toContain('\u001B[32m✓');
  });
});

test('output of a monitor has its origin on every line', () => {
  expect(renderMonitorText('stderr', 'hm', style)).toBe('stderr │ hm');
  expect(renderMonitorText('Warning', 'one\ntwo\u001B', style)).toBe('log warning │ one\nlog warning │ two␛');
});

test('a problem has a sign, and is wrapped with an indent', () => {
  expect(renderDriveProblem('the monitor ended', style)).toBe('  ! the monitor ended');
  expect(renderDriveProblem('the monitor ended too early', { ...style, columns: 20 })).toBe(
    '  ! the monitor\n      ended too\n      early',
  );
});

describe('renderDriveSummary', () => {
  const summarise = (over: Parameters<typeof driveReport>[0]) => renderDriveSummary(driveReport(over), 'awsiam', style);

  test('sums up a good run', () => {
    expect(summarise({})).toBe('  awsiam driven · 1 passed in 1.24 s · Started after 24 ms · exit code 0');
  });

  test('the most important counts come first', () => {
    const steps = [drivenPass(), drivenFailure(), { state: 'blocked', name: 'DeleteUser' }] as const;
    expect(summarise({ steps, problems: ['x'], exit: { code: null, signal: 'SIGTERM' } })).toBe(
      '  awsiam driven · 1 failed, 1 blocked, 1 passed in 1.24 s · 1 problem · Started after 24 ms ·\n' +
        '      ended by SIGTERM',
    );
  });

  test('shows that a run never began or was interrupted', () => {
    const { startedAfterMs: _, ...report } = driveReport({
      steps: [{ state: 'notRun', name: 'A' }],
      problems: ['x', 'y'],
    });
    expect(renderDriveSummary(report, 'awsiam', style)).toContain('1 not run in 1.24 s · 2 problems · never Started');
    expect(summarise({ interrupted: true })).toContain('interrupted: 1 passed');
  });
});
