import { expect, test } from 'vitest';
import { awsiam } from './monitor.ts';
import { fakeSession } from './testing/fake-session.ts';
import { testConfig, testValues, accessKeyId, secretAccessKey } from './testing/values.ts';

test('the eight steps are in order, each with a description', () => {
  expect(awsiam.name).toBe('awsiam');
  expect(awsiam.steps.map(({ name }) => name)).toEqual([
    'CreateUser',
    'CreateGroup',
    'AddUserToGroup',
    'RemoveUserFromGroup',
    'DeleteGroup',
    'AttachPolicy',
    'DetachPolicy',
    'DeleteUser',
  ]);
  for (const { description } of awsiam.steps) expect(description).toMatch(/^[A-Z].+\.$/);
});

test('the deadline of a step is the configured one', () => {
  expect(awsiam.stepTimeoutMs(testConfig({ stepTimeoutMs: 12_000 }))).toBe(12_000);
});

test('the secrets are those of the values, whether or not they make a valid configuration', () => {
  const values = awsiam.secrets(testValues({ METRIST_AWS_REGION: undefined })).map(({ value }) => value);
  expect(values).toEqual(expect.arrayContaining([accessKeyId, secretAccessKey]));
});

test('the secrets of a session are those that the SDK found', () => {
  const credentials = { accessKeyId: 'FOUNDKEYID', secretAccessKey: 'found-secret', sessionToken: 'found-token' };
  const values = awsiam.secrets({}, fakeSession({ credentials })).map(({ value }) => value);
  expect(values).toEqual(expect.arrayContaining(['FOUNDKEYID', 'found-secret', 'found-token']));
  expect(awsiam.secrets({}, fakeSession()).map(({ value }) => value)).not.toContain('found-secret');
});
