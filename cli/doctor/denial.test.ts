import { expect, test } from 'vitest';
import { readDenial } from './denial.ts';

const start =
  'User: arn:aws:iam::123456789012:user/m is not authorized to perform: iam:DeleteUser on resource: user testuser-dev';

// AWS's own wordings: https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
test.for([
  ['because no identity-based policy allows the iam:DeleteUser action', false, 'identity-based policy'],
  ['because no permissions boundary allows the iam:DeleteUser action', false, 'permissions boundary'],
  ['because no session policy allows the iam:DeleteUser action', false, 'session policy'],
  ['because no service control policy allows the iam:DeleteUser action', false, 'service control policy'],
  ['because no VPC endpoint policy allows the iam:DeleteUser action', false, 'VPC endpoint policy'],
  ['with an explicit deny in an identity-based policy', true, 'identity-based policy'],
  ['with an explicit deny in a service control policy', true, 'service control policy'],
  ['with an explicit deny in a resource control policy', true, 'resource control policy'],
  ['with an explicit deny in a permissions boundary', true, 'permissions boundary'],
  [
    'with an explicit deny in a service control policy: arn:aws:organizations::1:policy/o-1/service_control_policy/p-1',
    true,
    'service control policy',
  ],
] as const)('reads "%s"', ([context, isExplicit, by]) => {
  expect(readDenial(`${start} ${context}`)).toEqual({ isExplicit, by });
});

test('reads a denial that does not name a policy', () => {
  expect(readDenial(start)).toEqual({ isExplicit: false });
  expect(readDenial(`${start} with an explicit deny`)).toEqual({ isExplicit: true });
  expect(readDenial('')).toEqual({ isExplicit: false });
});
