import type { Monitor } from '../../runner/monitor.ts';
import { secretsOf, secretsOfCredentials } from './settings/secrets.ts';
import { findSettingWarnings } from './settings/setting-warnings.ts';
import type { Session } from './session.ts';
import { steps } from './steps.ts';

/** What the reports need of the monitor. Apart from the rest, which their process would load for nothing at every start. */
export const outline = {
  name: 'awsiam',
  steps,
  findSettingWarnings,
  secrets: (values, session) => [
    ...secretsOf(values),
    ...(session?.credentials === undefined ? [] : secretsOfCredentials(session.credentials)),
  ],
} as const satisfies Pick<Monitor<unknown, Session>, 'name' | 'steps' | 'findSettingWarnings' | 'secrets'>;
