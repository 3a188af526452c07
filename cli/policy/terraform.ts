import {
  createSetup,
  defaultOf,
  parameterEntries,
  type Defaults,
  type Expressions,
  type Json,
  type ParameterName,
} from './monitor-setup.ts';

/**
 * A Terraform module in JSON syntax with the same resources as the CloudFormation template.
 *
 * It makes no access key: its secret would stand in Terraform's state.
 */
export function terraformModule(defaults: Defaults = {}): Json {
  const { testPolicy, permissions, principal, githubProvider, trust } = createSetup(expressions);
  const role = 'aws_iam_role.monitor[0]';
  return {
    terraform: {
      required_version: '>= 1.3',
      required_providers: { aws: { source: 'hashicorp/aws', version: '>= 6.0' } },
    },
    variable: Object.fromEntries(
      parameterEntries.map(([name, { description, allowed, pattern }]) => {
        const standard = defaultOf(name, defaults);
        const rules = [
          ...(allowed === undefined
            ? []
            : [[`contains(${JSON.stringify(allowed)}, ${variable(name)})`, `Expected one of ${allowed.join(', ')}.`]]),
          ...(pattern === undefined
            ? []
            : [[`can(regex(${JSON.stringify(pattern)}, ${variable(name)}))`, `Expected text like ${pattern}.`]]),
        ];
        return [
          snakeCase(name),
          {
            type: 'string',
            description,
            ...(standard !== undefined && { default: standard }),
            ...(rules.length > 0 && {
              validation: rules.map(([condition, message = '']) => ({
                condition: `\${${condition}}`,
                error_message: message,
              })),
            }),
          },
        ];
      }),
    ),
    data: { aws_partition: { current: {} }, aws_caller_identity: { current: {} } },
    locals: {
      test_policy: testPolicy.document,
      permissions: joinLists(permissions.document),
      permissions_with_boundary: joinLists(permissions.documentWithBoundary),
      trust: trust as unknown as Json,
    },
    resource: {
      aws_iam_policy: {
        test: {
          name: testPolicy.name,
          path: testPolicy.path,
          description: 'The harmless policy that awsiam attaches to its test users.',
          policy: '${jsonencode(local.test_policy)}',
        },
        permissions: {
          name: permissions.name,
          path: permissions.path,
          description: 'The least permissions that awsiam needs.',
          policy: `\${${variable('permissionsBoundaryArn')} == "" ? jsonencode(local.permissions) : jsonencode(local.permissions_with_boundary)}`,
        },
      },
      aws_iam_user: {
        monitor: { count: countIf(`${isPrincipal} == "user"`), name: principal.name, path: principal.path },
      },
      aws_iam_user_policy_attachment: {
        monitor: {
          count: countIf(`${isPrincipal} == "user"`),
          user: '${aws_iam_user.monitor[0].name}',
          policy_arn: '${aws_iam_policy.permissions.arn}',
        },
      },
      aws_iam_role: {
        monitor: {
          count: countIf(`${isPrincipal} != "user"`),
          name: principal.name,
          path: principal.path,
          assume_role_policy: `\${jsonencode(local.trust[${isPrincipal}])}`,
          lifecycle: {
            precondition: parameterEntries.flatMap(([name, { neededBy }]) =>
              neededBy === undefined
                ? []
                : [
                    {
                      condition: `\${${isPrincipal} != "${neededBy}" || ${variable(name)} != ""}`,
                      error_message: `The principal ${neededBy} needs the variable ${snakeCase(name)}.`,
                    },
                  ],
            ),
          },
        },
      },
      aws_iam_role_policy_attachment: {
        monitor: {
          count: countIf(`${isPrincipal} != "user"`),
          role: `\${${role}.name}`,
          policy_arn: '${aws_iam_policy.permissions.arn}',
        },
      },
      aws_iam_instance_profile: {
        monitor: {
          count: countIf(`${isPrincipal} == "ec2"`),
          name: principal.name,
          path: principal.path,
          role: `\${${role}.name}`,
        },
      },
      aws_iam_openid_connect_provider: {
        github: {
          count: countIf(`${isPrincipal} == "github-oidc" && ${variable('githubProvider')} == "create"`),
          url: githubProvider.url,
          client_id_list: [githubProvider.audience],
        },
      },
    },
    output: {
      principal_arn: {
        description: 'What the monitor runs as.',
        value: `\${${isPrincipal} == "user" ? aws_iam_user.monitor[0].arn : ${role}.arn}`,
      },
      test_policy_arn: { description: 'What the monitor attaches.', value: '${aws_iam_policy.test.arn}' },
    },
  } as unknown as Json;
}

/** `githubOwner` is the variable `github_owner`. */
function snakeCase(name: ParameterName): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function variable(name: ParameterName): string {
  return `var.${snakeCase(name)}`;
}

const isPrincipal = variable('principal');

function countIf(condition: string): string {
  return `\${${condition} ? 1 : 0}`;
}

const expressions: Expressions = {
  ...(Object.fromEntries(parameterEntries.map(([name]) => [name, `\${${variable(name)}}`])) as Record<
    ParameterName,
    string
  >),
  partition: '${data.aws_partition.current.partition}',
  account: '${data.aws_caller_identity.current.account_id}',
  urlSuffix: '${data.aws_partition.current.dns_suffix}',
};

/** Leaves an empty `policy_arn` out of the lists that it stands in. */
function joinLists(value: unknown): Json {
  if (typeof value === 'string') return value;
  if (!Array.isArray(value)) {
    return Object.fromEntries(Object.entries(value as object).map(([name, each]) => [name, joinLists(each)]));
  }
  if (!value.includes(expressions.policyArn)) return value.map(joinLists);
  const others = value.filter((each) => each !== expressions.policyArn);
  return `\${compact([${others.map((each) => JSON.stringify(each)).join(', ')}, ${variable('policyArn')}])}`;
}
