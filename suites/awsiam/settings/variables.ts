/** One setting under all of its names, the strongest first. */
export interface Variable {
  /** The name that the Orchestrator derives from the monitor's name and the property. */
  readonly orchestrator: string;
  /** The name in the specification. This is the one that messages use. */
  readonly name: string;
  /** The name of the property in the Orchestrator's Config JSON. */
  readonly property: string;
  /** Names from outside this product that are read last, the strongest first. */
  readonly fallbacks?: readonly string[];
  /** Whether no run can do without it. @default false */
  readonly required?: boolean;
  /** For the manifest: a sentence or two. */
  readonly description: string;
}

/** Every setting of the monitor. */
export const variables = {
  accessKeyId: {
    orchestrator: 'METRIST_AWSIAM_A_W_S_ACCESS_KEY_ID',
    name: 'METRIST_AWS_ACCESS_KEY_ID',
    property: 'AWSAccessKeyId',
    description: "AWS access key id. Set both keys, or neither to use the AWS SDK's default credential chain.",
  },
  secretAccessKey: {
    orchestrator: 'METRIST_AWSIAM_A_W_S_SECRET_ACCESS_KEY',
    name: 'METRIST_AWS_SECRET_ACCESS_KEY',
    property: 'AWSSecretAccessKey',
    description: 'AWS secret access key.',
  },
  sessionToken: {
    orchestrator: 'METRIST_AWSIAM_A_W_S_SESSION_TOKEN',
    name: 'METRIST_AWS_SESSION_TOKEN',
    property: 'AWSSessionToken',
    description: 'AWS session token, for temporary keys.',
  },
  region: {
    orchestrator: 'METRIST_AWSIAM_A_W_S_REGION',
    name: 'METRIST_AWS_REGION',
    property: 'AWSRegion',
    fallbacks: ['AWS_REGION', 'AWS_DEFAULT_REGION'],
    required: true,
    description: "AWS region. It decides the partition and is part of the test policy's name.",
  },
  namespace: {
    orchestrator: 'METRIST_AWSIAM_NAMESPACE',
    name: 'METRIST_NAMESPACE',
    property: 'Namespace',
    required: true,
    description:
      "Name of this installation. It is part of the test policy's name and of every name that the monitor makes.",
  },
  policyArn: {
    orchestrator: 'METRIST_AWSIAM_POLICY_ARN',
    name: 'METRIST_POLICY_ARN',
    property: 'PolicyArn',
    description: 'ARN of a policy to attach instead of the test policy.',
  },
  permissionsBoundaryArn: {
    orchestrator: 'METRIST_AWSIAM_PERMISSIONS_BOUNDARY_ARN',
    name: 'METRIST_PERMISSIONS_BOUNDARY_ARN',
    property: 'PermissionsBoundaryArn',
    description: 'ARN of a policy that becomes the permissions boundary of each test user.',
  },
  stepTimeoutSecs: {
    orchestrator: 'METRIST_AWSIAM_STEP_TIMEOUT_SECS',
    name: 'METRIST_STEP_TIMEOUT_SECS',
    property: 'StepTimeoutSecs',
    description: 'Deadline of one step, in seconds. Default and maximum: 900.',
  },
  requestTimeoutSecs: {
    orchestrator: 'METRIST_AWSIAM_REQUEST_TIMEOUT_SECS',
    name: 'METRIST_REQUEST_TIMEOUT_SECS',
    property: 'RequestTimeoutSecs',
    description: 'Deadline of one request, in seconds. Default: 30.',
  },
  propagationTimeoutSecs: {
    orchestrator: 'METRIST_AWSIAM_PROPAGATION_TIMEOUT_SECS',
    name: 'METRIST_PROPAGATION_TIMEOUT_SECS',
    property: 'PropagationTimeoutSecs',
    description: 'How long to wait for an earlier change to become visible, in seconds. Default: 60.',
  },
  cleanupEnabled: {
    orchestrator: 'METRIST_AWSIAM_CLEANUP_ENABLED',
    name: 'METRIST_CLEANUP_ENABLED',
    property: 'CleanupEnabled',
    description: '0, false, no or off turns off the removal of what killed runs left behind.',
  },
  maxTestEntities: {
    orchestrator: 'METRIST_AWSIAM_MAX_TEST_ENTITIES',
    name: 'METRIST_MAX_TEST_ENTITIES',
    property: 'MaxTestEntities',
    description: 'A run warns when the namespace has more test users and groups than this. Default: 50.',
  },
  /** The name is AWS's own: every SDK and the AWS CLI read it. */
  endpoint: {
    orchestrator: 'METRIST_AWSIAM_ENDPOINT_URL',
    name: 'AWS_ENDPOINT_URL_IAM',
    property: 'EndpointUrl',
    description: "URL of an endpoint to use instead of AWS's own.",
  },
} as const satisfies Record<string, Variable>;

/** Region names of every partition: `us-east-1`, `us-gov-west-1`, `cn-north-1`, `us-isob-east-1`. */
export const regionName = /^[a-z]{2,}(-[a-z]+)+-\d{1,2}$/;

/** The key of a Config JSON property among the values. Its spaces keep it apart from environment variables. */
export function configJsonKey(property: string): string {
  return `${property} in the Config JSON`;
}

/** Every property that the Config JSON can have, with its key among the values. */
export const configProperties: ReadonlyMap<string, string> = new Map(
  Object.values(variables).map(({ property }) => [property, configJsonKey(property)]),
);

/** A setting that was found, with the name that the user gave it. */
export interface Setting {
  readonly from: string;
  readonly value: string;
}

/** Reads the strongest name that is set. An empty value counts as absent. */
export function readVariable(
  { orchestrator, name, fallbacks = [], property }: Variable,
  values: Readonly<Record<string, string | undefined>>,
): Setting | undefined {
  const names = [orchestrator, name, configJsonKey(property), ...fallbacks];
  const from = names.find((candidate) => (values[candidate] ?? '').trim() !== '');
  return from === undefined ? undefined : { from, value: (values[from] ?? '').trim() };
}

/**
 * The setting that names an endpoint other than AWS's own, if there is one. An endpoint in an AWS profile is left to the
 * SDK.
 */
export function endpointSetting(values: Readonly<Record<string, string | undefined>>): Setting | undefined {
  const setting = readVariable(variables.endpoint, values);
  const ours = setting?.from === variables.endpoint.name ? undefined : setting;
  // This switch of AWS turns off only AWS's own variables.
  if (ours !== undefined || values['AWS_IGNORE_CONFIGURED_ENDPOINT_URLS']?.trim() === 'true') return ours;
  const [from, value] = ['AWS_ENDPOINT_URL', values['AWS_ENDPOINT_URL']?.trim()];
  return setting ?? (value ? { from, value } : undefined);
}
