import { expect, test } from 'vitest';
import { seedPolicy } from '../../../mocks/iam/seeding.ts';
import { examine, goodSettings, startAccount } from '../testing/examine.ts';

const arn = 'arn:aws:iam::123456789012:policy/AwsIamMonitorTestPolicies/dev-us-east-1-awsiam-testpolicy';

async function checkPolicy({
  settings = {},
  exists = true,
  isAttachable = true,
  faults = '',
  account = '123456789012',
}: {
  readonly settings?: Readonly<Record<string, string>>;
  readonly exists?: boolean;
  readonly isAttachable?: boolean;
  readonly faults?: string;
  readonly account?: string;
} = {}) {
  const { state, values } = await startAccount({ faults, accountId: account, isStrict: !exists });
  if (exists) seedPolicy(state, arn.replace('123456789012', account), { isAttachable });
  const { found } = await examine({ ...values, ...settings }, ['--only', 'policy']);
  return found.policy ?? [];
}

test('finds the test policy of the account, the namespace and the region', async () => {
  expect(await checkPolicy()).toEqual([{ state: 'ok', what: `the test policy exists: ${arn}` }]);
});

test('names a missing test policy and the command that creates it', async () => {
  const [finding] = await checkPolicy({ exists: false, settings: { METRIST_NAMESPACE: 'prodd' } });
  const name = 'prodd-us-east-1-awsiam-testpolicy';
  expect(finding).toEqual({
    state: 'failure',
    what: `the test policy does not exist: arn:aws:iam::123456789012:policy/AwsIamMonitorTestPolicies/${name}`,
    fix: 'If METRIST_NAMESPACE and METRIST_AWS_REGION are right, create it:',
    command: `aws iam create-policy --path /AwsIamMonitorTestPolicies/ --policy-name ${name} --policy-document "$(npx awsiam policy --test-policy)"`,
  });
});

test('names a policy that cannot be attached', async () => {
  const [finding] = await checkPolicy({ isAttachable: false });
  expect(finding).toMatchObject({
    state: 'failure',
    what: `the test policy cannot be attached: IAM says so of ${arn}`,
  });
});

test('says what will show it and how to look if it may not look itself', async () => {
  const [finding] = await checkPolicy({ faults: 'GetPolicy=AccessDenied' });
  expect(finding).toEqual({
    state: 'skipped',
    what: 'whether the test policy exists: not checked, because iam:GetPolicy is not allowed on it',
    fix: 'The step AttachPolicy of the first run shows it, or somebody who may look it up:',
    command: `aws iam get-policy --policy-arn ${arn}`,
  });
});

test('shows an error of IAM as a run would', async () => {
  const [finding] = await checkPolicy({ faults: 'GetPolicy=ServiceFailure' });
  expect(finding).toMatchObject({
    state: 'failure',
    what: expect.stringContaining('ServiceFailure (HTTP 500)') as unknown,
  });
});

test.for([
  [
    'arn:aws-cn:iam::123456789012:policy/AwsIamMonitorTestPolicies/p',
    'failure',
    /^METRIST_POLICY_ARN names a policy of the partition aws-cn, but the region us-east-1 is in aws: /,
  ],
  [
    'arn:aws:iam::999999999999:policy/AwsIamMonitorTestPolicies/p',
    'failure',
    /^METRIST_POLICY_ARN names a policy of the account 999999999999, but the credentials belong to 123456789012: /,
  ],
  ['arn:aws:iam::aws:policy/ReadOnlyAccess', 'warning', /a policy of AWS, which gives the test users real permissions/],
  ['arn:aws:iam::123456789012:policy/own', 'warning', /outside of \/AwsIamMonitorTestPolicies\/: /],
] as const)('METRIST_POLICY_ARN %s is a %s', async ([chosen, state, what]) => {
  const findings = await checkPolicy({ settings: { METRIST_POLICY_ARN: chosen } });
  expect(findings[0]).toMatchObject({ state, what: expect.stringMatching(what) as unknown });
  // What can never work is not looked up.
  expect(findings).toHaveLength(state === 'failure' ? 1 : 2);
});

test('also looks for the permissions boundary', async () => {
  const boundary = 'arn:aws:iam::123456789012:policy/missing';
  const findings = await checkPolicy({ settings: { METRIST_PERMISSIONS_BOUNDARY_ARN: boundary } });
  expect(findings.map(({ state, what }) => `${state} ${what}`)).toEqual([
    `ok the test policy exists: ${arn}`,
    `failure the permissions boundary does not exist: ${boundary}`,
  ]);
});

test('cannot tell the ARN if nobody tells the account', async () => {
  const { values } = await startAccount({ faults: 'GetCallerIdentity=AccessDenied,GetUser=ServiceFailure' });
  const { lines } = await examine({ ...goodSettings, ...values }, ['--only', 'policy']);
  expect(lines).toEqual([
    '- the test policy: not checked, because the account is unknown, and the ARN of the policy depends on it',
  ]);
});
