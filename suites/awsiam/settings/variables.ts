/** One setting under all of its names, the strongest first. */
export interface Variable {
  /** What the Orchestrator derives from the monitor's and the property's name. */
  readonly orchestrator: string;
  /** The name in the specification: the one to tell users. */
  readonly name: string;
  /** The property's name in the Orchestrator's Config JSON. */
  readonly property: string;
  /** Names outside this product that are honoured last, the strongest first. */
  readonly fallbacks?: readonly string[];
}

/** Where every setting of the monitor comes from. */
export const variables = {
  accessKeyId: {
    orchestrator: 'METRIST_AWSIAM_A_W_S_ACCESS_KEY_ID',
    name: 'METRIST_AWS_ACCESS_KEY_ID',
    property: 'AWSAccessKeyId',
  },
  secretAccessKey: {
    orchestrator: 'METRIST_AWSIAM_A_W_S_SECRET_ACCESS_KEY',
    name: 'METRIST_AWS_SECRET_ACCESS_KEY',
    property: 'AWSSecretAccessKey',
  },
  sessionToken: {
    orchestrator: 'METRIST_AWSIAM_A_W_S_SESSION_TOKEN',
    name: 'METRIST_AWS_SESSION_TOKEN',
    property: 'AWSSessionToken',
  },
  region: {
    orchestrator: 'METRIST_AWSIAM_A_W_S_REGION',
    name: 'METRIST_AWS_REGION',
    property: 'AWSRegion',
    fallbacks: ['AWS_REGION', 'AWS_DEFAULT_REGION'],
  },
  namespace: { orchestrator: 'METRIST_AWSIAM_NAMESPACE', name: 'METRIST_NAMESPACE', property: 'Namespace' },
  policyArn: { orchestrator: 'METRIST_AWSIAM_POLICY_ARN', name: 'METRIST_POLICY_ARN', property: 'PolicyArn' },
  stepTimeoutSecs: {
    orchestrator: 'METRIST_AWSIAM_STEP_TIMEOUT_SECS',
    name: 'METRIST_STEP_TIMEOUT_SECS',
    property: 'StepTimeoutSecs',
  },
  requestTimeoutSecs: {
    orchestrator: 'METRIST_AWSIAM_REQUEST_TIMEOUT_SECS',
    name: 'METRIST_REQUEST_TIMEOUT_SECS',
    property: 'RequestTimeoutSecs',
  },
  propagationTimeoutSecs: {
    orchestrator: 'METRIST_AWSIAM_PROPAGATION_TIMEOUT_SECS',
    name: 'METRIST_PROPAGATION_TIMEOUT_SECS',
    property: 'PropagationTimeoutSecs',
  },
  cleanupEnabled: {
    orchestrator: 'METRIST_AWSIAM_CLEANUP_ENABLED',
    name: 'METRIST_CLEANUP_ENABLED',
    property: 'CleanupEnabled',
  },
  mostTestEntities: {
    orchestrator: 'METRIST_AWSIAM_MAX_TEST_ENTITIES',
    name: 'METRIST_MAX_TEST_ENTITIES',
    property: 'MaxTestEntities',
  },
  /** AWS's own name: every SDK and the CLI know it. */
  endpoint: {
    orchestrator: 'METRIST_AWSIAM_ENDPOINT_URL',
    name: 'AWS_ENDPOINT_URL_IAM',
    property: 'EndpointUrl',
  },
} as const satisfies Record<string, Variable>;

/** Under which name a property of the Orchestrator's Config JSON stands among the values: no environment variable can have it. */
export function configJsonKey(property: string): string {
  return `${property} in the Config JSON`;
}

/** Every property that the Config JSON can have, and under which name its value stands. */
export const configProperties: ReadonlyMap<string, string> = new Map(
  Object.values(variables).map(({ property }) => [property, configJsonKey(property)]),
);

/** A setting that was found, with the name under which the user set it. */
export interface Setting {
  readonly from: string;
  readonly value: string;
}

/** The strongest form of a variable that holds something. An empty variable counts as absent. */
export function readVariable(
  { orchestrator, name, fallbacks = [], property }: Variable,
  values: Readonly<Record<string, string | undefined>>,
): Setting | undefined {
  const names = [orchestrator, name, configJsonKey(property), ...fallbacks];
  const from = names.find((candidate) => (values[candidate] ?? '').trim() !== '');
  return from === undefined ? undefined : { from, value: (values[from] ?? '').trim() };
}

/**
 * The setting that names another endpoint than AWS's own, if there is one. A profile may name one, too: that is left to
 * the SDK.
 */
export function endpointSetting(values: Readonly<Record<string, string | undefined>>): Setting | undefined {
  const setting = readVariable(variables.endpoint, values);
  const ours = setting?.from === variables.endpoint.name ? undefined : setting;
  // AWS's own switch is about AWS's own variables.
  if (ours !== undefined || values['AWS_IGNORE_CONFIGURED_ENDPOINT_URLS']?.trim() === 'true') return ours;
  const [from, value] = ['AWS_ENDPOINT_URL', values['AWS_ENDPOINT_URL']?.trim()];
  return setting ?? (value ? { from, value } : undefined);
}

/** What a catalogue of monitors says about this one. */
export const about = {
  displayName: 'AWS Identity and Access Management',
  description: 'Watches AWS Identity and Access Management (IAM) by doing what its users do, and timing it.',
  homepage: 'https://aws.amazon.com/iam/',
  statusPage: 'https://health.aws.amazon.com/health/status',
  groups: ['aws'],
} as const;

/** Every setting in a sentence, and whether there is no run without it. */
export const settings = {
  accessKeyId: {
    required: false,
    description: "AWS access key id. Both keys or neither: then the AWS SDK's default credential chain is used.",
  },
  secretAccessKey: { required: false, description: 'AWS secret access key.' },
  sessionToken: { required: false, description: 'AWS session token, where the two keys are temporary.' },
  region: {
    required: true,
    description: "AWS region. Chooses the partition, and is part of the test policy's name.",
  },
  namespace: {
    required: true,
    description: "Name of this installation: the first part of the test policy's name, and part of all that is made.",
  },
  policyArn: { required: false, description: 'ARN of another policy to attach in place of the test policy.' },
  stepTimeoutSecs: { required: false, description: 'Deadline of one step, in seconds. Default and maximum: 900.' },
  requestTimeoutSecs: { required: false, description: 'Deadline of one request, in seconds. Default: 30.' },
  propagationTimeoutSecs: {
    required: false,
    description: 'How long to wait for an earlier change to become visible, in seconds. Default: 60.',
  },
  cleanupEnabled: {
    required: false,
    description: '0, false, no or off switches off the sweep of what killed runs left behind.',
  },
  mostTestEntities: {
    required: false,
    description: 'A run warns where more test users and groups of the namespace exist than this. Default: 50.',
  },
  endpoint: { required: false, description: "URL of another endpoint than AWS's own." },
} as const satisfies Record<keyof typeof variables, { readonly required: boolean; readonly description: string }>;
