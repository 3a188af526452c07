import type { Monitor } from '../../runner/monitor.ts';
import { parseConfig, type Config } from './settings/config.ts';
import { secretsOf, secretsOfCredentials } from './settings/secrets.ts';
import { findSettingWarnings } from './settings/setting-warnings.ts';
import type { Session } from './session.ts';
import { steps } from './steps.ts';

/** What the main process needs of the monitor. The worker loads the rest. */
export const outline = {
  name: 'awsiam',
  steps,
  parseConfig,
  findSettingWarnings,
  secrets: (values, session) => [
    ...secretsOf(values),
    ...(session?.credentials === undefined ? [] : secretsOfCredentials(session.credentials)),
  ],
} as const satisfies Pick<
  Monitor<Config, Session>,
  'name' | 'steps' | 'parseConfig' | 'findSettingWarnings' | 'secrets'
>;
