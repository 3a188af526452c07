import { describe, expect, test } from 'vitest';
import type { Values } from '../../runner/monitor.ts';
import { runProgram } from '../program.ts';
import { testContext } from '../testing/context.ts';
import { cloudFormationTemplate } from './cloudformation.ts';
import { testPolicy } from './monitor-setup.ts';
import { monitorPolicy } from './policy-document.ts';
import { terraformModule } from './terraform.ts';

async function policy(args: string, values: Values = {}) {
  const context = testContext(values);
  const code = await runProgram(['policy', ...args.split(' ').filter((arg) => arg !== '')], context);
  return { code, ...context.written };
}

const denyAll = 'arn:aws:iam::aws:policy/AWSDenyAll';

describe('awsiam policy', () => {
  test.for<[args: string, values: Values, document: unknown]>([
    ['', {}, monitorPolicy({ partition: 'aws' })],
    ['--partition aws-us-gov', {}, monitorPolicy({ partition: 'aws-us-gov' })],
    ['--region cn-north-1', {}, monitorPolicy({ partition: 'aws-cn' })],
    ['', { METRIST_AWS_REGION: 'cn-north-1' }, monitorPolicy({ partition: 'aws-cn' })],
    ['', { AWS_REGION: 'us-gov-east-1' }, monitorPolicy({ partition: 'aws-us-gov' })],
    ['--region us-east-1', { METRIST_AWS_REGION: 'cn-north-1' }, monitorPolicy({ partition: 'aws' })],
    ['--account 123456789012', {}, monitorPolicy({ partition: 'aws', account: '123456789012' })],
    [`--policy-arn ${denyAll}`, {}, monitorPolicy({ partition: 'aws', policyArn: denyAll })],
    ['', { METRIST_POLICY_ARN: denyAll }, monitorPolicy({ partition: 'aws', policyArn: denyAll })],
    ['', { METRIST_PERMISSIONS_BOUNDARY_ARN: denyAll }, monitorPolicy({ partition: 'aws', boundaryArn: denyAll })],
    ['--test-policy', {}, testPolicy],
    ['--format cloudformation', {}, cloudFormationTemplate()],
    ['--format terraform', {}, terraformModule()],
    [
      '--format cloudformation --principal ec2 --namespace prod --region us-east-1',
      {},
      cloudFormationTemplate({ principal: 'ec2', namespace: 'prod', region: 'us-east-1' }),
    ],
    [
      '--format terraform --boundary',
      { METRIST_NAMESPACE: 'prod', METRIST_AWS_REGION: 'us-east-1', METRIST_PERMISSIONS_BOUNDARY_ARN: denyAll },
      terraformModule({ namespace: 'prod', region: 'us-east-1', permissionsBoundaryArn: denyAll }),
    ],
  ])('with "%s" and %o prints the document and nothing else', async ([args, values, document]) => {
    const { code, output, errorOutput } = await policy(args, values);
    expect({ code, errorOutput }).toEqual({ code: 0, errorOutput: '' });
    expect(JSON.parse(output)).toEqual(document);
    expect(output).toMatch(/^\{\n {2}"[\s\S]*\n\}\n$/);
  });

  test('says beside the document what the monitor has to be told about the boundary', async () => {
    const { code, output, errorOutput } = await policy('--boundary --region cn-north-1');
    const boundaryArn = 'arn:aws-cn:iam::aws:policy/AWSDenyAll';
    expect(JSON.parse(output)).toEqual(monitorPolicy({ partition: 'aws-cn', boundaryArn }));
    expect(errorOutput).toBe(`! set METRIST_PERMISSIONS_BOUNDARY_ARN=${boundaryArn}, or IAM refuses CreateUser\n`);
    expect(code).toBe(0);
  });

  test('says if the policy is too long for an inline policy of a user', async () => {
    const long = `arn:aws:iam::123456789012:policy/${'p'.repeat(128)}`;
    const { code, errorOutput } = await policy(`--policy-arn ${long} --boundary ${long}`);
    expect(code).toBe(0);
    expect(errorOutput).toMatch(/^! this policy has \d+ characters, .* 2048: make it a managed policy$/m);
  });

  test.for([
    ['--principal ec2', /--principal has no meaning with --format json/],
    ['--namespace prod', /--namespace has no meaning with --format json/],
    ['--format terraform --partition aws', /--partition has no meaning with --format terraform/],
    ['--format cloudformation --account 123456789012', /--account has no meaning with --format cloudformation/],
    ['--format cloudformation --test-policy', /--test-policy has no meaning with --format cloudformation/],
    ['--format cloudformation --principal lambda', /Allowed choices are user, github-oidc, ec2, irsa, pod-identity/],
    ['--format yaml', /Allowed choices are json, cloudformation, terraform/],
    ['--partition aws-iso', /Allowed choices are aws, aws-us-gov, aws-cn/],
    ['--region us-iso-east-1', /in the partition aws-iso; these policies are made for aws, aws-us-gov, aws-cn/],
    ['--region eu-west-1 --partition aws-cn', /eu-west-1 is in the partition aws, not in aws-cn/],
    ['--region Ireland', /Expected an AWS region/],
    ['--account 12', /Expected the twelve digits/],
    ['--policy-arn admin', /Expected the ARN of a managed policy/],
    ['--boundary admin', /Expected the ARN of a managed policy/],
    [`--region cn-north-1 --policy-arn ${denyAll}`, /--policy-arn is not in the partition aws-cn/],
    [`--region cn-north-1 --boundary ${denyAll}`, /--boundary is not in the partition aws-cn/],
    ['--format terraform --boundary', /--boundary without an ARN needs --region/],
    ['--test-policy --region eu-west-1', /'--test-policy' cannot be used with option '--region/],
    ['--regoin eu-west-1', /unknown option/],
  ] as const)('refuses "%s"', async ([args, reason]) => {
    const { code, output, errorOutput } = await policy(args);
    expect({ code, output }).toEqual({ code: 2, output: '' });
    expect(errorOutput).toMatch(reason);
  });

  test.for([
    [{ METRIST_AWS_REGION: 'Ireland' }, /METRIST_AWS_REGION is "Ireland": expected an AWS region/],
    [{ METRIST_POLICY_ARN: denyAll, METRIST_AWS_REGION: 'cn-north-1' }, /METRIST_POLICY_ARN is not in the partition/],
  ] as const)('refuses the settings %o', async ([values, reason]) => {
    const { code, output, errorOutput } = await policy('', values);
    expect(code).toBeGreaterThan(0);
    expect(output).toBe('');
    expect(errorOutput).toMatch(reason);
  });
});
