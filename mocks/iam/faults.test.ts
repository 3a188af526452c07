import { expect, test } from 'vitest';
import { transportFaults } from './faults.ts';

const answer = { status: 200, headers: { 'content-type': 'text/xml' }, body: '<A><B>12</B></A>' };

test.each([
  ['reset-before', false, 'reset'],
  ['reset-after', true, 'reset'],
  ['hang', false, 'hang'],
  ['hang-after', true, 'hang'],
  ['empty', false, { status: 200, headers: {}, body: '' }],
  ['truncated', true, { ...answer, body: '<A><B>12' }],
  ['html', false, expect.objectContaining({ status: 200, body: expect.stringContaining('<br>') as string })],
  ['xhtml', false, expect.objectContaining({ status: 200, body: expect.not.stringContaining('<br>') as string })],
  ['html-500', false, expect.objectContaining({ status: 500 })],
  ['html-502', false, expect.objectContaining({ status: 502 })],
] as const)('%s: the request is carried out: %s', (fault, expectedCarriedOut, expected) => {
  let isCarriedOut = false;
  const delivery = transportFaults[fault](() => {
    isCarriedOut = true;
    return answer;
  });
  expect(delivery).toEqual(expected);
  expect(isCarriedOut).toBe(expectedCarriedOut);
});
