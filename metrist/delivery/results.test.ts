import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  blockedStep,
  failedStep,
  interruptedStep,
  monitorRun,
  passedStep,
  stepError,
} from '../../runner/testing/builders.ts';
import { type ErrorBody, isStorable, toMetristResults, type MetristResult } from './results.ts';
import { receiveError, receiveTelemetry } from '../testing/results-backend.ts';
import { errorBody, telemetryBody } from '../testing/builders.ts';

function errorOf(step: ReturnType<typeof failedStep>, ...later: ReturnType<typeof blockedStep>[]): ErrorBody {
  const [result] = toMetristResults(monitorRun({ state: 'failed', steps: [step, ...later] }), 'us-east-1');
  if (result?.kind !== 'error') throw new Error('expected an error');
  return result.body;
}

describe('toMetristResults', () => {
  test('is telemetry for a passed step', () => {
    const evidence = { requestId: 'r-1', httpStatus: 200, attempts: 2, retryDelayMs: 120.5 };
    const steps = [passedStep({ durationMs: 412.7, evidence })];
    expect(toMetristResults(monitorRun({ steps }), 'ci-us-east-1')).toEqual([
      {
        kind: 'telemetry',
        body: {
          monitor_logical_name: 'awsiam',
          instance_name: 'ci-us-east-1',
          check_logical_name: 'CreateUser',
          value: 412.7,
          metadata: { ...evidence, 'metrist.source': 'monitor' },
        },
      },
    ]);
  });

  test('is an error for the failed step, with the steps that it blocked', () => {
    const run = monitorRun({
      state: 'failed',
      steps: [passedStep(), failedStep(), blockedStep(), blockedStep({ name: 'DeleteUser' })],
    });
    expect(toMetristResults(run, 'us-east-1')[1]).toEqual({
      kind: 'error',
      body: {
        monitor_logical_name: 'awsiam',
        instance_name: 'us-east-1',
        check_logical_name: 'CreateGroup',
        message:
          'service: CreateGroup failed: ServiceFailure (HTTP 500): The request processing has failed.\n' +
          'What to do: AWS answered with an error of its own. Check the AWS Health Dashboard.',
        time: '2026-11-22T10:00:01.312000',
        metadata: { ...failedStep().evidence, verdict: 'service', code: 'ServiceFailure', 'metrist.source': 'monitor' },
        blocked_steps: ['AddUserToGroup', 'DeleteUser'],
      },
    });
  });

  test('is empty for blocked and interrupted steps, and for a run without steps', () => {
    const run = monitorRun({ state: 'interrupted', steps: [interruptedStep(), blockedStep()] });
    expect(toMetristResults(run, 'us-east-1')).toEqual([]);
    expect(toMetristResults(monitorRun({ steps: [] }), 'us-east-1')).toEqual([]);
  });

  test('has empty blocked_steps when the last step failed', () => {
    expect(errorOf(failedStep()).blocked_steps).toEqual([]);
  });

  test('starts every message with a word without =', () => {
    for (const verdict of ['service', 'permission', 'monitor'] as const) {
      const { message } = errorOf(failedStep({ error: stepError({ verdict, message: 'a=b c' }) }));
      expect(message.split(' ', 1)[0]).toBe(`${verdict}:`);
    }
  });

  test('keeps every line of a message, up to its limit, and what to do', () => {
    const problems = '2 problems with the settings:\n- METRIST_AWS_REGION is not set\n- METRIST_NAMESPACE is not set';
    const error = stepError({ verdict: 'configuration', message: problems, advice: 'Set them.' });
    expect(errorOf(failedStep({ error })).message).toBe(`configuration: ${problems}\nWhat to do: Set them.`);

    const endless = stepError({ message: 'x'.repeat(5000), advice: 'Look.' });
    expect(errorOf(failedStep({ error: endless })).message).toMatch(/^service: x{1900,2000}…\nWhat to do: Look\.$/);
  });

  test('keeps metadata flat and finite', () => {
    const evidence = { attempts: Number.NaN, connectMs: 1, requestId: undefined };
    expect(errorOf(failedStep({ evidence })).metadata).toEqual({
      connectMs: 1,
      verdict: 'service',
      code: 'ServiceFailure',
      'metrist.source': 'monitor',
    });
  });

  test('is accepted by the client’s check and by the backend, whatever the texts and times', () => {
    const text = fc.string({
      unit: fc.oneof(fc.string({ unit: 'binary', minLength: 1 }), fc.constantFrom('\0', '\uD800', '=', '\n')),
    });
    const time = fc.date({ min: new Date('2020-01-01'), max: new Date('2100-01-01'), noInvalidDate: true });
    fc.assert(
      fc.property(text, time, fc.double({ min: 0, max: 900_000, noNaN: true }), (words, start, durationMs) => {
        const evidence = { requestId: words, attempts: 1 };
        const startedAt = start.toISOString();
        const error = stepError({ message: words, code: words, advice: words });
        const steps = [
          passedStep({ durationMs, evidence }),
          failedStep({ startedAt, durationMs, evidence, error }),
          blockedStep(),
        ];
        const [telemetry, failure] = toMetristResults(monitorRun({ steps }), 'us-east-1');
        if (telemetry?.kind !== 'telemetry' || failure?.kind !== 'error') throw new Error('expected two results');
        expect([telemetry, failure].every(isStorable)).toBe(true);
        expect(receiveTelemetry({ ...telemetry.body })).toMatchObject({ status: 202, stored: {}, problems: [] });
        expect(receiveError({ ...failure.body })).toMatchObject({ status: 202, stored: {}, problems: [] });
      }),
    );
  }, 60_000);
});

const telemetry: MetristResult = { kind: 'telemetry', body: telemetryBody() };
const failure: MetristResult = { kind: 'error', body: errorBody() };

/** `result` with a value in one field that the type does not allow. */
function broken(result: MetristResult, field: string, value: unknown): MetristResult {
  const body: MetristResult['body'] = { ...result.body };
  return Object.assign({ ...result }, { body: Object.assign(body, { [field]: value }) });
}

describe('isStorable', () => {
  test('takes the results of a run', () => {
    expect([telemetry, failure].every(isStorable)).toBe(true);
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
    expect(isStorable(broken(result, field, value))).toBe(false);
  });

  test.for([true, null, [1], { a: 1 }, Number.NaN, 'a\0'])('refuses %o in metadata', (value) => {
    expect(isStorable(broken(telemetry, 'metadata', { key: value }))).toBe(false);
  });
});
