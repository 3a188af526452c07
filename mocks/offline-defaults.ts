/** The two keys, under the specification's names and the Orchestrator's. */
const keyNames = [
  'METRIST_AWS_ACCESS_KEY_ID',
  'METRIST_AWS_SECRET_ACCESS_KEY',
  'METRIST_AWSIAM_A_W_S_ACCESS_KEY_ID',
  'METRIST_AWSIAM_A_W_S_SECRET_ACCESS_KEY',
];

/**
 * Returns the settings that an offline run needs and its environment lacks. It never replaces a setting, so a wrong one fails
 * offline as it would in a live run. The keys are set only if both are missing: without keys, the SDK would look for
 * credentials over the network.
 */
export function offlineDefaults(values: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const hasNone = (...names: string[]): boolean => names.every((name) => (values[name] ?? '').trim() === '');
  return {
    ...(hasNone('METRIST_AWS_REGION', 'METRIST_AWSIAM_A_W_S_REGION', 'AWS_REGION', 'AWS_DEFAULT_REGION') && {
      METRIST_AWS_REGION: 'us-east-1',
    }),
    ...(hasNone('METRIST_NAMESPACE', 'METRIST_AWSIAM_NAMESPACE') && { METRIST_NAMESPACE: 'offline' }),
    ...(hasNone(...keyNames) && {
      METRIST_AWS_ACCESS_KEY_ID: 'OFFLINEACCESSKEYID00',
      METRIST_AWS_SECRET_ACCESS_KEY: 'offline-mode-needs-no-secret-access-key',
    }),
  };
}
