import { expect, test } from 'vitest';
import { seedGroup, seedUser } from '../../../mocks/iam/seeding.ts';
import { runName, seedStaleGroups, seedStaleUsers } from '../../../suites/awsiam/testing/stale.ts';
import { groupPath } from '../../../suites/awsiam/names.ts';
import { examine, startAccount } from '../testing/examine.ts';

const only = ['--only', 'quotas'];

async function checkQuotas(
  groups: number,
  { faults = '', limit = 10 }: { readonly faults?: string; readonly limit?: number } = {},
) {
  const { state, values } = await startAccount({ faults, limits: { groups: limit } });
  for (let index = 0; index < groups; index++) seedGroup(state, { name: `others-${index}` });
  seedUser(state, { name: 'other' });
  return await examine(values, only);
}

test('compares the account with its quotas', async () => {
  const { code, lines } = await checkQuotas(8);
  expect(code).toBe(0);
  expect(lines).toEqual([
    '✓ 8 of 10 groups of the account are in use',
    '✓ 1 of 5000 users of the account are in use',
    '✓ no leftovers of killed runs among the test users and groups of the namespace dev',
  ]);
});

test('warns of a quota that is nearly used up', async () => {
  const { code, found } = await checkQuotas(9);
  expect(code).toBe(0);
  expect(found.quotas?.[0]).toEqual({
    state: 'warning',
    what: '9 of 10 groups of the account are in use',
    fix: 'Remove leftovers (awsiam cleanup --dry-run shows them), or have the quota raised, before steps fail with LimitExceeded.',
  });
});

test('a quota that is used up is a failure', async () => {
  const { code, found } = await checkQuotas(10);
  expect(code).toBe(1);
  expect(found.quotas?.[0]).toMatchObject({
    state: 'failure',
    fix: expect.stringMatching(/^CreateGroup fails with LimitExceeded\./) as unknown,
  });
});

test('counts for itself if IAM does not tell it the quotas, and compares with the default', async () => {
  const { code, lines } = await checkQuotas(299, { faults: 'GetAccountSummary=AccessDenied', limit: 500 });
  expect(code).toBe(0);
  const assumed = "if the account has AWS's default quota (iam:GetAccountSummary would tell)";
  expect(lines.slice(0, 2)).toEqual([
    `! 299 of 300 groups of the account are in use, ${assumed}`,
    `✓ 1 of 5000 users of the account are in use, ${assumed}`,
  ]);
});

test('says so if it may not even count', async () => {
  const { lines } = await checkQuotas(1, { faults: 'GetAccountSummary=AccessDenied,ListGroups=AccessDenied' });
  expect(lines).toEqual([
    '- the quotas: not checked, because iam:ListGroups or iam:ListUsers is not allowed',
    '- leftovers among the groups: not checked, because iam:ListGroups is not allowed',
  ]);
});

test('finds what killed runs left, and leaves it alone', async () => {
  const { state, values, operations } = await startAccount();
  seedStaleGroups(state, 'dev', 2);
  seedStaleUsers(state, 'dev', 1);
  seedStaleUsers(state, 'other', 1);
  seedGroup(state, { name: runName('testgroup', 'dev', 9), path: groupPath });
  const { found } = await examine(values, only);
  expect(found.quotas?.at(-1)).toEqual({
    state: 'warning',
    what: '3 leftovers older than 2 h among the test users and groups of the namespace dev; 1 younger ones may belong to runs in progress',
    fix: 'Remove them: awsiam cleanup (with --dry-run it only lists them).',
  });
  expect(new Set(operations())).toEqual(new Set(['GetAccountSummary', 'ListGroups', 'ListUsers']));
});

test('warns of many young test entities, as a run does', async () => {
  const { state, values } = await startAccount();
  seedGroup(state, { name: runName('testgroup', 'dev', 1), path: groupPath });
  seedGroup(state, { name: runName('testgroup', 'dev', 2), path: groupPath });
  const { lines } = await examine({ ...values, METRIST_MAX_TEST_ENTITIES: '1' }, only);
  expect(lines.at(-1)).toBe('! 2 test users and groups of the namespace dev, all younger than 2 h');
});
