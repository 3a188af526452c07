import { expect, test } from 'vitest';
import { offlineDefaults } from './offline-defaults.ts';

const keys = {
  METRIST_AWS_ACCESS_KEY_ID: 'OFFLINEACCESSKEYID00',
  METRIST_AWS_SECRET_ACCESS_KEY: 'offline-mode-needs-no-secret-access-key',
};

test('an empty environment gets every default; empty variables count as absent', () => {
  const allDefaults = { METRIST_AWS_REGION: 'us-east-1', METRIST_NAMESPACE: 'offline', ...keys };
  expect(offlineDefaults({})).toEqual(allDefaults);
  expect(offlineDefaults({ METRIST_NAMESPACE: '', AWS_REGION: ' ', METRIST_AWS_ACCESS_KEY_ID: '\t' })).toEqual(
    allDefaults,
  );
});

test.each(['METRIST_AWS_REGION', 'METRIST_AWSIAM_A_W_S_REGION', 'AWS_REGION', 'AWS_DEFAULT_REGION'])(
  '%s alone sets the region',
  (name) => {
    expect(offlineDefaults({ [name]: 'eu-west-1' })).not.toHaveProperty('METRIST_AWS_REGION');
  },
);

test.each(['METRIST_NAMESPACE', 'METRIST_AWSIAM_NAMESPACE'])('%s alone sets the namespace', (name) => {
  expect(offlineDefaults({ [name]: 'dev' })).not.toHaveProperty('METRIST_NAMESPACE');
});

test.each([
  'METRIST_AWS_ACCESS_KEY_ID',
  'METRIST_AWS_SECRET_ACCESS_KEY',
  'METRIST_AWSIAM_A_W_S_ACCESS_KEY_ID',
  'METRIST_AWSIAM_A_W_S_SECRET_ACCESS_KEY',
])('with %s alone no key is added: the suite reports the missing one', (name) => {
  expect(offlineDefaults({ [name]: 'x' })).not.toHaveProperty('METRIST_AWS_ACCESS_KEY_ID');
  expect(offlineDefaults({ [name]: 'x' })).not.toHaveProperty('METRIST_AWS_SECRET_ACCESS_KEY');
});
