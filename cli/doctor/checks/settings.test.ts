import { describe, expect, test } from 'vitest';
import type { Values } from '../../../runner/monitor.ts';
import { settingNames } from '../../../suites/awsiam/settings/setting-warnings.ts';
import { examine, goodSettings } from '../testing/examine.ts';

const checkSettings = async (values: Values, environment = values): Promise<readonly string[]> =>
  (await examine(values, ['--only', 'settings'], environment)).lines;

describe('the settings', () => {
  test('are all listed, except those of the mock', async () => {
    const lines = await checkSettings({});
    for (const names of settingNames) {
      const name = names.at(-1) ?? '';
      if (!name.startsWith('AWSIAM_MOCK_')) expect(lines).toContainEqual(expect.stringContaining(` ${name} `));
    }
  });

  test('say where each comes from: the environment, .env, or the default', async () => {
    const environment = { ...goodSettings, METRIST_NAMESPACE: '' };
    const lines = await checkSettings(
      { ...environment, METRIST_NAMESPACE: 'dev', AWSIAM_HISTORY_DAYS: '30' },
      environment,
    );
    expect(lines).toEqual(
      expect.arrayContaining([
        '✓ METRIST_AWS_REGION = us-east-1 (from the environment)',
        '✓ METRIST_NAMESPACE = dev (from .env)',
        '✓ AWSIAM_HISTORY_DAYS = 30 (from .env)',
        '✓ METRIST_STEP_TIMEOUT_SECS = 900 (default)',
        '✓ METRIST_INSTANCE_ID is not set',
      ]),
    );
  });

  test.for<[what: string, values: Values, line: string]>([
    [
      'a name of AWS in place of ours',
      { METRIST_AWS_REGION: '', AWS_REGION: 'eu-west-1' },
      '✓ AWS_REGION = eu-west-1 (from the environment, in place of METRIST_AWS_REGION)',
    ],
    [
      "the Orchestrator's name",
      { METRIST_NAMESPACE: '', METRIST_AWSIAM_NAMESPACE: 'prod' },
      '✓ METRIST_AWSIAM_NAMESPACE = prod (from the environment, in place of METRIST_NAMESPACE)',
    ],
    [
      'a secret that is too short to be hidden elsewhere',
      { METRIST_AWS_SECRET_ACCESS_KEY: 'short' },
      '✓ METRIST_AWS_SECRET_ACCESS_KEY = [redacted] (from the environment)',
    ],
    [
      'the password of a proxy',
      { HTTPS_PROXY: 'http://me:PassWord1@127.0.0.1:1' },
      '✓ HTTPS_PROXY = http://[redacted]@127.0.0.1:1 (from the environment)',
    ],
    ['the end of a key id only', {}, '✓ METRIST_AWS_ACCESS_KEY_ID = ****MPLE (from the environment)'],
    [
      'nothing of a secret in the place of a key id',
      { METRIST_AWS_ACCESS_KEY_ID: 'another/secret+MDENGbPxRfiCYEXAMPLEKEY' },
      '✓ METRIST_AWS_ACCESS_KEY_ID = [redacted] (from the environment)',
    ],
    [
      'an endpoint for all services of AWS',
      { AWS_ENDPOINT_URL: 'http://127.0.0.1:1' },
      '✓ AWS_ENDPOINT_URL_IAM is not set',
    ],
    [
      'a variable of OpenTelemetry',
      { OTEL_EXPORTER_OTLP_HEADERS: 'key=Secret123456' },
      '✓ OTEL_EXPORTER_OTLP_HEADERS = key=[redacted] (from the environment)',
    ],
    [
      'a misspelt name',
      { METRIST_NAMSPACE: 'x', METRIST_NAMESPACE: '' },
      '! METRIST_NAMSPACE has no effect: there is no such setting; did you mean METRIST_NAMESPACE?',
    ],
    [
      'a name that a stronger one overrules',
      { METRIST_AWSIAM_NAMESPACE: 'x' },
      '! METRIST_NAMESPACE has no effect: METRIST_AWSIAM_NAMESPACE is set to something else, and wins',
    ],
    [
      'a fault of the mock',
      { AWSIAM_MOCK_FAULTS: 'x' },
      '! AWSIAM_MOCK_FAULTS has no effect: this run is live, and only the mock reads it',
    ],
    [
      'a wrong setting of the history',
      { AWSIAM_HISTORY_DAYS: '0' },
      '✗ AWSIAM_HISTORY_DAYS is "0": expected a whole number of days, from 1 to 3650',
    ],
    [
      'a wrong setting of Metrist',
      { METRIST_INSTANCE_ID: '/' },
      '✗ METRIST_INSTANCE_ID is "/": expected the place where this runs, such as us-east-1 (letters, digits and . _ ~ : -, at most 255)',
    ],
  ])('show %s', async ([, values, line]) => {
    expect(await checkSettings({ ...goodSettings, ...values })).toContain(line);
  });

  test('list a refused setting only once', async () => {
    const lines = await checkSettings({ ...goodSettings, METRIST_NAMESPACE: 'a b' });
    expect(lines.filter((line) => line.includes('METRIST_NAMESPACE'))).toHaveLength(1);
  });

  test.for([
    ['us-east-1', '✓', undefined],
    ['us-gov-west-1', '✓', undefined],
    ['us-esat-1', '✗', 'Did you mean us-east-1?'],
    ['us-eastt-1', '✗', 'Did you mean us-east-1?'],
    ['uss-east-1', '✗', 'Did you mean us-east-1?'],
    ['xx-nowhere-1', '✗', 'Look for a typing error.'],
    // AWS may have opened it after this version of the SDK.
    ['us-north-1', '!', undefined],
    ['eu-west-9', '!', 'Did you mean eu-west-1 or eu-west-2 or eu-west-3?'],
  ] as const)('judge the region %s as %s', async ([region, mark, fix]) => {
    const { lines, found } = await examine({ ...goodSettings, METRIST_AWS_REGION: region }, ['--only', 'settings']);
    expect(lines.find((line) => line.includes(' METRIST_AWS_REGION '))?.[0]).toBe(mark);
    const finding = found.settings?.find(({ what }) => what.startsWith('METRIST_AWS_REGION'));
    if (fix !== undefined) expect(finding?.fix).toBe(fix);
  });
});
