import { maxNamespaceLength, policyPath, testPolicyName } from '../../suites/awsiam/monitor.ts';
import { monitorPolicy, type PolicyDocument, type Statement } from './policy-document.ts';

export type Json = string | readonly Json[] | { readonly [name: string]: Json };

/** Who the monitor can be. */
export const principals = ['user', 'github-oidc', 'ec2', 'irsa', 'pod-identity'] as const;
export type Principal = (typeof principals)[number];

/** What a template asks for. */
interface Parameter {
  readonly description: string;
  /** @default none: it has to be given */
  readonly standard?: string;
  readonly allowed?: readonly string[];
  /** A regular expression that matches a whole value. */
  readonly pattern?: string;
  /** The principals that cannot do without it. */
  readonly neededBy?: Principal;
}

/** The parameters of both templates. Each template spells the names in its own way. */
export const parameters = {
  namespace: {
    description: 'Name of this installation, as in METRIST_NAMESPACE.',
    pattern: `^[\\w+=,.@-]{1,${maxNamespaceLength}}$`,
  },
  region: {
    description: "The monitor's region, as in METRIST_AWS_REGION. It is a part of the test policy's name.",
    pattern: '^[a-z]{2,}(-[a-z]+)+-[0-9]{1,2}$',
  },
  principal: {
    description: 'What the monitor runs as. Only a user needs an access key.',
    standard: 'user',
    allowed: principals,
  },
  policyArn: {
    description: 'Another policy that the monitor attaches, as in METRIST_POLICY_ARN. Empty: only the test policy.',
    standard: '',
  },
  permissionsBoundaryArn: {
    description:
      'Permissions boundary that every test user must have, as in METRIST_PERMISSIONS_BOUNDARY_ARN. Empty: none is demanded.',
    standard: '',
  },
  githubOwner: {
    description: 'For github-oidc: the owner of the repository whose workflow runs the monitor.',
    standard: '',
    neededBy: 'github-oidc',
  },
  githubRepository: {
    description: 'For github-oidc: the name of the repository, without its owner.',
    standard: '',
    neededBy: 'github-oidc',
  },
  githubOwnerId: {
    description: "For github-oidc: the owner's number, which newer repositories send. *: any.",
    standard: '*',
  },
  githubRepositoryId: {
    description: "For github-oidc: the repository's number, which newer repositories send. *: any.",
    standard: '*',
  },
  githubSubject: {
    description: 'For github-oidc: what in the repository may run the monitor, such as environment:monitoring.',
    standard: 'ref:refs/heads/main',
  },
  githubAudience: {
    description: 'For github-oidc: the audience that the workflow asks for.',
    standard: 'sts.amazonaws.com',
  },
  githubProvider: {
    description:
      "For github-oidc: whether to create the account's identity provider for GitHub, of which there can be one.",
    standard: 'create',
    allowed: ['create', 'existing'],
  },
  eksOidcProvider: {
    description:
      "For irsa: the cluster's OIDC issuer without https://, such as oidc.eks.eu-west-1.amazonaws.com/id/ABC.",
    standard: '',
    neededBy: 'irsa',
  },
  kubernetesNamespace: {
    description: "For irsa and pod-identity: the Kubernetes namespace of the monitor's service account.",
    standard: 'awsiam',
  },
  kubernetesServiceAccount: {
    description: "For irsa and pod-identity: the name of the monitor's service account.",
    standard: 'awsiam',
  },
} as const satisfies Record<string, Parameter>;

export type ParameterName = keyof typeof parameters;

/** The parameters in their order, as both templates write them. */
export const parameterEntries: readonly (readonly [ParameterName, Parameter])[] = Object.entries(parameters) as [
  ParameterName,
  Parameter,
][];

/** What a template writes for the value of each parameter, and for what it finds out by itself. */
export type Expressions = Readonly<Record<ParameterName | 'partition' | 'account' | 'urlSuffix', string>>;

export interface TrustDocument {
  readonly Version: '2012-10-17';
  readonly Statement: readonly (Omit<Statement, 'Resource'> & {
    readonly Principal: Readonly<Record<string, string>>;
  })[];
}

/** The harmless policy that the monitor attaches to its test users. */
export const testPolicy: PolicyDocument = {
  Version: '2012-10-17',
  Statement: [{ Sid: 'HarmlessRead', Effect: 'Allow', Action: 'aws-marketplace:DescribeAgreement', Resource: '*' }],
};

/** The path of the monitor's principal and its policy. The monitor may not change anything there. */
const monitorPath = '/AwsIamMonitor/';

const githubHost = 'token.actions.githubusercontent.com';

/** What both templates create. */
export function createSetup(expressions: Expressions) {
  const { partition, account, urlSuffix, namespace, region, policyArn, permissionsBoundaryArn } = expressions;
  const scope = { partition, account, policyArn };
  const name = `${namespace}-${region}-awsiam`;
  const providerArn = (host: string): string => `arn:${partition}:iam::${account}:oidc-provider/${host}`;
  const { githubOwner, githubOwnerId, githubRepository, githubRepositoryId, githubSubject, githubAudience } =
    expressions;
  const { eksOidcProvider, kubernetesNamespace, kubernetesServiceAccount } = expressions;
  return {
    testPolicy: { name: testPolicyName(namespace, region), path: policyPath, document: testPolicy },
    permissions: {
      name: `${name}-permissions`,
      path: monitorPath,
      document: monitorPolicy(scope),
      documentWithBoundary: monitorPolicy({ ...scope, boundaryArn: permissionsBoundaryArn }),
    },
    /** The user, the role and the instance profile. */
    principal: { name, path: monitorPath },
    githubProvider: { url: `https://${githubHost}`, audience: githubAudience },
    /** Who may assume the role. */
    trust: {
      // Repositories that were created, renamed or transferred since July 2026 send their numbers as well:
      // https://docs.github.com/en/actions/concepts/security/openid-connect
      'github-oidc': trustWebIdentity(providerArn(githubHost), {
        StringEquals: { [`${githubHost}:aud`]: githubAudience },
        StringLike: {
          [`${githubHost}:sub`]: [
            `repo:${githubOwner}/${githubRepository}:${githubSubject}`,
            `repo:${githubOwner}@${githubOwnerId}/${githubRepository}@${githubRepositoryId}:${githubSubject}`,
          ],
        },
      }),
      ec2: trustService(`ec2.${urlSuffix}`, ['sts:AssumeRole']),
      irsa: trustWebIdentity(providerArn(eksOidcProvider), {
        StringEquals: {
          [`${eksOidcProvider}:aud`]: 'sts.amazonaws.com',
          [`${eksOidcProvider}:sub`]: `system:serviceaccount:${kubernetesNamespace}:${kubernetesServiceAccount}`,
        },
      }),
      // https://docs.aws.amazon.com/eks/latest/userguide/pod-id-role.html
      'pod-identity': trustService('pods.eks.amazonaws.com', ['sts:AssumeRole', 'sts:TagSession'], {
        StringEquals: {
          'aws:RequestTag/kubernetes-namespace': kubernetesNamespace,
          'aws:RequestTag/kubernetes-service-account': kubernetesServiceAccount,
        },
      }),
    } satisfies Record<Exclude<Principal, 'user'>, TrustDocument>,
  } as const;
}

type Condition = NonNullable<Statement['Condition']>;

function trustWebIdentity(provider: string, condition: Condition): TrustDocument {
  return {
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: { Federated: provider },
        Action: 'sts:AssumeRoleWithWebIdentity',
        Condition: condition,
      },
    ],
  };
}

function trustService(service: string, actions: readonly string[], condition?: Condition): TrustDocument {
  return {
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: { Service: service },
        Action: actions,
        ...(condition !== undefined && { Condition: condition }),
      },
    ],
  };
}

/** The values that a template has from the start, in place of the standard ones. */
export type Defaults = Partial<Readonly<Record<ParameterName, string>>>;

export function defaultOf(name: ParameterName, defaults: Defaults): string | undefined {
  return defaults[name] ?? (parameters[name] as Parameter).standard;
}
