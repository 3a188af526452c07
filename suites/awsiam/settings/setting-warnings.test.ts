import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Values } from '../../../runner/monitor.ts';
import { findSettingWarnings, settingNames } from './setting-warnings.ts';

const warningsOf = (values: Values): string[] => findSettingWarnings(values, 'live');

/** The setting that a warning suggests for a name. */
function proposalFor(name: string, others: Values = {}): string | undefined {
  const [warning = '', ...more] = warningsOf({ [name]: 'hunter2', ...others });
  expect(more).toEqual([]);
  expect(warning).not.toContain('hunter2');
  return /^(\w+) has no effect: there is no such setting; did you mean (\w+)\?$/.exec(warning)?.[2];
}

describe('a misspelt variable', () => {
  test.for([
    ['METRIST_NAMSPACE', 'METRIST_NAMESPACE'],
    ['METRIST_NAMEPSACE', 'METRIST_NAMESPACE'],
    ['metrist_namespace', 'METRIST_NAMESPACE'],
    ['METRIST_STEP_TIMEOUT', 'METRIST_STEP_TIMEOUT_SECS'],
    ['METRIST_STEP_TIMEOUT_SECONDS', 'METRIST_STEP_TIMEOUT_SECS'],
    ['METRIST_REQUEST_TIMEOUT_MS', 'METRIST_REQUEST_TIMEOUT_SECS'],
    ['METRIST_REGION', 'METRIST_AWS_REGION'],
    ['METRIST_AWS_SECRET_KEY', 'METRIST_AWS_SECRET_ACCESS_KEY'],
    ['METRIST_ACCESS_KEY_ID', 'METRIST_AWS_ACCESS_KEY_ID'],
    ['METRIST_AWSIAM_AWS_REGION', 'METRIST_AWSIAM_A_W_S_REGION'],
    ['METRIST_AWSIAM_REGION', 'METRIST_AWSIAM_A_W_S_REGION'],
    ['METRIST_AWSAIM_NAMESPACE', 'METRIST_AWSIAM_NAMESPACE'],
    ['METRIST_ENDPOINT_URL', 'METRIST_AWSIAM_ENDPOINT_URL'],
    ['METRIST_CLEANUP', 'METRIST_CLEANUP_ENABLED'],
    ['METRIST_API_KEY', 'METRIST_API_TOKEN'],
    ['METRIST_API_TOKEN_FILE', 'METRIST_API_TOKEN'],
    ['METRIST_TOKEN', 'METRIST_API_TOKEN'],
    ['METRIST_INSTANCE', 'METRIST_INSTANCE_ID'],
    ['METRIST_RESULT_DIR', 'METRIST_RESULTS_DIR'],
    ['METRIST_RUN_GROUP', 'METRIST_RUN_GROUPS'],
    ['AWSIAM_MOCK_FAULT', 'AWSIAM_MOCK_FAULTS'],
  ] as const)('%s is mentioned with the suggestion %s', ([name, known]) => {
    expect(proposalFor(name)).toBe(known);
  });

  test.for([
    ['METRIST_NAMSPACE', { METRIST_NAMESPACE: 'prod' }],
    ['METRIST_REGION', { METRIST_AWSIAM_A_W_S_REGION: 'us-east-1' }],
    ['METRIST_AWSIAM_REGION', { METRIST_AWSIAM_A_W_S_REGION: 'us-east-1' }],
  ] as const)('%s is not mentioned if the setting is given: %j', ([name, others]) => {
    expect(proposalFor(name, others)).toBeUndefined();
  });

  test('is mentioned if its prefix is ours alone, even if the setting is given by a weaker name', () => {
    expect(proposalFor('METRIST_AWSIAM_REGION', { METRIST_AWS_REGION: 'us-east-1' })).toBe(
      'METRIST_AWSIAM_A_W_S_REGION',
    );
  });

  test('is not mentioned if it is empty', () => {
    expect(warningsOf({ METRIST_NAMSPACE: ' ' })).toEqual([]);
  });
});

/** Variables that the Orchestrator, its other monitors or anybody else may have in the environment. */
const foreign = [
  'METRIST_CACHE_DIR',
  'METRIST_CMA_CONFIG',
  'METRIST_DISABLE_TLS_VERIFICATION',
  'METRIST_ENABLE_HOST_TELEMETRY',
  'METRIST_EXE_DISABLE_CACHE',
  'METRIST_EXE_LOCAL_PATH',
  'METRIST_INVOCATION_STYLE',
  'METRIST_IPA_LOOPBACK_ONLY',
  'METRIST_IPA_SERVER_PORT',
  'METRIST_LOGGING_LEVEL',
  'METRIST_MONITORING_TAGS',
  'METRIST_MONITOR_RUNNING_ALERT_WEBHOOK_TOKEN',
  'METRIST_MONITOR_RUNNING_ALERT_WEBHOOK_URL',
  'METRIST_ORCHESTRATOR_ID',
  'METRIST_PREVIEW_MODE',
  'METRIST_SECRETS_SOURCE',
  'METRIST_WEBHOOK_HOST',
  'METRIST_AWSECS_A_W_S_REGION',
  'METRIST_AWSEKS_NAMESPACE',
  'METRIST_AWSLAMBDA_A_W_S_ACCESS_KEY_ID',
  'METRIST_AWSRDS_NAMESPACE',
  'METRIST_S3_NAMESPACE',
  'METRIST_SES_REGION',
  'METRIST_SQS_SECRET_ACCESS_KEY',
  'METRIST_AWS_PROFILE',
  'AWSIAM_HOME',
  'AWS_ENDPOINT_URL_SSM',
  'AWS_REGION',
  'NAMESPACE',
  'PATH',
];

test.for(foreign)('%s is not taken for a mistake', (name) => {
  for (const reader of ['live', 'offline', 'orchestrator', 'command'] as const) {
    expect(findSettingWarnings({ [name]: 'x' }, reader)).toEqual([]);
  }
});

test('the settings themselves are not taken for mistakes', () => {
  for (const name of settingNames.flat()) expect(findSettingWarnings({ [name]: 'x' }, 'offline'), name).toEqual([]);
});

describe('a setting with two names', () => {
  const both = { METRIST_AWSIAM_NAMESPACE: 'one', METRIST_NAMESPACE: 'two' };

  test.for(['live', 'offline', 'command'] as const)('that differ is mentioned: %s', (reader) => {
    expect(findSettingWarnings(both, reader)).toEqual([
      'METRIST_NAMESPACE has no effect: METRIST_AWSIAM_NAMESPACE is set to something else, and wins',
    ]);
  });

  test('is fine if both are equal, one is empty, or other monitors may need the second', () => {
    expect(warningsOf({ ...both, METRIST_NAMESPACE: ' one ' })).toEqual([]);
    expect(warningsOf({ ...both, METRIST_NAMESPACE: ' ' })).toEqual([]);
    expect(findSettingWarnings(both, 'orchestrator')).toEqual([]);
  });
});

test('a variable of the mock is mentioned only in a live run', () => {
  const values = { AWSIAM_MOCK_FAULTS: 'CreateUser=hang', AWSIAM_MOCK_SEED: '' };
  const warning = 'AWSIAM_MOCK_FAULTS has no effect: this run is live, and only the mock reads it';
  expect(findSettingWarnings(values, 'live')).toEqual([warning]);
  expect(findSettingWarnings(values, 'orchestrator')).toEqual([warning]);
  expect(findSettingWarnings(values, 'offline')).toEqual([]);
  expect(findSettingWarnings(values, 'command')).toEqual([]);
});

describe('the list of settings', () => {
  const projectDir = path.resolve(import.meta.dirname, '../../..');
  const known = new Set(settingNames.flat());

  test('has every variable of .env.example, and .env.example has every setting', async () => {
    const text = await readFile(path.join(projectDir, '.env.example'), 'utf8');
    const shown = [...text.matchAll(/^([A-Z\d_]+)=/gm)].map(([, name = '']) => name);
    expect(shown.filter((name) => !known.has(name))).toEqual([]);
    // The endpoint is AWS's own variable.
    const unshown = settingNames.filter((names) => !names.some((name) => shown.includes(name)));
    expect(unshown).toEqual([['METRIST_AWSIAM_ENDPOINT_URL', 'AWS_ENDPOINT_URL_IAM']]);
  });

  test('has every variable that the code reads by its name', async () => {
    const read: string[] = [];
    for (const folder of ['cli', 'history', 'metrist', 'mocks', 'reporters', 'runner', 'suites']) {
      for (const file of await readdir(path.join(projectDir, folder), { recursive: true })) {
        if (!file.endsWith('.ts') || /\.test\.ts$|testing\//.test(file)) continue;
        // It reads the variables of the Orchestrator itself.
        if (file === 'doctor/checks/orchestrator.ts') continue;
        const code = await readFile(path.join(projectDir, folder, file), 'utf8');
        read.push(...[...code.matchAll(/'((?:METRIST|AWSIAM)_[A-Z\d_]+[A-Z\d])'/g)].map(([, name = '']) => name));
      }
    }
    expect(read.length).toBeGreaterThan(30);
    expect(read.filter((name) => !known.has(name))).toEqual([]);
  });
});
