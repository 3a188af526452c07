import { stripVTControlCharacters } from 'node:util';
import { describe, expect, test } from 'vitest';
import { noonMs, overviewOf, runRecord, type Story } from '../../history/testing/builders.ts';
import { incidents, rehearseRuns } from '../../history/testing/rehearsal.ts';
import { stepError } from '../../runner/testing/builders.ts';
import { renderStatus, type StatusOptions } from './render-status.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const passed: Story = { kind: 'passed' };

function overviewAfter(stories: readonly Story[], overrides: Parameters<typeof overviewOf>[1] = {}) {
  const runs = stories.map((story, index) => runRecord(noonMs - (stories.length - 1 - index) * 2 * minuteMs, story));
  return overviewOf(runs, { nowMs: noonMs + minuteMs, ...overrides });
}

const render = (overview: ReturnType<typeof overviewAfter>, options: Partial<StatusOptions> = {}) =>
  renderStatus(overview, { columns: 80, color: false, runsDir: 'results/runs', ...options });

describe('the status', () => {
  test('shows an IAM that is up', () => {
    const text = render(overviewAfter([passed, passed, { kind: 'passed', durationMs: 1240 }]));
    expect(text).toBe(`\
awsiam: up since 2026-11-22 11:56 UTC (4 min), instance us-east-1
last run: 2026-11-22 12:00 UTC (59 s ago) · 3 passed in 300 ms

last 24 hours  state    last  median     p95  24 h ago             now
CreateUser     up     1.24 s  100 ms  1.24 s  ·······················▂
CreateGroup    up     1.24 s  100 ms  1.24 s  ·······················▂
DeleteUser     up     1.24 s  100 ms  1.24 s  ·······················▂
whole run      up     300 ms  300 ms  300 ms  ·······················▂

last 7 days  median     p95     availability        coverage
CreateUser   100 ms  1.24 s  100 % of 3 runs  100 % of 5 min
CreateGroup  100 ms  1.24 s  100 % of 3 runs  100 % of 5 min
DeleteUser   100 ms  1.24 s  100 % of 3 runs  100 % of 5 min
whole run    300 ms  300 ms  100 % of 3 runs  100 % of 5 min

▂ usual time, █ five times that or more, ✗ failed, ? could not look, - blocked,
· no run
Availability: runs that passed, of those that got an answer about IAM. Coverage:
time in which runs could look.
`);
  });

  test('says what is down, what that means, and what to do', () => {
    const text = render(overviewAfter([passed, { kind: 'theirs', at: 1 }, { kind: 'theirs', at: 1 }]));
    expect(text).toMatch(/^awsiam: issues since 2026-11-22 12:00 UTC \(59 s\)/);
    expect(text).toContain('CreateGroup    down      failed');
    expect(text).toContain('DeleteUser     blocked  blocked');
    expect(text).toContain(`\
current failure: CreateGroup, 2026-11-22 12:00 UTC (59 s ago)
  service: CreateGroup failed: ServiceFailure (HTTP 500): The request processing
  has failed.
  What to do: AWS answered with an error of its own. Check the AWS Health
  Dashboard.
  IAM's side · ServiceFailure · HTTP 500 ·
    request 6b7f9f3e-0000-4000-8000-000000000002
`);
  });

  test('shows a failure that is over as the last one, without red', () => {
    const text = render(overviewAfter([{ kind: 'theirs', at: 1 }, passed, passed]), { color: true });
    expect(text).toContain('last failure: CreateGroup, 2026-11-22 11:56 UTC (4 min ago)');
    expect(text).toContain('\n  service: CreateGroup failed');
  });

  test('says where Metrist differs, by its rules and in its own words', () => {
    const overview = overviewAfter([passed, { kind: 'ours', at: 0 }, { kind: 'ours', at: 0 }]);
    const lastChecked = new Date(noonMs).toISOString();
    const remote = { monitor_logical_name: 'awsiam', state: 'down', last_checked: lastChecked } as const;
    const text = render(overview, { remote });
    expect(text).toContain("\nMetrist's rules say down: they count failures on our side as errors.\n");
    expect(text).toContain('\nMetrist shows down, last checked 2026-11-22 12:00 UTC (1 min ago).\n');
    const old = { ...remote, last_checked: new Date(noonMs - hourMs).toISOString() };
    expect(render(overview, { remote: old, columns: 200 })).toContain('That is old: Metrist keeps the last state');
    const never = { ...remote, last_checked: '1970-01-01T00:00:00Z' };
    expect(render(overview, { remote: never })).toContain('Metrist shows down, and was never told a result.');
  });

  test('without any run says where it looked and how to start one', () => {
    expect(render(overviewAfter([]))).toBe(`\
awsiam: no fresh data
No live run is on record in results/runs. Start one with: npx vitest run (--mode
offline shows rehearsals over the mock)
`);
    const other = render(overviewAfter([], { instance: 'eu', otherInstances: ['us'] }));
    expect(other).toContain('No live run of the instance eu is on record');
    expect(other).toContain('! There are runs of 1 other instance: us. Choose with --instance');
  });

  test('says in the first line that a rehearsal is one', () => {
    const overview = overviewAfter([passed], { mode: 'offline' });
    expect(render(overview)).toMatch(/^awsiam, rehearsal \(mock, not AWS\): up since /);
    expect(render(overviewAfter([], { mode: 'offline' }))).toContain('Start one with: npm run offline');
  });

  test('ends with what could not be read', () => {
    const problems = ['results/runs/2026-11-20.ndjson could not be read: EACCES'];
    const text = render(overviewAfter([passed], { skipped: 3, problems }));
    expect(text).toMatch(/\n\n! 3 lines of the history could not be read as a run\n! results.*EACCES\n$/);
  });

  test('shows no figure where there is none', () => {
    const text = render(overviewAfter([{ kind: 'ours', at: 0 }]));
    expect(text).toMatch(/\nCreateUser +blind +failed +– +– +·{23}\?\n/);
    expect(text).toMatch(/\nCreateUser +– +– +– +0 % of 60 s|\nCreateUser +– +– +– +0 % of 1 min\n/);
  });

  test('lets nothing from outside reach the terminal', () => {
    const run = runRecord(noonMs, { kind: 'theirs', at: 1 }, { instance: '\u001B[2Jx' });
    const steps = run.steps.map((step) =>
      step.state === 'failed'
        ? { ...step, error: stepError({ message: '\u001B]0;x\u0007 \u202E', code: '\u0007' }) }
        : step,
    );
    // oxlint-disable-next-line no-control-regex
    expect(render(overviewOf([{ ...run, steps }]))).not.toMatch(/[\u0000-\u0009\u000B-\u001F\u007F\u202E]/);
  });
});

const now: readonly [string, Parameters<typeof rehearseRuns>[0]['incidents']][] = [
  ['up', []],
  ['degraded', [{ fromMs: -40 * minuteMs, forMs: hourMs, kind: { is: 'slow', factor: 9 } }]],
  ['blind', [{ fromMs: -40 * minuteMs, forMs: hourMs, kind: fails('CreateUser', 'credentials') }]],
  ['down', [{ fromMs: -40 * minuteMs, forMs: hourMs, kind: fails('CreateUser', 'timeout') }]],
  ['issues', [{ fromMs: -40 * minuteMs, forMs: hourMs, kind: fails('RemoveUserFromGroup', 'service') }]],
  ['no fresh data', [{ fromMs: -3 * hourMs, forMs: 4 * hourMs, kind: { is: 'silent' } }]],
];

function fails(step: 'CreateUser' | 'RemoveUserFromGroup', verdict: 'credentials' | 'timeout' | 'service') {
  return { is: 'fails', step, verdict, code: 'SomeError' } as const;
}

describe.for(now)('a week that ends %s', ([state, extra = []]) => {
  const runs = [...rehearseRuns({ endMs: noonMs, days: 8, intervalSecs: 600, incidents: [...incidents, ...extra] })];
  const overview = overviewOf(runs, { nowMs: noonMs + minuteMs });

  test('has that state', () => {
    expect(overview.state.overall.state).toBe(state);
  });

  test.for([60, 66, 80, 100, 132, 200])('fits %d columns, with one row a step', (columns) => {
    const text = render(overview, { columns });
    const widest = Math.max(...text.split('\n').map((line) => line.length));
    expect(widest).toBeLessThanOrEqual(columns);
    expect(text).toMatch(/\nRemoveUserFromGroup /);
    expect(text).not.toMatch(/undefined|NaN|Infinity/);
  });

  test('says the same in colour', () => {
    const colored = render(overview, { color: true });
    expect(stripVTControlCharacters(colored)).toBe(render(overview));
    expect(colored).not.toBe(render(overview));
  });

  test('does not fail on a terminal that is far too narrow', () => {
    expect(render(overview, { columns: 10 })).toContain('CreateUser');
  });
});
