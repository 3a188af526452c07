import { defineMonitor } from '../../runner/monitor.ts';
import { parseConfig, type Config } from './settings/config.ts';
import { explainError } from './errors/explain-error.ts';
import { secretsOf, secretsOfCredentials } from './settings/secrets.ts';
import { keepHouse } from './cleanup/housekeeping.ts';
import { closeSession, openSession, type Session } from './session.ts';
import { steps } from './steps.ts';
import { teardown } from './cleanup/teardown.ts';

/** Watches AWS Identity and Access Management: https://aws.amazon.com/iam/ */
export const awsiam = defineMonitor<Config, Session>({
  name: 'awsiam',
  steps,
  parseConfig,
  stepTimeoutMs: ({ stepTimeoutMs }) => stepTimeoutMs,
  openSession,
  explain: explainError,
  secrets: (values, session) => [
    ...secretsOf(values),
    ...(session?.credentials === undefined ? [] : secretsOfCredentials(session.credentials)),
  ],
  teardown,
  sweep: keepHouse,
  closeSession,
});
