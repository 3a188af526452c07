import { describe, expect, test } from 'vitest';
import { failure, ok, skipped, warning } from './finding.ts';
import { examinationJson, renderFinding, renderSummary, renderTitle, type Examination } from './render.ts';

const plain = { color: false, columns: 60 };

describe('a finding', () => {
  test.for([
    [ok('all is well'), '  ✓ all is well\n'],
    [warning('this is odd'), '  ! this is odd\n'],
    [warning('this is odd', 'Look.'), '  ! this is odd\n      Look.\n'],
    [failure('this is wrong', 'Correct it.'), '  ✗ this is wrong\n      Correct it.\n'],
    [skipped('the rest', 'it was interrupted'), '  - the rest: not checked, because it was interrupted\n'],
  ] as const)('has a mark, and its fix below', ([finding, text]) => {
    expect(renderFinding(finding, plain)).toBe(text);
  });

  test.for([60, 80, 200])('fits into %d columns', (columns) => {
    const long = failure('word '.repeat(60).trim(), 'fix '.repeat(60).trim());
    const lines = renderFinding(long, { color: false, columns }).split('\n');
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(columns);
    expect(lines.slice(1, -1).every((line) => /^ {4}(?: {2})?\w/.test(line))).toBe(true);
  });

  test('shows a statement as JSON that can be copied, however narrow the terminal is', () => {
    const statement = {
      Effect: 'Allow',
      Action: ['iam:CreateUser'],
      Resource: `arn:aws:iam::123456789012:user/${'x'.repeat(60)}`,
    };
    const text = renderFinding(failure('iam:CreateUser is not allowed', 'Add this.', statement), plain);
    expect(JSON.parse(text.slice(text.indexOf('{')))).toEqual(statement);
  });

  test('has colours only on a terminal', () => {
    expect(renderFinding(failure('wrong', 'Correct it.'), { ...plain, color: true })).toContain(
      '\u001B[31m✗\u001B[39m',
    );
    expect(renderTitle({ name: 'host', title: 'this host' }, plain)).toBe('this host (host)\n');
  });
});

describe('an examination', () => {
  const examination: Examination = {
    build: 'awsiam 0.1.0 (from source)',
    startedAt: '2026-11-27T12:00:00.000Z',
    isOffline: false,
    groups: [
      { name: 'settings', title: 'settings', findings: [ok('fine'), ok('fine'), failure('wrong', 'Correct it.')] },
      { name: 'host', title: 'this host', findings: [warning('odd'), skipped('the clock', 'the answer has no date')] },
    ],
    leftOut: ['network'],
  };

  test('is summed up in numbers, with the groups to look at and those that were left out', () => {
    expect(renderSummary(examination, { ...plain, columns: 100 })).toBe(
      '2 ok, 1 warning (host), 1 failure (settings), 1 skipped; groups left out: network\n',
    );
  });

  test('is a document with a version, all findings and the numbers', () => {
    expect(examinationJson(examination)).toMatchObject({
      version: 1,
      startedAt: '2026-11-27T12:00:00.000Z',
      offline: false,
      summary: { ok: 2, warnings: 1, failures: 1, skipped: 1 },
      groups: [
        { name: 'settings', findings: [{ state: 'ok' }, { state: 'ok' }, { state: 'failure', fix: 'Correct it.' }] },
        { name: 'host', findings: [{ state: 'warning', what: 'odd' }, { state: 'skipped' }] },
      ],
      leftOut: ['network'],
    });
  });
});
