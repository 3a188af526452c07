import { stripVTControlCharacters } from 'node:util';
import { describe, expect, test } from 'vitest';
import type { MonitorRun } from '../runner/monitor-run.ts';
import type { ReportOutcome } from './run-reporter.ts';
import {
  blockedStep,
  failedStep,
  interruptedStep,
  monitorRun,
  passedStep,
  stepError,
} from '../runner/testing/builders.ts';
import { renderBeat, renderStepLine, renderSummary, type TerminalOptions } from './terminal.ts';
import {
  emptyRun,
  hostileRun,
  interruptedRun,
  loadErrorRun,
  passedRun,
  runs,
  theirFailureRun,
} from './testing/runs.ts';

const plain: TerminalOptions = { color: false, columns: 100 };

function render(run: MonitorRun, outcomes: readonly ReportOutcome[] = [], options = plain): string {
  const steps = run.steps.map((step) => renderStepLine(step, options));
  return [...steps, renderSummary(run, outcomes, options)].join('\n');
}

describe('a run in the terminal', () => {
  test('is short if every step passed: it leaves out what is at the same place after every run', () => {
    const outcomes = [
      { ok: true, isRoutine: true, text: 'JUnit results/junit.xml' },
      { ok: true, text: '8 results to Metrist (us-east-1)' },
      { ok: true, text: 'report results/report.html' },
    ];
    expect(render(passedRun, outcomes)).toMatchInlineSnapshot(`
      "  ✓ CreateUser             84 ms
        ✓ CreateGroup            61 ms
        ✓ AddUserToGroup        2.10 s · 4 attempts · 1.90 s of propagation
        ✓ RemoveUserFromGroup    57 ms
        ✓ DeleteGroup            66 ms
        ✓ AttachPolicy           71 ms
        ✓ DetachPolicy           59 ms
        ✓ DeleteUser            310 ms · 2 attempts · 120 ms between them

        awsiam live · 8 passed in 3.24 s · 8 results to Metrist (us-east-1) · report results/report.html"
    `);
  });

  test('says what failed, on which side, what to do and what is left behind', () => {
    const outcomes = [
      { ok: false, isRoutine: true, text: 'JUnit results/junit.xml could not be written: ENOSPC' },
      { ok: false, text: 'Metrist: 2 of 2 results not delivered: no answer from app.metrist.io within 10 s' },
    ];
    expect(render(theirFailureRun, outcomes)).toMatchInlineSnapshot(`
      "  ✓ CreateUser             84 ms
        ✗ CreateGroup           313 ms · 3 attempts · 180 ms between them
            service: CreateGroup failed: ServiceFailure (HTTP 500): The request processing has failed.
            What to do: AWS answered with an error of its own. Check the AWS Health Dashboard.
            IAM's side · ServiceFailure · HTTP 500 · request 6b7f9f3e-0000-4000-8000-000000000002
        - AddUserToGroup       blocked · CreateGroup failed
        - DeleteUser           blocked · CreateGroup failed
        ! left behind: user testuser-prod-m3x8k2-7f3a (DeleteUser: ServiceFailure (HTTP 500))
            remove it with: awsiam cleanup
        ! the sweep stopped after 60 s and goes on in the next run
        ! JUnit results/junit.xml could not be written: ENOSPC
        ! Metrist: 2 of 2 results not delivered: no answer from app.metrist.io within 10 s

        awsiam live · 1 failed, 2 blocked, 1 passed in 2.02 s"
    `);
  });

  test('offers no command for the leftovers of an offline run', () => {
    const leftovers = [{ entity: 'user testuser-offline', reason: 'AccessDenied' }];
    const text = render(monitorRun({ mode: 'offline', leftovers }));
    expect(text).toContain('! left behind: user testuser-offline (AccessDenied)');
    expect(text).not.toMatch(/remove it with|undefined/);
  });

  test('shows a load error once, with its place', () => {
    expect(render(loadErrorRun)).toMatchInlineSnapshot(`
      "  ✗ CreateUser              0 ms
            monitor: awsiam.suite.ts did not load: Cannot find module 'left-pad'
            What to do: Install the packages with npm ci.
            our side · ERR_MODULE_NOT_FOUND
            at suites/awsiam/session.ts:3:1
        - CreateGroup          blocked · CreateUser failed

        awsiam live · 1 failed, 1 blocked in 0 ms"
    `);
  });

  test('makes sense without any step', () => {
    expect(render(emptyRun)).toMatchInlineSnapshot(`
      "  ✗ empty: no test ran: the filter -t matches nothing

        awsiam live · run failed: no step ran"
    `);
  });

  test('distinguishes an interruption from a failure', () => {
    expect(render(interruptedRun)).toMatchInlineSnapshot(`
      "  ✓ CreateUser             84 ms
        ! CreateGroup            40 ms · the run was interrupted (SIGTERM)
        - AddUserToGroup       blocked · the run was interrupted (SIGTERM)

        awsiam live · 1 interrupted, 1 blocked, 1 passed in 900 ms"
    `);
  });
});

describe('the width of the terminal', () => {
  const outcomes = [
    { ok: true, text: 'JUnit results/junit.xml' },
    { ok: false, text: 'Metrist: 2 of 2 results not delivered: no answer from app.metrist.io within 10 s' },
  ];

  test('wraps everything with indents, between parts if possible, and never wraps a command', () => {
    const leftovers = [
      { entity: 'user u', reason: 'DeleteUser: ServiceFailure', command: `aws iam ${'x '.repeat(40)}y` },
    ];
    const narrow = { ...plain, columns: 60 };
    const text = render({ ...theirFailureRun, leftovers }, outcomes, narrow);
    expect(text).toMatchInlineSnapshot(`
      "  ✓ CreateUser             84 ms
        ✗ CreateGroup           313 ms · 3 attempts ·
            180 ms between them
            service: CreateGroup failed: ServiceFailure (HTTP
            500): The request processing has failed.
            What to do: AWS answered with an error of its own.
            Check the AWS Health Dashboard.
            IAM's side · ServiceFailure · HTTP 500 ·
            request 6b7f9f3e-0000-4000-8000-000000000002
        - AddUserToGroup       blocked · CreateGroup failed
        - DeleteUser           blocked · CreateGroup failed
        ! left behind: user u (DeleteUser: ServiceFailure)
            remove it with: aws iam x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x y
        ! the sweep stopped after 60 s and goes on in the next
            run
        ! Metrist: 2 of 2 results not delivered: no answer from
            app.metrist.io within 10 s

        awsiam live · 1 failed, 2 blocked, 1 passed in 2.02 s ·
            JUnit results/junit.xml"
    `);
    const run = monitorRun({ steps: [blockedStep({ reason: 'the run was interrupted by SIGTERM, long ago' })] });
    expect(render(run, [], { ...plain, columns: 50 })).toMatchInlineSnapshot(`
      "  - AddUserToGroup       blocked ·
            the run was interrupted by SIGTERM, long ago

        awsiam live · 1 blocked in 900 ms"
    `);
  });

  test('is used if it is large', () => {
    const [summary] = render(passedRun, [{ ok: true, text: 'x'.repeat(90) }], { ...plain, columns: 200 })
      .split('\n')
      .slice(-1);
    expect(summary).toHaveLength('  awsiam live · 8 passed in 3.24 s · '.length + 90);
  });

  test('is never exceeded, except by what cannot be wrapped', () => {
    for (const run of [passedRun, theirFailureRun, interruptedRun, loadErrorRun]) {
      for (const columns of [45, 60, 80, 200]) {
        const lines = render(run, outcomes, { ...plain, columns }).split('\n');
        const tooLong = lines.filter((line) => line.length > columns && line.trim().includes(' '));
        expect(tooLong.filter((line) => !line.includes('remove it with'))).toEqual([]);
      }
    }
  });
});

test.for([passedRun, theirFailureRun, emptyRun, interruptedRun])(
  'there is one empty line before the summary',
  (run) => {
    const lines = renderSummary(run, [], plain).split('\n');
    expect(lines.at(-2)).toBe('');
    expect(lines.filter((line) => line === '')).toHaveLength(1);
  },
);

describe('renderStepLine', () => {
  test('aligns the times of names of up to 20 characters', () => {
    const ends = ['A', 'RemoveUserFromGroup', 'A'.repeat(20)].map((name) => {
      const line = renderStepLine(passedStep({ name, durationMs: 84, evidence: {} }), plain);
      return line.indexOf(' 84 ms');
    });
    expect(new Set(ends).size).toBe(1);
  });

  test('does not cut a longer name, and shows the time after it', () => {
    const name = 'A'.repeat(50);
    expect(renderStepLine(passedStep({ name, evidence: {} }), plain)).toBe(`  ✓ ${name} 84 ms`);
  });

  test('adds nothing to a step that needed neither retries nor waiting', () => {
    expect(renderStepLine(passedStep(), plain)).not.toContain('·');
  });

  test('does not break an ARN when it wraps a message', () => {
    const arn = `arn:aws:iam::123456789012:policy/AwsIamMonitorTestPolicies/${'x'.repeat(60)}`;
    const message = `AttachPolicy failed: ${'many words '.repeat(12)}${arn} is not attachable`;
    const lines = renderStepLine(failedStep({ error: stepError({ message }) }), { color: false, columns: 60 }).split(
      '\n',
    );
    expect(lines).toContain(`      ${arn}`);
  });

  test('shortens a long message and says where the whole one is', () => {
    const message = 'words and more words '.repeat(100_000);
    const text = renderStepLine(failedStep({ error: stepError({ message }) }), plain);
    expect(text.split('\n').length).toBeLessThan(18);
    expect(text).toContain('the rest is in the JUnit report');
  });

  test('shows the stack of a bug of ours, but not of a failure of the service', () => {
    const stack = 'Error: x\n    at runStep (runner/run-step.ts:1:1)';
    const lineOf = (verdict: 'monitor' | 'service') =>
      renderStepLine(failedStep({ error: stepError({ verdict, stack }) }), plain);
    expect(lineOf('monitor')).toContain('at runStep (runner/run-step.ts:1:1)');
    expect(lineOf('service')).not.toContain('at runStep');
  });
});

describe('renderSummary', () => {
  test('does not let passed steps hide a problem outside of them', () => {
    const run = monitorRun({ state: 'failed', problems: [{ kind: 'hook', message: 'afterAll failed' }] });
    expect(renderSummary(run, [], plain)).toMatch(/hook: afterAll failed[^]*run failed: 1 passed/);
  });
});

describe('colour', () => {
  test('is absent if it is off, whatever the texts contain', () => {
    for (const run of Object.values(runs)) {
      const text = render(run);
      expect(text).toBe(stripVTControlCharacters(text));
    }
  });

  test('changes nothing else if it is on', () => {
    for (const run of Object.values(runs)) {
      const text = render(run, [], { ...plain, color: true });
      expect(text).toContain('\u001B[');
      expect(stripVTControlCharacters(text)).toBe(render(run));
    }
  });

  test('is the only source of control characters', () => {
    const name = 'a\u001B[2Jb\rc';
    const steps = [passedStep({ name }), failedStep({ name }), blockedStep({ name }), interruptedStep({ name })];
    expect(render({ ...hostileRun, monitor: 'x\u0007', steps })).not.toMatch(/[^\n\P{Cc}]/u);
    expect(render(hostileRun)).not.toMatch(/[^\n\P{Cc}]/u);
  });
});

describe('a run of a watch in the terminal', () => {
  test('is one line if it passed', () => {
    const outcomes = [
      { ok: true, isRoutine: true, text: 'JUnit results/junit.xml' },
      { ok: true, text: '8 results to Metrist (us-east-1)' },
    ];
    expect(renderBeat(passedRun, outcomes, plain)).toBe(
      '2026-11-22 10:00:00Z ✓ 8 passed in 3.24 s · 8 results to Metrist (us-east-1)',
    );
  });

  test('says how many beats were skipped before it, and which report is missing', () => {
    const outcomes = [{ ok: false, text: 'history results/runs could not be written: ENOSPC' }];
    expect(renderBeat({ ...passedRun, skippedBeats: 2 }, outcomes, plain).split('\n')).toEqual([
      '2026-11-22 10:00:00Z ✓ 8 passed in 3.24 s · 2 beats skipped before it',
      '  ! history results/runs could not be written: ENOSPC',
    ]);
  });

  test('is shown in full if it failed or was interrupted', () => {
    const failed = renderBeat(theirFailureRun, [], plain);
    expect(failed).toMatch(/^2026-11-22 10:00:00Z ✗ 1 failed, 2 blocked, 1 passed in 2\.02 s\n {2}✓ CreateUser /);
    expect(failed).toContain('What to do:');
    expect(failed).toContain('left behind');
    expect(renderBeat(interruptedRun, [], plain)).toMatch(/^\S+ \S+Z ! [^]*\n {2}! /);
  });

  test('says the same in colour', () => {
    for (const run of Object.values(runs)) {
      const colored = renderBeat(run, [], { ...plain, color: true });
      expect(stripVTControlCharacters(colored)).toBe(renderBeat(run, [], plain));
    }
  });
});
