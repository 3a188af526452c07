import { loadAwsServiceSpecSync } from '@aws-cdk/aws-service-spec';
import { describe, expect, test } from 'vitest';
import { cloudFormationTemplate } from './cloudformation.ts';
import { principals, testPolicy, type Principal } from './monitor-setup.ts';
import { denyAllArn, monitorPolicy, partitions } from './policy-document.ts';
import { terraformModule } from './terraform.ts';
import { resolveCloudFormation, type CloudFormationTemplate, type Resource } from './testing/resolve-cloudformation.ts';
import { resolveTerraform, type TerraformModule } from './testing/resolve-terraform.ts';
import { accountId } from './testing/simulate.ts';

const template = cloudFormationTemplate() as unknown as CloudFormationTemplate;
const module = terraformModule() as unknown as TerraformModule;

const regions = { aws: 'eu-west-1', 'aws-us-gov': 'us-gov-west-1', 'aws-cn': 'cn-north-1' } as const;

/** What each principal needs to be told, by the names of the Terraform variables. */
const details: Readonly<Record<Principal, Readonly<Record<string, string>>>> = {
  user: {},
  'github-oidc': { github_owner: 'acme', github_repository: 'monitors' },
  ec2: {},
  irsa: { eks_oidc_provider: 'oidc.eks.eu-west-1.amazonaws.com/id/ABC' },
  'pod-identity': { kubernetes_namespace: 'monitoring' },
};

const cases = partitions.flatMap((partition) =>
  principals.flatMap((principal) =>
    [undefined, denyAllArn(partition)].map((boundary) => ({
      name: `${principal} in ${partition}${boundary === undefined ? '' : ' with a permissions boundary'}`,
      partition,
      principal,
      boundary,
      variables: {
        namespace: 'prod',
        region: regions[partition],
        principal,
        ...details[principal],
        ...(boundary !== undefined && { permissions_boundary_arn: boundary, policy_arn: denyAllArn(partition) }),
      },
    })),
  ),
);

function resolveBoth(partition: string, variables: Readonly<Record<string, string>>) {
  const suffix = partition === 'aws-cn' ? 'amazonaws.com.cn' : 'amazonaws.com';
  const arn = (kind: string, path: unknown, name: unknown): string =>
    `arn:${partition}:iam::${accountId}:${kind}${String(path)}${String(name)}`;
  const pascal = (name: string): string =>
    name.replaceAll(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase());
  const stack = resolveCloudFormation(
    template,
    Object.fromEntries(Object.entries(variables).map(([name, value]) => [pascal(name), value])),
    { 'AWS::Partition': partition, 'AWS::AccountId': accountId, 'AWS::URLSuffix': suffix },
    ({ type, properties }, attribute) => {
      const { Path: path, ManagedPolicyName: policy, UserName: user, RoleName: role } = properties;
      // The Ref of a managed policy is its ARN, that of the others their name.
      if (policy !== undefined) return arn('policy', path, policy);
      if (attribute === undefined) return String(user ?? role);
      if (attribute === 'Arn' && user !== undefined) return arn('user', path, user);
      if (attribute === 'Arn' && role !== undefined) return arn('role', path, role);
      throw new Error(`${type} has no ${attribute} here`);
    },
  );
  const plan = resolveTerraform(
    module,
    variables,
    {
      aws_partition: { current: { partition, dns_suffix: suffix } },
      aws_caller_identity: { current: { account_id: accountId } },
    },
    (type, { path, name }) => arn(type.replace('aws_iam_', ''), path, name),
  );
  return { stack, plan, arn };
}

/** The resources of a stack in the words of Terraform. */
function inTermsOfTerraform({ type, properties }: Resource): Readonly<Record<string, unknown>> {
  const { ManagedPolicyArns: [policyArn] = [] } = properties as { ManagedPolicyArns?: readonly string[] };
  const { Path: path, Description: description } = properties;
  switch (type) {
    case 'AWS::IAM::ManagedPolicy': {
      const { ManagedPolicyName: name, PolicyDocument: policy } = properties;
      return {
        [`aws_iam_policy.${description?.toString().includes('test') ? 'test' : 'permissions'}`]: {
          name,
          path,
          description,
          policy,
        },
      };
    }
    case 'AWS::IAM::User': {
      const { UserName: name } = properties;
      return {
        'aws_iam_user.monitor': { name, path },
        'aws_iam_user_policy_attachment.monitor': { user: name, policy_arn: policyArn },
      };
    }
    case 'AWS::IAM::Role': {
      const { RoleName: name, AssumeRolePolicyDocument: trust } = properties;
      return {
        'aws_iam_role.monitor': { name, path, assume_role_policy: parsed(trust) },
        'aws_iam_role_policy_attachment.monitor': { role: name, policy_arn: policyArn },
      };
    }
    case 'AWS::IAM::InstanceProfile': {
      const { InstanceProfileName: name, Roles: [role] = [] } = properties as {
        InstanceProfileName?: string;
        Roles?: readonly string[];
      };
      return { 'aws_iam_instance_profile.monitor': { name, path, role } };
    }
    case 'AWS::IAM::OIDCProvider':
      return {
        'aws_iam_openid_connect_provider.github': {
          url: properties['Url'],
          client_id_list: properties['ClientIdList'],
        },
      };
    default:
      throw new Error(`Terraform's word for ${type} is missing here`);
  }
}

/** The policies of Terraform are texts. In CloudFormation they may be. */
function parsed(value: unknown): unknown {
  return typeof value === 'string' && value.startsWith('{') ? (JSON.parse(value) as unknown) : value;
}

describe.each(cases)('the templates for $name', ({ partition, principal, boundary, variables }) => {
  const resolve = () => resolveBoth(partition, variables);

  test('create the same resources, policies and names', () => {
    const { stack, plan } = resolve();
    const ofStack = Object.assign({}, ...Object.values(stack.resources).map(inTermsOfTerraform)) as object;
    const ofPlan = Object.fromEntries(
      Object.entries(plan.resources).map(([name, attributes]) => [
        name,
        Object.fromEntries(Object.entries(attributes).map(([key, value]) => [key, parsed(value)])),
      ]),
    );
    expect(ofPlan).toEqual(ofStack);
    expect(stack.violations).toEqual([]);
    expect(plan.violations).toEqual([]);
    const { PrincipalArn, TestPolicyArn } = stack.outputs;
    expect(plan.outputs).toEqual({ principal_arn: PrincipalArn, test_policy_arn: TestPolicyArn });
  });

  test('give the permissions that are proved to be enough and no more, and the test policy', () => {
    const { stack } = resolve();
    const { TestPolicy, Permissions } = stack.resources;
    expect(TestPolicy?.properties).toMatchObject({
      ManagedPolicyName: `prod-${regions[partition]}-awsiam-testpolicy`,
      Path: '/AwsIamMonitorTestPolicies/',
      PolicyDocument: testPolicy,
    });
    const policyArn = variables.policy_arn;
    const expected = monitorPolicy({
      partition,
      account: accountId,
      // A list of one policy means the same as that policy.
      ...(policyArn !== undefined && { policyArn }),
      ...(boundary !== undefined && { boundaryArn: boundary }),
    });
    const unlist = (text: string): string => text.replaceAll(/\["(arn:[^"]*:policy\/[^"]*)"\]/g, '"$1"');
    expect(JSON.parse(unlist(JSON.stringify(Permissions?.properties['PolicyDocument'])))).toEqual(expected);
  });

  test('create the principal outside of the paths that the monitor may change', () => {
    const { stack, plan, arn } = resolve();
    const kind = principal === 'user' ? 'user' : 'role';
    const principalArn = arn(kind, '/AwsIamMonitor/', `prod-${regions[partition]}-awsiam`);
    expect(stack.outputs).toMatchObject({
      PrincipalArn: principalArn,
      ...(principal === 'user' && {
        CreateAccessKey: `aws iam create-access-key --user-name prod-${regions[partition]}-awsiam`,
      }),
    });
    expect(JSON.stringify([stack, plan])).not.toMatch(/secret/i);
  });
});

describe('the CloudFormation template', () => {
  const spec = loadAwsServiceSpecSync();
  const createAll = () =>
    principals.flatMap((principal) =>
      Object.values(
        resolveBoth('aws', { namespace: 'prod', region: 'eu-west-1', principal, ...details[principal] }).stack
          .resources,
      ),
    );

  test('has only resources, properties and types that AWS knows, and all that are required', () => {
    const all = createAll();
    expect(new Set(all.map(({ type }) => type)).size).toBe(5);
    for (const { type, properties } of all) {
      const [resource] = spec.lookup('resource', 'cloudFormationType', 'equals', type);
      if (resource === undefined) throw new Error(`AWS does not know ${type}`);
      const required = Object.entries(resource.properties).flatMap(([name, { required: is }]) => (is ? [name] : []));
      expect(Object.keys(properties)).toEqual(expect.arrayContaining(required));
      for (const [name, value] of Object.entries(properties)) {
        const property = resource.properties[name];
        if (property === undefined) throw new Error(`AWS knows no property ${name} of ${type}`);
        expect([type, name, hasType(value, property.type)]).toEqual([type, name, true]);
      }
    }
  });

  test('asks only for attributes that AWS gives', () => {
    const asked = [...JSON.stringify(template).matchAll(/"Fn::GetAtt":\["(\w+)","(\w+)"\]/g)];
    expect(asked.length).toBeGreaterThan(0);
    for (const [, name = '', attribute = ''] of asked) {
      const type = template.Resources[name]?.Type ?? '';
      const [resource] = spec.lookup('resource', 'cloudFormationType', 'equals', type);
      expect([name, Object.keys(resource?.attributes ?? {})]).toEqual([name, expect.arrayContaining([attribute])]);
    }
  });

  test('is small enough to be deployed without a bucket', () => {
    // https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
    expect(JSON.stringify(template, undefined, 2).length).toBeLessThan(51_200);
  });
});

type PropertyType = {
  readonly type: string;
  readonly element?: PropertyType;
  readonly types?: readonly PropertyType[];
};

/** Knows only the types that the template uses. */
function hasType(value: unknown, { type, element, types = [] }: PropertyType): boolean {
  switch (type) {
    case 'string':
      return typeof value === 'string';
    case 'json':
      return typeof value === 'object' && value !== null;
    case 'array':
      return Array.isArray(value) && value.every((each) => element !== undefined && hasType(each, element));
    case 'union':
      return types.some((each) => hasType(value, each));
    default:
      return false;
  }
}

test.each([
  ['github-oidc', ['GithubOwner', 'GithubRepository'], ['github_owner', 'github_repository']],
  ['irsa', ['EksOidcProvider'], ['eks_oidc_provider']],
] as const)('the templates refuse the principal %s without its details', (principal, parameters, variableNames) => {
  const { stack, plan } = resolveBoth('aws', { namespace: 'prod', region: 'eu-west-1', principal });
  expect(stack.violations).toEqual(parameters.map((name) => `The principal ${principal} needs the parameter ${name}.`));
  expect(plan.violations).toEqual(
    variableNames.map((name) => `The principal ${principal} needs the variable ${name}.`),
  );
});

test.each([
  ['namespace', 'p'.repeat(39)],
  ['namespace', 'a b'],
  ['region', 'Ireland'],
] as const)('the templates refuse %s=%s', (name, value) => {
  const { plan } = resolveBoth('aws', { namespace: 'prod', region: 'eu-west-1', [name]: value });
  expect(plan.violations).toHaveLength(1);
  const { AllowedPattern = '' } = template.Parameters[name === 'region' ? 'Region' : 'Namespace'] ?? {};
  expect(value).not.toMatch(new RegExp(AllowedPattern, 'u'));
});

test('an identity provider of GitHub that exists already is not created again', () => {
  const variables = { namespace: 'prod', region: 'eu-west-1', principal: 'github-oidc', ...details['github-oidc'] };
  const existing = resolveBoth('aws', { ...variables, github_provider: 'existing' });
  expect(Object.keys(existing.stack.resources)).toEqual(['TestPolicy', 'Permissions', 'Role']);
  expect(Object.keys(existing.plan.resources)).not.toContain('aws_iam_openid_connect_provider.github');
});

describe('the role for GitHub', () => {
  /** Whether a workflow whose token has this subject may assume the role. */
  const accepts = (subject: string, ids: Readonly<Record<string, string>> = {}): boolean => {
    const variables = { namespace: 'prod', region: 'eu-west-1', principal: 'github-oidc', ...details['github-oidc'] };
    const { plan } = resolveBoth('aws', { ...variables, ...ids });
    const trust = JSON.parse(String(plan.resources['aws_iam_role.monitor']?.['assume_role_policy'])) as {
      Statement: [{ Condition: { StringLike: Record<string, readonly string[]> } }];
    };
    const [patterns = []] = Object.values(trust.Statement[0].Condition.StringLike);
    return patterns.some((pattern) =>
      new RegExp(
        `^${pattern
          .split('*')
          .map((part) => RegExp.escape(part))
          .join('.*')}$`,
      ).test(subject),
    );
  };

  test.each([
    ['repo:acme/monitors:ref:refs/heads/main', true],
    ['repo:acme@1/monitors@2:ref:refs/heads/main', true],
    ['repo:acme/monitors:ref:refs/heads/other', false],
    ['repo:acme@1/monitors@2:pull_request', false],
    ['repo:acme/other:ref:refs/heads/main', false],
    ['repo:acme@1/other@2:ref:refs/heads/main', false],
    ['repo:evil/monitors:ref:refs/heads/main', false],
    ['repo:evil@1/monitors@2:ref:refs/heads/main', false],
  ])('accepts %s: %s', (subject, isAccepted) => {
    expect(accepts(subject)).toBe(isAccepted);
  });

  test('accepts only the repository with the given numbers, if it sends numbers', () => {
    const ids = { github_owner_id: '1', github_repository_id: '2' };
    expect(accepts('repo:acme@1/monitors@2:ref:refs/heads/main', ids)).toBe(true);
    expect(accepts('repo:acme@3/monitors@2:ref:refs/heads/main', ids)).toBe(false);
    expect(accepts('repo:acme@1/monitors@3:ref:refs/heads/main', ids)).toBe(false);
  });
});
