import { describe, expect, onTestFinished, test } from 'vitest';
import { createFaultPlan } from '../../../mocks/iam/fault-plan.ts';
import { startIamServer } from '../../../mocks/iam/server.ts';
import { createIamState } from '../../../mocks/iam/state.ts';
import type { Values } from '../../../runner/monitor.ts';
import { makeAwsHome } from '../../../suites/awsiam/testing/aws-home.ts';
import { startHttpServer } from '../../../suites/awsiam/testing/http-server.ts';
import { examine, goodSettings } from '../testing/examine.ts';

const { METRIST_AWS_ACCESS_KEY_ID: keyId, METRIST_AWS_SECRET_ACCESS_KEY: secret, ...withoutKeys } = goodSettings;

interface SetUp {
  /** The AWS config file. */
  readonly config?: string;
  /** Variables of AWS. */
  readonly aws?: Readonly<Record<string, string>>;
  readonly values?: Values;
  readonly faults?: string;
  /** The ARN that STS gives. @default the mock's */
  readonly arn?: string;
}

/** Examines the credentials of a place of its own. */
async function checkCredentials({ config = '', aws = {}, values = goodSettings, faults = '', arn }: SetUp) {
  const iam = await startIamServer({ state: createIamState({}), faults: createFaultPlan(faults) });
  onTestFinished(() => iam.close());
  const sts = arn === undefined ? iam : await startSts(arn);
  const home = await makeAwsHome(config, { AWS_ENDPOINT_URL: sts.url, ...aws });
  const all = { AWS_ENDPOINT_URL: sts.url, AWS_ENDPOINT_URL_IAM: iam.url, ...aws, ...values };
  return { home, ...(await examine(all, ['--only', 'credentials'])), calls: iam.calls };
}

async function startSts(arn: string) {
  return await startHttpServer((_, response) => {
    response.end(
      `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Arn>${arn}</Arn>` +
        '</GetCallerIdentityResult><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></GetCallerIdentityResponse>',
    );
  });
}

const profileKeys = `aws_access_key_id = ${keyId}\naws_secret_access_key = ${secret}\n`;
const processOf = (fields: string): string =>
  `credential_process = echo '{"Version": 1, "AccessKeyId": "${keyId}", "SecretAccessKey": "${secret}"${fields}}'\n`;

describe('the credentials', () => {
  test.for<[kind: string, setUp: SetUp, line: string]>([
    ['our own variables', {}, '✓ the keys come from METRIST_AWS_ACCESS_KEY_ID and METRIST_AWS_SECRET_ACCESS_KEY'],
    [
      "AWS's variables",
      { aws: { AWS_ACCESS_KEY_ID: keyId, AWS_SECRET_ACCESS_KEY: secret }, values: withoutKeys },
      '✓ the credentials come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY',
    ],
    [
      'the keys of a profile',
      { config: `[profile dev]\n${profileKeys}`, aws: { AWS_PROFILE: 'dev' }, values: withoutKeys },
      '✓ the credentials come from the keys of a profile (profile dev)',
    ],
    [
      'the default profile',
      { config: `[default]\n${profileKeys}`, values: withoutKeys },
      '✓ the credentials come from the keys of a profile (profile default)',
    ],
    [
      'a credential_process',
      { config: `[default]\n${processOf('')}`, values: withoutKeys },
      '✓ the credentials come from the credential_process of a profile (profile default)',
    ],
    [
      "the container's endpoint",
      { values: withoutKeys, aws: { AWS_CONTAINER_CREDENTIALS_FULL_URI: '' } },
      "✓ the credentials come from the container's role",
    ],
  ])('are named by their source: %s', async ([, setUp, line]) => {
    const { aws } = setUp;
    const isContainer = aws !== undefined && 'AWS_CONTAINER_CREDENTIALS_FULL_URI' in aws;
    const { url } = await startHttpServer((_, response) => {
      const Expiration = new Date(Date.now() + 3_600_000).toISOString();
      response.end(
        JSON.stringify({ AccessKeyId: keyId, SecretAccessKey: secret, Token: 'a session token', Expiration }),
      );
    });
    const { code, lines } = await checkCredentials(
      isContainer ? { ...setUp, aws: { AWS_CONTAINER_CREDENTIALS_FULL_URI: url } } : setUp,
    );
    expect(lines).toContain(line);
    expect(lines).toContain(
      '✓ the credentials belong to arn:aws:iam::123456789012:user/awsiam-monitor in the account 123456789012',
    );
    expect(code).toBe(0);
  });

  test.for<[what: string, setUp: SetUp, line: RegExp]>([
    ['that do not expire', {}, /^✓ the credentials do not expire$/],
    [
      'that the SDK renews',
      {
        config: `[default]\n${processOf(', "SessionToken": "a token", "Expiration": "2999-01-01T00:00:00Z"')}`,
        values: withoutKeys,
      },
      /^✓ the credentials expire at 2999-01-01 00:00 UTC \(in \d+ days\); the AWS SDK renews them$/,
    ],
    [
      'that nobody renews',
      {
        values: {
          ...goodSettings,
          METRIST_AWS_ACCESS_KEY_ID: 'ASIAIOSFODNN7EXAMPLE',
          METRIST_AWS_SESSION_TOKEN: 'a session token',
        },
      },
      /^! the credentials are temporary, and nobody renews them: the token in METRIST_AWS_SESSION_TOKEN/,
    ],
  ])('say until when they are valid: keys %s', async ([, setUp, line]) => {
    const { code, lines } = await checkCredentials(setUp);
    expect(lines).toContainEqual(expect.stringMatching(line));
    expect(code).toBe(0);
  });

  test('of the root user are a warning', async () => {
    const { lines, code } = await checkCredentials({ arn: 'arn:aws:iam::123456789012:root' });
    expect(lines).toContain('! the credentials belong to the root user of the account 123456789012');
    expect(code).toBe(0);
  });

  test.for([
    ['arn:aws-cn:iam::123456789012:user/monitor', 'aws-cn', 'us-east-1', 'aws'],
    ['arn:aws:sts::123456789012:assumed-role/monitor/i-0abc', 'aws', 'cn-north-1', 'aws-cn'],
  ] as const)('of %s fail if the region is of another partition', async ([arn, ofKeys, region, ofRegion]) => {
    const { lines, code } = await checkCredentials({ arn, values: { ...goodSettings, METRIST_AWS_REGION: region } });
    expect(lines).toContain(
      `✗ the credentials are of the partition ${ofKeys}, but the region ${region} is in ${ofRegion}`,
    );
    expect(code).toBe(1);
  });

  test('are not asked about if they are refused: every other group names the reason', async () => {
    const values = { ...goodSettings };
    const iam = await startIamServer({ faults: createFaultPlan('GetCallerIdentity=InvalidClientTokenId') });
    onTestFinished(() => iam.close());
    await makeAwsHome('', { AWS_ENDPOINT_URL: iam.url });
    const { lines } = await examine({ ...values, AWS_ENDPOINT_URL: iam.url }, [
      '--only',
      'permissions',
      '--only',
      'quotas',
    ]);
    expect(lines).toEqual([
      expect.stringMatching(/^✗ InvalidClientTokenId \(HTTP 403\) at GetCallerIdentity/),
      '- the permissions: not checked, because AWS refuses the credentials (InvalidClientTokenId)',
      expect.stringMatching(/^- .*: not checked, because AWS refuses the credentials \(InvalidClientTokenId\)$/),
    ]);
    expect(iam.calls.map(({ operation }) => operation)).toEqual(['none', 'GetCallerIdentity']);
  });

  test.for([
    ['AccessDenied', /^✓ the credentials belong to arn:aws:iam::123456789012:user/],
    ['ServiceFailure', /^! ServiceFailure \(HTTP 500\) at GetCallerIdentity/],
  ] as const)('are looked up at IAM if STS fails, which no run needs: IAM says %s', async ([ofIam, line]) => {
    const { lines, code } = await checkCredentials({ faults: `GetCallerIdentity=ServiceFailure,GetUser=${ofIam}` });
    expect(lines).toContainEqual(expect.stringMatching(line));
    expect(code).toBe(0);
  });

  describe('without STS', () => {
    const ownSts = { AWS_ENDPOINT_URL: '' };
    const setUp = { aws: ownSts, values: { ...goodSettings, ...ownSts } };

    test("are of the user that IAM's refusal names", async () => {
      const { lines } = await checkCredentials({ ...setUp, faults: 'GetUser=AccessDenied' });
      expect(lines).toContainEqual(
        expect.stringMatching(/^✓ the credentials belong to arn:aws:iam::123456789012:user\/\S+ in the account/),
      );
    });

    test('are refused if IAM refuses them', async () => {
      const { lines, code } = await checkCredentials({ ...setUp, faults: 'GetUser=SignatureDoesNotMatch' });
      expect(lines).toContainEqual(expect.stringMatching(/^✗ SignatureDoesNotMatch \(HTTP 403\) at GetUser/));
      expect(code).toBe(1);
    });

    test('are of an unknown owner if IAM does not say', async () => {
      const { lines, code, calls } = await checkCredentials(setUp);
      expect(lines).toContain(
        '- the owner of the credentials: not checked, because STS was not asked, and IAM does not say (NoSuchEntity)',
      );
      expect(code).toBe(0);
      expect(calls.map(({ operation }) => operation)).toEqual(['none', 'GetUser']);
    });
  });

  test.for<[values: Values, line: RegExp]>([
    [{}, /^✓ the keys come from METRIST_AWS_ACCESS_KEY_ID and METRIST_AWS_SECRET_ACCESS_KEY$/],
    [{ METRIST_AWS_ACCESS_KEY_ID: secret, METRIST_AWS_SECRET_ACCESS_KEY: keyId }, /^✗ the keys are swapped/],
    [{ METRIST_AWS_ACCESS_KEY_ID: 'ASIAIOSFODNN7EXAMPLE' }, /^✗ METRIST_AWS_ACCESS_KEY_ID is a temporary key/],
  ])('are looked at even with --offline', async ([values, line]) => {
    const { lines } = await examine({ ...goodSettings, ...values }, ['--only', 'credentials', '--offline']);
    expect(lines).toContainEqual(expect.stringMatching(line));
    expect(lines).toContain('- what AWS says of the credentials: not checked, because --offline was given');
  });
});
