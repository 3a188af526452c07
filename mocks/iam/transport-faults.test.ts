import { describe, expect, test } from 'vitest';
import type { TransportFaultName } from './faults.ts';
import { type Delivery, spoil } from './transport-faults.ts';

const answer = { status: 200, headers: { 'content-type': 'text/xml' }, body: '<A><B>12</B></A>' };

/** Runs a request into a fault: was it carried out, and what came back? */
function meet(fault: TransportFaultName): { readonly carriedOut: boolean; readonly delivery: Delivery } {
  let carriedOut = false;
  const delivery = spoil(fault, () => {
    carriedOut = true;
    return answer;
  });
  return { carriedOut, delivery };
}

describe('a fault of the transport', () => {
  test.each([
    ['reset-before', false, { kind: 'reset' }],
    ['reset-after', true, { kind: 'reset' }],
    ['hang', false, { kind: 'hang' }],
    ['hang-after', true, { kind: 'hang' }],
    ['empty', false, { kind: 'answer', answer: { status: 200, body: '' } }],
    ['truncated', true, { kind: 'answer', answer: { ...answer, body: '<A><B>12' } }],
    ['html', false, { kind: 'answer', answer: { status: 200, body: expect.stringContaining('<br>') as string } }],
    ['xhtml', false, { kind: 'answer', answer: { status: 200, body: expect.not.stringContaining('<br>') as string } }],
    ['html-500', false, { kind: 'answer', answer: { status: 500 } }],
    ['html-502', false, { kind: 'answer', answer: { status: 502 } }],
  ] as const)('%s: carried out: %s', (fault, carriedOut, delivery) => {
    expect(meet(fault)).toMatchObject({ carriedOut, delivery });
  });
});
