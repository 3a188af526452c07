/** The two keys, as the specification and as the Orchestrator call them. */
const keyNames = [
  'METRIST_AWS_ACCESS_KEY_ID',
  'METRIST_AWS_SECRET_ACCESS_KEY',
  'METRIST_AWSIAM_A_W_S_ACCESS_KEY_ID',
  'METRIST_AWSIAM_A_W_S_SECRET_ACCESS_KEY',
];

/**
 * What an offline run needs and its environment does not say. Nothing that is set is set again, so a wrong setting fails
 * offline as it would live. With neither key both get a value that nobody takes for a real one: without, the SDK would ask
 * its default credential chain, and that asks the network.
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
