import { parseConfig, type Config } from '../settings/config.ts';
import { requireConfig } from '../../../runner/settings.ts';
import type { Values } from '../../../runner/monitor.ts';

export const accessKeyId = 'AKIAEXAMPLEKEY01ABCD';
export const secretAccessKey = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY';

/** Variables of a configuration that works; `undefined` takes one away. */
export function testValues(overrides: Values = {}): Values {
  return {
    METRIST_AWS_ACCESS_KEY_ID: accessKeyId,
    METRIST_AWS_SECRET_ACCESS_KEY: secretAccessKey,
    METRIST_AWS_REGION: 'us-east-1',
    METRIST_NAMESPACE: 'prod',
    ...overrides,
  };
}

export function testConfig(overrides: Partial<Config> = {}): Config {
  return { ...requireConfig(parseConfig(testValues())), proxyEnvironment: {}, ...overrides };
}
