import { describe, expect, test } from 'vitest';
import { stepError, failedStep, passedStep } from '../runner/testing/builders.ts';
import { hideAccount } from './hide-account.ts';
import { noonMs, runRecord } from './testing/builders.ts';

const account = '234567890123';
const testUser = 'testuser-prod-mf3k2x1c-9a8b7c';

/** What becomes of the message of a failed step. */
function hide(message: string, known: { readonly account?: string; readonly testUser?: string } = {}): string {
  const startedAt = new Date(noonMs).toISOString();
  const steps = [failedStep({ name: 'CreateUser', startedAt, error: stepError({ message }) })];
  const [step] = hideAccount(runRecord(noonMs, { kind: 'theirs', at: 0 }, { ...known, steps })).steps;
  return step?.state === 'failed' ? step.error.message : '';
}

describe('in texts', () => {
  test.for([
    [
      `User: arn:aws:iam::${account}:user/ops/bob is not authorized to perform: iam:CreateUser on resource: arn:aws:iam::${account}:user/AwsIamMonitorTestUsers/${testUser} because no identity-based policy allows the iam:CreateUser action`,
      'User: <ARN> is not authorized to perform: iam:CreateUser on resource: <ARN> because no identity-based policy allows the iam:CreateUser action',
    ],
    [
      `User: arn:aws:sts::${account}:assumed-role/Monitors/i-0123: ask the owner of Monitors, or i-0123.`,
      'User: <ARN>: ask the owner of <name>, or <name>.',
    ],
    [`"arn:aws-cn:iam::${account}:user/a,b+c=d@e.f-g".`, '"<ARN>".'],
    [`(arn:aws-us-gov:iam::${account}:policy/p/q), s3 arn:aws:s3:::bucket/key`, '(<ARN>), s3 <ARN>'],
    [`GET /?UserArn=arn%3Aaws%3Aiam%3A%3A${account}%3Auser%2Fbob&x=bob`, 'GET /?UserArn=<ARN>'],
    [`cut off: arn:aws:iam::${account}:user/AwsIamMonitorTestUsers/testuser-pr…`, 'cut off: <ARN>'],
    [
      'arn:aws:iam::aws:policy/job-function/ViewOnlyAccess stays',
      'arn:aws:iam::aws:policy/job-function/ViewOnlyAccess stays',
    ],
    [`${testUser}, TESTGROUP-prod-1-x. and testuser-dev-…`, '<name>, <name>. and <name>…'],
    ['testusers and a testuser stay', 'testusers and a testuser stay'],
    ['The user with name bob.smith cannot be found.', 'The user with name <name> cannot be found.'],
    [
      'EntityAlreadyExists: Group with name x@y already exists.',
      'EntityAlreadyExists: Group with name <name> already exists.',
    ],
    [`account ${account}, ${account}. (${account})`, 'account <account>, <account>. (<account>)'],
    [`id=${account}`, 'id=<account>'],
    ['AKIAIOSFODNN7EXAMPLE of AIDACKCEVSQ6C2EXAMPLE', '<id> of <id>'],
  ] as const)('case %#: leaves out what tells about the account', ([message, expected]) => {
    expect(hide(message)).toBe(expected);
  });

  test.for([
    'request 6b7f9f3e-0000-4000-8000-000000000002',
    '6b7f9f3e00004000800234567890123a',
    '12345678901, 1234567890123, 0.123456789012, 123456789012.5, 1.123456789012e5',
    'v123456789012, 123456789012ms',
    '2026-11-22T12:00:00.000Z, HTTP 500, 300 ms',
    'iam:CreateUser, warn: learn:more, AKIA, AROMATIC',
  ])('%s stays', (text) => {
    expect(hide(text)).toBe(text);
  });

  test('leaves out the account that is known anywhere, and the test user whatever it is called', () => {
    expect(hide(`x_${account}_y, deploy-${account}`, { account })).toBe('x_<account>_y, deploy-<account>');
    expect(hide(`1${account}`, { account })).toBe(`1${account}`);
    expect(hide('"odd.name", UserName%3Dodd.name, oddXname', { testUser: 'odd.name' })).toBe(
      '"<name>", UserName%3D<name>, oddXname',
    );
  });

  test('leaves our own name', () => {
    expect(hide(`arn:aws:iam::${account}:user/awsiam: run npx awsiam cleanup`)).toBe('<ARN>: run npx awsiam cleanup');
  });
});

test('searches every text of a run, and changes nothing that figures are computed from', () => {
  const text = `arn:aws:iam::${account}:user/bob, ${account}, ${testUser}`;
  const startedAt = new Date(noonMs).toISOString();
  const error = stepError({ message: text, advice: text, code: account, stack: `Error: ${text}\n    at x` });
  const tries = [{ offsetMs: 0, durationMs: 5, code: text }];
  const run = runRecord(
    noonMs,
    { kind: 'theirs', at: 1 },
    {
      account,
      testUser,
      instance: 'here',
      namespace: 'prod',
      region: 'us-east-1',
      endpoint: 'iam.amazonaws.com',
      steps: [
        passedStep({ name: 'CreateUser', startedAt, durationMs: 7, evidence: { resolution: text, tries } }),
        failedStep({ name: 'CreateGroup', startedAt, durationMs: 9, error, evidence: { requestId: text } }),
        { state: 'blocked', name: 'DeleteUser', reason: text },
      ],
      problems: [{ kind: 'unhandled', message: text, stack: text }],
      leftovers: [
        { entity: 'user eve (may exist)', reason: 'eve stays', command: `aws iam delete-user --user-name eve` },
      ],
      warnings: [text],
    },
  );
  const hidden = hideAccount(run);
  expect(JSON.stringify(hidden)).not.toMatch(new RegExp(`${account}|${testUser}|bob|eve\\b`));
  expect(hidden).not.toHaveProperty('account');
  expect(hidden).not.toHaveProperty('testUser');
  const shown = '<ARN>, <account>, <name>';
  expect(hidden).toMatchObject({
    instance: 'here',
    namespace: 'prod',
    region: 'us-east-1',
    endpoint: 'iam.amazonaws.com',
    startedAt,
    state: run.state,
    durationMs: run.durationMs,
    steps: [
      { name: 'CreateUser', durationMs: 7, evidence: { resolution: shown } },
      { name: 'CreateGroup', durationMs: 9, error: { verdict: error.verdict, code: '<account>', message: shown } },
      { name: 'DeleteUser', reason: shown },
    ],
    leftovers: [
      { entity: 'user <name> (may exist)', reason: '<name> stays', command: 'aws iam delete-user --user-name <name>' },
    ],
  });
});

test('a run that passed without a remark only loses its account and its test user', () => {
  const run = runRecord(noonMs, { kind: 'passed' }, { account, testUser });
  const { account: _account, testUser: _testUser, ...others } = run;
  expect(hideAccount(run)).toEqual(others);
});
