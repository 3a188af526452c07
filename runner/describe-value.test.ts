import { expect, test } from 'vitest';
import { describeValue } from './describe-value.ts';

test.for(['us-esat-1', '9000', 'my namespace', '', 'fifteen letters', '"quoted"\n'])('shows %j', (value) => {
  expect(describeValue(value)).toBe(JSON.stringify(value));
});

test.for([
  ['an AWS key id', 'AKIAE2ETESTKEYID7Q4X'],
  ['the shortest key id', 'AKIAAAAAAAAAAAAA'],
  ['an AWS secret key', 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY'],
  ['a UUID', '3fa85f64-5717-4562-b3fc-2c963f66afa6'],
  ['a short user and password', 'bob:PW@proxy'],
] as const)('does not show %s, but how long it is', ([, value]) => {
  expect(describeValue(value)).toBe(`a text of ${value.length} characters (not shown: it may hold a secret)`);
});
