import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { stepError } from '../runner/testing/builders.ts';
import { verdicts, type Verdict } from '../runner/step-result.ts';
import { describeStepError, toMetadata, toWireText } from './result-text.ts';

const hostileText = fc.string({ unit: fc.constantFrom('\0', '\uD800', '\uDC00', '=', ' ', '\n', 'a', '😀') });
const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.tuple(hostileText, fc.nat(500)).map(([text, times]) => text.repeat(times)),
);

describe('describeStepError', () => {
  test('says the verdict, why, and in the last line what to do', () => {
    const error = stepError({ verdict: 'permission', message: 'CreateUser failed: AccessDenied', advice: 'Allow it.' });
    expect(describeStepError(error)).toBe('permission: CreateUser failed: AccessDenied\nWhat to do: Allow it.');
  });

  test('keeps the lines of a message and drops the empty ones at its end', () => {
    const error = stepError({ message: 'two problems:\n- one\n\n- two \n\n', advice: 'Solve them.' });
    expect(describeStepError(error)).toBe('service: two problems:\n- one\n\n- two\nWhat to do: Solve them.');
  });

  test('shows neither the code nor the stack', () => {
    const text = describeStepError(stepError({ code: 'NoSuchCode', stack: 'at secret.ts:1:1' }));
    expect(text).not.toMatch(/NoSuchCode|secret\.ts/);
  });

  test.each([
    [1991, 'x'.repeat(1991)],
    [1992, `${'x'.repeat(1990)}…`],
    [100_000, `${'x'.repeat(1990)}…`],
  ])('cuts a message of %i characters at 2000, its verdict included', (length, message) => {
    const error = stepError({ message: 'x'.repeat(length), advice: 'Look.' });
    expect(describeStepError(error)).toBe(`service: ${message}\nWhat to do: Look.`);
  });

  test.each([
    [1000, 'x'.repeat(1000)],
    [1001, `${'x'.repeat(999)}…`],
  ])('cuts advice of %i characters at 1000', (length, advice) => {
    const error = stepError({ message: 'no', advice: 'x'.repeat(length) });
    expect(describeStepError(error)).toBe(`service: no\nWhat to do: ${advice}`);
  });

  test('cuts before an emoji, not through it', () => {
    const error = stepError({ message: `${'x'.repeat(1989)}😀😀`, advice: `${'x'.repeat(998)}😀😀` });
    expect(describeStepError(error)).toBe(`service: ${'x'.repeat(1989)}…\nWhat to do: ${'x'.repeat(998)}…`);
  });

  test('is text that Metrist can store and that begins with the verdict, whatever the error says', () => {
    const anyVerdict = fc.constantFrom(...(Object.keys(verdicts) as Verdict[]));
    fc.assert(
      fc.property(anyVerdict, anyText, anyText, (verdict, message, advice) => {
        const text = describeStepError(stepError({ verdict, message, advice }));
        expect(text.isWellFormed()).toBe(true);
        expect(text).not.toContain('\0');
        expect(text.length).toBeLessThanOrEqual(3100);
        expect(text.split(/\s/, 1)).toEqual([`${verdict}:`]);
        expect(text).toContain('\nWhat to do: ');
      }),
    );
  });
});

describe('toMetadata', () => {
  test('is the evidence', () => {
    const evidence = { requestId: 'r-1', httpStatus: 200, attempts: 2, retryDelayMs: 120.5 };
    expect(toMetadata(evidence)).toEqual(evidence);
    expect(toMetadata({})).toEqual({});
  });

  test('leaves out the attempts, because Metrist takes only flat metadata', () => {
    expect(toMetadata({ attempts: 2, tries: [{ offsetMs: 0, durationMs: 1 }] })).toEqual({ attempts: 2 });
  });

  test('puts other metadata before the evidence', () => {
    const metadata = toMetadata({ attempts: 3 }, { verdict: 'service', code: 'Throttling' });
    expect(Object.entries(metadata)).toEqual([
      ['verdict', 'service'],
      ['code', 'Throttling'],
      ['attempts', 3],
    ]);
  });

  test.each([Number.NaN, Infinity, -Infinity, undefined, null, true, {}, []])('leaves out %j', (value) => {
    expect(toMetadata({ requestId: 'r-1', attempts: value as number })).toEqual({ requestId: 'r-1' });
  });

  test.each([
    ['NUL', 'a\0b', 'a\uFFFDb'],
    ['a lone surrogate', 'a\uD800b', 'a\uFFFDb'],
    ['1000 characters', 'x'.repeat(1000), 'x'.repeat(1000)],
    ['1001 characters', 'x'.repeat(1001), `${'x'.repeat(999)}…`],
    ['an emoji at the cut', `${'x'.repeat(998)}😀😀`, `${'x'.repeat(998)}…`],
    ['nothing', '', ''],
  ])('makes a text with %s fit', (_, text, expected) => {
    expect(toMetadata({ resolution: text }, { code: text })).toEqual({ resolution: expected, code: expected });
  });
});

describe('toWireText', () => {
  test.each([
    ['', ''],
    ['é😀\n\t', 'é😀\n\t'],
    ['\0a\0', '\uFFFDa\uFFFD'],
    ['\uDE00\uD83D', '\uFFFD\uFFFD'],
  ])('turns %j into %j', (text, expected) => {
    expect(toWireText(text)).toBe(expected);
  });
});
