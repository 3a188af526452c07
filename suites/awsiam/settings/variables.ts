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
