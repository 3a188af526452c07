import { describe, expect, test } from 'vitest';
import { noonMs, overviewOf, runRecord, type Story } from '../../history/testing/builders.ts';
import { renderNagios } from './render-nagios.ts';

const minuteMs = 60_000;
const passed: Story = { kind: 'passed' };

function nagiosAfter(stories: readonly Story[], overrides: Parameters<typeof overviewOf>[1] = {}) {
  const runs = stories.map((story, index) => runRecord(noonMs - (stories.length - 1 - index) * 2 * minuteMs, story));
  return renderNagios(overviewOf(runs, { nowMs: noonMs + minuteMs, ...overrides }));
}

/** The grammar of the Monitoring Plugins: https://www.monitoring-plugins.org/doc/guidelines.html#AEN197 */
const perfdatum = /^'[^'=|]+'=\d+(\.\d+)?(s|%)(;\d*){0,4}$/;

describe('the line for Nagios', () => {
  test('has the state, its age, the last run, and the figures with units', () => {
    expect(nagiosAfter([passed, { kind: 'passed', durationMs: 84.25 }])).toEqual({
      line:
        'AWSIAM UP - since 2026-11-22 11:58 UTC (2 min); last run 59 s ago: 3 passed in 300 ms|' +
        "'CreateUser'=0.08425s;;;0 'CreateGroup'=0.08425s;;;0 'DeleteUser'=0.08425s;;;0 " +
        "'availability'=100%;;;0;100 'coverage'=100%;;;0;100 'age'=60s;;;0\n",
      exitCode: 0,
    });
  });

  test('names what failed, whose fault it is, and the request', () => {
    const { line, exitCode } = nagiosAfter([passed, { kind: 'theirs', at: 1 }, { kind: 'theirs', at: 1 }]);
    expect(line).toMatch(
      /^AWSIAM ISSUES - since .*; CreateGroup failed 59 s ago: service ServiceFailure, IAM's side, request 6b7f9f3e-\S+; last run /,
    );
    expect(exitCode).toBe(2);
    // A failed step has no comparable time.
    expect(line).not.toContain("'CreateGroup'");
  });

  const slow: Story = { kind: 'passed', durationMs: 9000 };
  test.for([
    [[passed], {}, 'UP', 0],
    [[...Array.from({ length: 40 }, () => passed), slow, slow, slow], {}, 'DEGRADED', 1],
    [[passed, { kind: 'theirs', at: 1 }, { kind: 'theirs', at: 1 }], {}, 'ISSUES', 2],
    [
      [
        { kind: 'theirs', at: 0 },
        { kind: 'theirs', at: 0 },
      ],
      {},
      'DOWN',
      2,
    ],
    [[passed, { kind: 'ours', at: 0 }, { kind: 'ours', at: 0 }], {}, 'BLIND', 3],
    [[passed], { nowMs: noonMs + 60 * minuteMs }, 'NO FRESH DATA', 3],
    [[], {}, 'NO FRESH DATA', 3],
  ] as const)('case %#: is one line with valid figures and its exit code', ([stories, overrides, word, code]) => {
    const { line, exitCode } = nagiosAfter(stories, overrides);
    expect(exitCode).toBe(code);
    expect(line.split('\n')).toEqual([expect.any(String), '']);
    expect(line).toMatch(new RegExp(`^AWSIAM ${word} - `));
    const [, perfdata = ''] = line.trimEnd().split('|');
    for (const each of perfdata.split(' ').filter((part) => part !== '')) expect(each).toMatch(perfdatum);
  });

  test('gives no old times to a graph when there is no fresh data, but the age', () => {
    const { line } = nagiosAfter([passed], { nowMs: noonMs + 60 * minuteMs });
    expect(line).not.toContain("'CreateUser'");
    expect(line).toContain("'age'=3600s;;;0");
  });

  test('says that rehearsals are rehearsals', () => {
    expect(nagiosAfter([passed], { mode: 'offline' }).line).toContain('UP - rehearsal over the mock; ');
  });

  test('keeps its form whatever a step is called', () => {
    const run = runRecord(noonMs, passed);
    const steps = run.steps.map((step) => ({ ...step, name: `a|b='c'\n${step.name}` }));
    const { line } = renderNagios(overviewOf([{ ...run, steps }]));
    expect(line).toContain("'a_b__c_ CreateUser'=0.1s;;;0 ");
    expect(line.match(/[|\n]/g)).toEqual(['|', '\n']);
  });
});
