import { seedGroup, seedKeyHolder, seedPolicy } from '../../../mocks/iam/seeding.ts';
import { createIamState } from '../../../mocks/iam/state.ts';
import { createMonitorConfig } from '../../../metrist/registration/monitor-config.ts';
import { awsiam } from '../../../suites/awsiam/monitor.ts';
import { startIamProxy } from '../../harness/iam-proxy.ts';
import { nowhere } from '../../harness/loopback-only.ts';
import { secrets } from '../../harness/run.ts';
import { startIam } from '../../harness/servers.ts';
import type { Misconfiguration, Place, Variables } from './misconfiguration.ts';

const testPolicies = 'arn:aws:iam::123456789012:policy/AwsIamMonitorTestPolicies/';
const ownPolicy = `${testPolicies}e2e-us-east-1-awsiam-testpolicy`;

/** Whether an operation names a user or a group, so that a policy can be for the monitor's paths. */
const namesEntity = (operation: string): boolean =>
  !/^(ListUsers|ListGroups|GetPolicy|GetCallerIdentity|)$/.test(operation);

/** Leads to a proxy in front of the mock that denies operations. */
export async function withDenials(
  { iam, context }: Pick<Place, 'iam' | 'context'>,
  deny: (operation: string) => string | undefined,
): Promise<Variables> {
  return { AWS_ENDPOINT_URL: (await startIamProxy(iam, { deny, onTestFinished: context.onTestFinished })).url };
}

/** What AWS denies to a principal with exactly the monitor's policy: all that names a user or group that does not exist. */
export const withPathScopedPolicy = (place: Pick<Place, 'iam' | 'context'>): Promise<Variables> =>
  withDenials(place, (operation) =>
    namesEntity(operation) ? `because no identity-based policy allows the iam:${operation} action` : undefined,
  );

/** A row for an action that a principal lacks. */
const lacking = (operation: string, resource: string): Misconfiguration => ({
  name: `iam:${operation} is missing in its policy`,
  faults: `${operation}=AccessDenied`,
  group: 'permissions',
  cause: new RegExp(`^iam:${operation} is not allowed`),
  fix: /^Add this statement to a policy of arn:aws:iam::123456789012:user\/awsiam-monitor:$/,
  statement: { Action: `iam:${operation}`, Resource: resource },
});

const user = 'arn:aws:iam::123456789012:user/AwsIamMonitorTestUsers/*';
const group = 'arn:aws:iam::123456789012:group/AwsIamMonitorTestGroups/*';

function seedGroups({ iam: { state } }: Place, count: number): Variables {
  for (let index = 0; index < count; index++) seedGroup(state, { name: `others-${index}` });
  return {};
}

function register({ metrist }: Place, runGroups: readonly string[]): void {
  metrist.monitorConfigs.seed(secrets.apiToken, { ...createMonitorConfig(awsiam, { runGroups }) });
}

/** What can be wrong with the account, with Metrist, and with where telemetry goes. */
export const services: readonly Misconfiguration[] = [
  // Permissions
  lacking('DeleteUser', user),
  lacking('RemoveUserFromGroup', group),
  lacking('AttachUserPolicy', user),
  {
    name: 'a service control policy denies the paths',
    spoil: (place) =>
      withDenials(place, (operation) =>
        namesEntity(operation) ? 'with an explicit deny in a service control policy' : undefined,
      ),
    group: 'permissions',
    cause: /^iam:AddUserToGroup, .* are denied by a service control policy/,
    fix: /Ask the organization's administrators to exempt arn:aws:iam::123456789012:user\/awsiam-monitor/,
  },
  {
    name: 'the principal has no policy at all',
    spoil: (place) =>
      withDenials(place, (operation) =>
        /^(GetCallerIdentity|)$/.test(operation) ? undefined : 'because no identity-based policy allows it',
      ),
    group: 'permissions',
    cause: /^IAM allows none of the 29 actions that were asked about$/,
    fix: /Attach the monitor's policy to arn:.* awsiam policy prints it/,
  },

  // Test policy
  {
    name: 'the namespace has no test policy',
    spoil: async ({ context }) => {
      const state = createIamState({ isStrict: true });
      const { AccessKeyId: id = '', SecretAccessKey: secret = '' } = seedKeyHolder(state, 'awsiam-monitor');
      const { url } = await startIam('', { state, onTestFinished: context.onTestFinished });
      return { AWS_ENDPOINT_URL: url, METRIST_AWS_ACCESS_KEY_ID: id, METRIST_AWS_SECRET_ACCESS_KEY: secret };
    },
    group: 'policy',
    cause: /the test policy does not exist: \S+\/e2e-us-east-1-awsiam-testpolicy$/,
    fix: /METRIST_NAMESPACE.*aws iam create-policy --path \S+ --policy-name e2e-us-east-1-awsiam-testpolicy/,
  },
  {
    name: 'the policy cannot be attached',
    spoil: ({ iam }) => {
      seedPolicy(iam.state, ownPolicy, { isAttachable: false });
      return {};
    },
    group: 'policy',
    cause: /the test policy cannot be attached/,
    fix: /Name another one/,
  },
  {
    name: 'the policy is of another partition',
    spoil: () => ({ METRIST_POLICY_ARN: ownPolicy.replace('arn:aws:', 'arn:aws-cn:') }),
    group: 'policy',
    cause: /METRIST_POLICY_ARN names a policy of the partition aws-cn, but the region us-east-1 is in aws/,
    fix: /Name a policy of aws, or correct METRIST_AWS_REGION/,
  },
  {
    name: 'the policy is of another account',
    spoil: () => ({ METRIST_POLICY_ARN: ownPolicy.replace('123456789012', '999999999999') }),
    group: 'policy',
    cause: /names a policy of the account 999999999999, but the credentials belong to 123456789012/,
    fix: /Correct METRIST_POLICY_ARN/,
  },
  {
    name: 'the permissions boundary does not exist',
    spoil: () => ({ METRIST_PERMISSIONS_BOUNDARY_ARN: 'arn:aws:iam::123456789012:policy/missing' }),
    group: 'policy',
    cause: /the permissions boundary does not exist: \S+\/missing/,
    fix: /correct METRIST_PERMISSIONS_BOUNDARY_ARN/,
  },

  // Quotas
  {
    name: 'a quota is nearly used up',
    spoil: (place) => seedGroups(place, 299),
    group: 'quotas',
    state: 'warning',
    cause: /299 of 300 groups of the account are in use/,
    fix: /awsiam cleanup --dry-run/,
  },
  {
    name: 'a quota is used up',
    spoil: (place) => seedGroups(place, 300),
    group: 'quotas',
    cause: /300 of 300 groups of the account are in use/,
    fix: /CreateGroup fails with LimitExceeded.*have the quota raised/,
  },

  // Metrist
  {
    name: "Metrist's token is wrong",
    spoil: () => ({ METRIST_API_TOKEN: 'another0token0of0metrist' }),
    group: 'metrist',
    cause: /HTTP 403 from 127\.0\.0\.1:\d+: the token is wrong/,
    fix: /Set METRIST_API_TOKEN to the account's token/,
  },
  {
    name: "Metrist's host is wrong",
    // A name with an empty label never reaches a name server.
    spoil: () => ({ METRIST_API_HOST: 'metrist..localhost' }),
    group: 'metrist',
    cause: /the name metrist\.\.localhost does not resolve/,
    fix: /Check METRIST_API_HOST and DNS/,
  },
  {
    name: "Metrist's host is that of something else",
    spoil: ({ iam }) => ({ METRIST_API_HOST: iam.url }),
    group: 'metrist',
    cause: /HTTP \d+ from 127\.0\.0\.1:\d+: not what the Metrist API answers/,
    fix: /Check METRIST_API_HOST/,
  },
  {
    name: 'the instance is missing',
    spoil: () => ({ METRIST_INSTANCE_ID: '' }),
    group: 'metrist',
    cause: /METRIST_INSTANCE_ID is not set, but METRIST_API_TOKEN is/,
    fix: /Correct it in the environment/,
  },
  {
    name: 'no Orchestrator has one of its run groups',
    spoil: (place) => {
      register(place, ['prod']);
      return { METRIST_RUN_GROUPS: 'production' };
    },
    group: 'registration',
    state: 'warning',
    cause:
      /the registration has the run groups \["prod"\], of which METRIST_RUN_GROUPS has none here: \["production"\]/,
    fix: /spelt the same.*awsiam register --run-group/,
  },
  {
    name: 'perhaps no Orchestrator has one of its run groups',
    spoil: (place) => {
      register(place, ['prod']);
      return {};
    },
    group: 'registration',
    state: 'warning',
    cause: /no recent result of it, so perhaps no Orchestrator has one of the run groups \["prod"\]/,
    fix: /Compare METRIST_RUN_GROUPS on their hosts/,
  },
  {
    name: 'it is not registered although an Orchestrator is to run it',
    spoil: () => ({ METRIST_RUN_GROUPS: 'prod' }),
    group: 'registration',
    cause: /awsiam is not registered, so no Orchestrator runs it/,
    fix: /awsiam register/,
  },

  // The Orchestrator's host
  {
    name: 'the Orchestrator does not find the executable',
    spoil: () => ({ METRIST_EXE_LOCAL_PATH: '/nowhere', METRIST_CLEANUP_ENABLED: '1' }),
    group: 'orchestrator',
    cause: /\/nowhere\/awsiam\/awsiam does not exist/,
    fix: /npm run package/,
  },

  // Telemetry
  {
    name: 'the OTLP endpoint is dead',
    spoil: () => ({ OTEL_EXPORTER_OTLP_ENDPOINT: nowhere(), OTEL_EXPORTER_OTLP_TIMEOUT: '1000' }),
    group: 'telemetry',
    cause: /^http:\/\/127\.0\.0\.1:9 does not take metrics: /,
    fix: /Check OTEL_EXPORTER_OTLP_ENDPOINT/,
  },
  {
    name: 'an OTLP variable is wrong',
    spoil: () => ({ OTEL_EXPORTER_OTLP_ENDPOINT: nowhere(), OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }),
    group: 'telemetry',
    cause: /OTEL_EXPORTER_OTLP_PROTOCOL is "grpc": expected http\/protobuf or http\/json/,
    fix: /Correct it in the environment/,
  },
];
