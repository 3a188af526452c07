import { describe, expect, test } from 'vitest';
import type { MetristResult } from './results.ts';
import { errorBody, telemetryBody } from '../testing/builders.ts';
import { validateResult } from './validate-result.ts';

const telemetry: MetristResult = { kind: 'telemetry', body: telemetryBody() };
const failure: MetristResult = { kind: 'error', body: errorBody() };

/** `result` with one field as no type allows it. */
function broken(result: MetristResult, field: string, value: unknown): MetristResult {
  const body: MetristResult['body'] = { ...result.body };
  return Object.assign({ ...result }, { body: Object.assign(body, { [field]: value }) });
}

describe('validateResult', () => {
  test('finds nothing wrong with what is made from a run', () => {
    expect([telemetry, failure].flatMap(validateResult)).toEqual([]);
  });

  test.for([
    [telemetry, 'value', Number.NaN],
    [telemetry, 'value', Number.POSITIVE_INFINITY],
    [telemetry, 'value', '12'],
    [telemetry, 'value', undefined],
    [telemetry, 'monitor_logical_name', ''],
    [telemetry, 'instance_name', 'x'.repeat(256)],
    [telemetry, 'check_logical_name', null],
    [telemetry, 'check_logical_name', 'a\0b'],
    [failure, 'message', undefined],
    [failure, 'message', 'a\0b'],
    [failure, 'message', '\uD800'],
    [failure, 'time', '2026-11-22T10:00:01.312Z'],
    [failure, 'time', '2026-11-22T10:00:01'],
    [failure, 'time', '2026-13-22T10:00:01.312000'],
    [failure, 'time', '2026-11-22T10:00:60.312000'],
    [failure, 'blocked_steps', undefined],
    [failure, 'blocked_steps', [1]],
  ] as const)('refuses %o with %s = %o', ([result, field, value]) => {
    expect(validateResult(broken(result, field, value))).toEqual([expect.stringContaining(field)]);
  });

  test.for([true, null, [1], { a: 1 }, Number.NaN, 'a\0'])('refuses %o in metadata', (value) => {
    expect(validateResult(broken(telemetry, 'metadata', { key: value }))).toEqual([
      expect.stringContaining('metadata "key"'),
    ]);
  });
});
