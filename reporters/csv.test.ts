import { expect, test } from 'vitest';
import { toRecord } from '../history/run-record.ts';
import type { MonitorRun } from '../runner/monitor-run.ts';
import { failedStep, interruptedStep, monitorRun, passedStep, stepError } from '../runner/testing/builders.ts';
import { csvHeader, renderCsvRows } from './csv.ts';
import { hostileText, theirFailureRun } from './testing/runs.ts';

const render = (run: MonitorRun) => renderCsvRows(toRecord(run, { intervalSecs: 120, frontEnd: 'vitest' }));

/** Reads CSV as RFC 4180 describes it. Each row is an object with the names of the columns. */
function parse(csv: string): Record<string, string>[] {
  const rows: string[][] = [];
  const cells = /(?:^|,|(?<=\r\n))(?:"((?:[^"]|"")*)"|([^",\r\n]*))(\r\n)?/gy;
  let row: string[] = [];
  for (const [, quoted, plain = '', end] of csv.matchAll(cells)) {
    row.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
    if (end === undefined) continue;
    rows.push(row);
    row = [];
  }
  const [names = [], ...values] = rows;
  for (const each of values) expect(each).toHaveLength(names.length);
  return values.map((each) => Object.fromEntries(names.map((name, index) => [name, each[index] ?? ''])));
}

test('writes one row for each step, with UTC times, plain numbers and empty cells for what is unknown', () => {
  const run = { ...theirFailureRun, namespace: 'prod', region: 'us-east-1', account: '123456789012' };
  const rows = parse(csvHeader + render(run));
  expect(rows.map(({ step, step_state: state }) => [step, state])).toEqual([
    ['CreateUser', 'passed'],
    ['CreateGroup', 'failed'],
    ['AddUserToGroup', 'blocked'],
    ['DeleteUser', 'blocked'],
  ]);
  expect(rows[0]).toEqual({
    run_started_at: '2026-11-22T10:00:00.000Z',
    run_state: 'failed',
    mode: 'live',
    instance: 'us-east-1',
    namespace: 'prod',
    region: 'us-east-1',
    account: '123456789012',
    interval_secs: '120',
    front_end: 'vitest',
    version: '0.1.0',
    step: 'CreateUser',
    step_state: 'passed',
    step_started_at: '2026-11-22T10:00:00.000Z',
    duration_ms: '84.25',
    attempts: '1',
    retry_delay_ms: '0',
    propagation_ms: '',
    connect_ms: '',
    last_attempt_ms: '',
    http_status: '200',
    request_id: '6b7f9f3e-0000-4000-8000-000000000001',
    verdict: '',
    side: '',
    code: '',
    message: '',
    reason: '',
    resolution: '',
  });
  expect(rows[1]).toMatchObject({
    duration_ms: '312.5',
    attempts: '3',
    http_status: '500',
    verdict: 'service',
    side: 'theirs',
    code: 'ServiceFailure',
    message: 'CreateGroup failed: ServiceFailure (HTTP 500): The request processing has failed.',
  });
  expect(rows[2]).toMatchObject({ step_started_at: '', duration_ms: '', reason: 'CreateGroup failed' });
});

test.for([
  ['a comma', 'a, b', 'a, b'],
  ['quotes', 'the "user"', 'the "user"'],
  ['lines, which become one', 'first\r\nsecond\nthird', 'first second third'],
  [
    'a formula, which no spreadsheet may run',
    '=HYPERLINK("http://evil.example")',
    '\'=HYPERLINK("http://evil.example")',
  ],
  ['a formula after spaces', '  @SUM(1+1)', "'@SUM(1+1)"],
  ['a formula that begins with a sign', '-2+3', "'-2+3"],
  ['a full-width sign, which some spreadsheets take too', '＝1+1', "'＝1+1"],
] as const)('takes a text with %s', ([, text, shown]) => {
  const [row] = parse(csvHeader + render(monitorRun({ steps: [interruptedStep({ reason: text })] })));
  expect(row).toMatchObject({ reason: shown });
});

test('takes hostile text, and shortens what is too long', () => {
  const csv = render(
    monitorRun({
      instance: hostileText,
      steps: [passedStep(), failedStep({ error: stepError({ message: `${hostileText}${'x'.repeat(5000)}` }) })],
    }),
  );
  expect(parse(csvHeader + csv)).toHaveLength(2);
  expect(csv).not.toMatch(/(?![\r\n])[\p{Cc}\p{Bidi_Control}]/u);
  expect(csv.length).toBeLessThan(2500);
});
