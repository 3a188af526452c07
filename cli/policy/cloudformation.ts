import {
  createSetup,
  defaultOf,
  parameterEntries,
  type Defaults,
  type Expressions,
  type Json,
  type ParameterName,
  type Principal,
} from './monitor-setup.ts';

/**
 * A CloudFormation template with everything that the monitor needs in an account. One template works in every partition and
 * for every principal.
 *
 * It makes no access key: CloudFormation could only show the secret in its outputs.
 */
export function cloudFormationTemplate(defaults: Defaults = {}): Json {
  const { testPolicy, permissions, principal, githubProvider, trust } = createSetup(expressions);
  const principalName = substitute(principal.name);
  return {
    AWSTemplateFormatVersion: '2010-09-09',
    Description: 'The principal, the permissions and the test policy of awsiam, a synthetic monitor of AWS IAM.',
    Parameters: Object.fromEntries(
      parameterEntries.map(([name, { description, allowed, pattern }]) => {
        const standard = defaultOf(name, defaults);
        return [
          logicalName(name),
          {
            Type: 'String',
            Description: description,
            ...(standard !== undefined && { Default: standard }),
            ...(allowed !== undefined && { AllowedValues: allowed }),
            ...(pattern !== undefined && { AllowedPattern: pattern }),
          },
        ];
      }),
    ),
    Rules: Object.fromEntries(
      parameterEntries.flatMap(([name, { neededBy }]) =>
        neededBy === undefined
          ? []
          : [
              [
                `${logicalName(name)}IsGiven`,
                {
                  RuleCondition: equals('principal', neededBy),
                  Assertions: [
                    {
                      Assert: { 'Fn::Not': [equals(name, '')] },
                      AssertDescription: `The principal ${neededBy} needs the parameter ${logicalName(name)}.`,
                    },
                  ],
                },
              ],
            ],
      ),
    ),
    Conditions: {
      IsUser: equals('principal', 'user'),
      IsRole: { 'Fn::Not': [{ Condition: 'IsUser' }] },
      IsEc2: equals('principal', 'ec2'),
      IsGithub: equals('principal', 'github-oidc'),
      IsIrsa: equals('principal', 'irsa'),
      MakesGithubProvider: { 'Fn::And': [{ Condition: 'IsGithub' }, equals('githubProvider', 'create')] },
      HasPolicyArn: { 'Fn::Not': [equals('policyArn', '')] },
      DemandsBoundary: { 'Fn::Not': [equals('permissionsBoundaryArn', '')] },
    },
    Resources: {
      TestPolicy: {
        Type: 'AWS::IAM::ManagedPolicy',
        Properties: {
          ManagedPolicyName: substitute(testPolicy.name),
          Path: testPolicy.path,
          Description: 'The harmless policy that awsiam attaches to its test users.',
          PolicyDocument: substitute(testPolicy.document),
        },
      },
      Permissions: {
        Type: 'AWS::IAM::ManagedPolicy',
        Properties: {
          ManagedPolicyName: substitute(permissions.name),
          Path: permissions.path,
          Description: 'The least permissions that awsiam needs.',
          PolicyDocument: choose(
            'DemandsBoundary',
            substitute(permissions.documentWithBoundary),
            substitute(permissions.document),
          ),
        },
      },
      User: {
        Type: 'AWS::IAM::User',
        Condition: 'IsUser',
        Properties: { UserName: principalName, Path: principal.path, ManagedPolicyArns: [{ Ref: 'Permissions' }] },
      },
      Role: {
        Type: 'AWS::IAM::Role',
        Condition: 'IsRole',
        Properties: {
          RoleName: principalName,
          Path: principal.path,
          AssumeRolePolicyDocument: chooseTrust(trust),
          ManagedPolicyArns: [{ Ref: 'Permissions' }],
        },
      },
      InstanceProfile: {
        Type: 'AWS::IAM::InstanceProfile',
        Condition: 'IsEc2',
        Properties: { InstanceProfileName: principalName, Path: principal.path, Roles: [{ Ref: 'Role' }] },
      },
      GithubProvider: {
        Type: 'AWS::IAM::OIDCProvider',
        Condition: 'MakesGithubProvider',
        Properties: { Url: githubProvider.url, ClientIdList: [substitute(githubProvider.audience)] },
      },
    },
    Outputs: {
      PrincipalArn: {
        Description: 'What the monitor runs as.',
        Value: choose('IsUser', { 'Fn::GetAtt': ['User', 'Arn'] }, { 'Fn::GetAtt': ['Role', 'Arn'] }),
      },
      TestPolicyArn: { Description: 'What the monitor attaches.', Value: { Ref: 'TestPolicy' } },
      CreateAccessKey: {
        Description: 'The command that makes the access key. AWS shows its secret only once.',
        Condition: 'IsUser',
        Value: { 'Fn::Sub': 'aws iam create-access-key --user-name ${User}' },
      },
    },
  };
}

/** `githubOwner` is the parameter `GithubOwner`. */
function logicalName(name: ParameterName): string {
  return `${name.charAt(0).toUpperCase()}${name.slice(1)}`;
}

const expressions: Expressions = {
  ...(Object.fromEntries(parameterEntries.map(([name]) => [name, `\${${logicalName(name)}}`])) as Record<
    ParameterName,
    string
  >),
  partition: '${AWS::Partition}',
  account: '${AWS::AccountId}',
  urlSuffix: '${AWS::URLSuffix}',
};

function equals(name: ParameterName, value: string): Json {
  return { 'Fn::Equals': [{ Ref: logicalName(name) }, value] };
}

function choose(condition: string, yes: Json, no: Json): Json {
  return { 'Fn::If': [condition, yes, no] };
}

function chooseTrust(trust: Readonly<Record<Exclude<Principal, 'user'>, object>>): Json {
  const others = choose('IsEc2', substitute(trust.ec2), substitute(trust['pod-identity']));
  // The keys of its conditions contain a parameter. CloudFormation replaces parameters in texts only, so it is one text.
  const irsa = { 'Fn::Sub': JSON.stringify(trust.irsa) };
  return choose('IsGithub', substitute(trust['github-oidc']), choose('IsIrsa', irsa, others));
}

/** Lets CloudFormation replace the expressions in all texts. */
function substitute(value: unknown): Json {
  // An empty parameter is left out of its list.
  if (value === expressions.policyArn) return choose('HasPolicyArn', { Ref: 'PolicyArn' }, { Ref: 'AWS::NoValue' });
  if (typeof value === 'string') return value.includes('${') ? { 'Fn::Sub': value } : value;
  if (Array.isArray(value)) return value.map(substitute);
  return Object.fromEntries(Object.entries(value as object).map(([name, each]) => [name, substitute(each)]));
}
