import { describe, expect, test } from 'vitest';
import { describeUnresolved, isUnresolved, parseDecimal, parseSwitch, describeValue } from './setting-text.ts';

describe('parseSwitch', () => {
  test.for(['1', 'true', 'yes', 'on', 'TRUE', 'On'])('takes %s for on', (text) => {
    expect(parseSwitch(text)).toBe(true);
  });

  test.for(['0', 'false', 'no', 'off', 'No', 'OFF'])('takes %s for off', (text) => {
    expect(parseSwitch(text)).toBe(false);
  });

  test.for(['', ' ', '2', '-1', '00', 'disabled', 'enabled', 'y', 'n', 'none', 'null', 'offf', 'on off', 'toString'])(
    'does not guess what %j means',
    (text) => {
      expect(parseSwitch(text)).toBeUndefined();
    },
  );
});

describe('parseDecimal', () => {
  test.for([
    ['0', 0],
    ['30', 30],
    ['030', 30],
    ['2.5', 2.5],
  ] as const)('reads %s', ([text, value]) => {
    expect(parseDecimal(text)).toBe(value);
  });

  test.for(['', ' ', ' 30 ', '30s', '1e3', '0x10', '0b1', 'Infinity', 'NaN', '+5', '-5', '.5', '5.', '1,5', '1_000'])(
    'does not guess what %j means',
    (text) => {
      expect(parseDecimal(text)).toBeNaN();
    },
  );
});

describe('an unresolved value', () => {
  test.for(['<<ERROR: secret x not found>>', ' <<ERROR', '@secret@:/prod/keys#id', '@env@:${REGION}'])(
    'is recognised: %s',
    (text) => {
      expect(isUnresolved(text)).toBe(true);
    },
  );

  test.for(['', 'prod', '@', 'env@:x', 'x <<ERROR', 'a@secret@:b'])('is not %j', (text) => {
    expect(isUnresolved(text)).toBe(false);
  });

  test('is shown with the Orchestrator’s error', () => {
    expect(describeUnresolved('A', '<<ERROR: secret x not found>>')).toBe(
      'A could not be resolved by the Orchestrator, which put this in its place: <<ERROR: secret x not found>>',
    );
    expect(describeUnresolved('A', `<<ERROR${'x'.repeat(100_000)}`).length).toBeLessThan(400);
  });

  test('is not shown if it is a reference', () => {
    const problem = describeUnresolved('A', '@env@:${X}hunter2');
    expect(problem).toMatch(/^A begins with @env@:, .* set the value itself$/);
    expect(problem).not.toContain('hunter2');
  });
});

test.for(['us-esat-1', '9000', 'my namespace', '', 'fifteen letters', '"quoted"\n'])('shows %j', (value) => {
  expect(describeValue(value)).toBe(JSON.stringify(value));
});

test.for([
  ['an AWS key id', 'AKIAE2ETESTKEYID7Q4X'],
  ['the shortest key id', 'AKIAAAAAAAAAAAAA'],
  ['an AWS secret key', 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY'],
  ['a UUID', '3fa85f64-5717-4562-b3fc-2c963f66afa6'],
  ['a short user and password', 'bob:PW@proxy'],
] as const)('shows only the length of %s', ([, value]) => {
  expect(describeValue(value)).toBe(`a text of ${value.length} characters (not shown: it may hold a secret)`);
});
