import type { Monitor, Values } from '../../runner/monitor.ts';
import { parseConfig, type Config } from './settings/config.ts';
import { secretsOf, secretsOfCredentials } from './settings/secrets.ts';
import { findSettingWarnings } from './settings/setting-warnings.ts';
import type { Session } from './session.ts';
import { steps } from './steps.ts';

export { configJsonKey, configProperties } from './settings/variables.ts';

const named: readonly { readonly name: string; readonly operation?: string }[] = steps;
/** IAM's name of each step's call. */
export const operations: Readonly<Record<string, string>> = Object.fromEntries(
  named.map(({ name, operation = name }) => [name, operation]),
);

/**
 * The part of the monitor that code needs before it runs the steps, or without running them: vitest's main process,
 * `awsiam drive` and the start of a run under the Orchestrator. It loads in half the time of `monitor.ts`, which has the rest.
 */
export const outline = {
  name: 'awsiam',
  steps,
  parseConfig,
  findSettingWarnings,
  secrets: (values: Values, session?: Session) => [
    ...secretsOf(values),
    ...(session?.credentials === undefined ? [] : secretsOfCredentials(session.credentials)),
  ],
} as const satisfies Pick<
  Monitor<Config, Session>,
  'name' | 'steps' | 'parseConfig' | 'findSettingWarnings' | 'secrets'
>;
