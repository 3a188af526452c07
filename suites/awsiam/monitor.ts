import type { Monitor } from '../../runner/monitor.ts';
import { runHousekeeping } from './cleanup/housekeeping.ts';
import { remainingOf, teardown } from './cleanup/teardown.ts';
import { explainError } from './errors/explain-error.ts';
import { outline } from './outline.ts';
import { clockOffsetMs, closeSession, factsOf, openSession, prepare, type Session } from './session.ts';
import type { Config } from './settings/config.ts';

// Other folders import this file or, if the monitor's outline is enough, outline.ts, which loads faster.
export { cleanUp, longestRunMs, sweepAccount } from './cleanup/housekeeping.ts';
export type { SweepResult } from './cleanup/sweep.ts';
export { groupPath, maxNamespaceLength, policyPath, testPolicyName, userPath } from './names.ts';
export { permissions, type Permission, type PermittedOperation } from './permissions.ts';
export { parsePolicySettings, parseStepTimeout, settingRules } from './settings/config.ts';
export { variables, type Variable } from './settings/variables.ts';

/** Watches AWS Identity and Access Management: https://aws.amazon.com/iam/ */
export const awsiam: Monitor<Config, Session> = {
  ...outline,
  stepTimeoutMs: ({ stepTimeoutMs }) => stepTimeoutMs,
  prepare,
  openSession,
  explain: explainError,
  teardown,
  remaining: remainingOf,
  sweep: runHousekeeping,
  clockOffsetMs,
  facts: factsOf,
  closeSession,
};

/** How the monitor is presented in Metrist's catalogue. */
export const about = {
  displayName: 'AWS Identity and Access Management',
  description: 'Watches AWS Identity and Access Management (IAM) by doing what its users do, and timing it.',
  homepage: 'https://aws.amazon.com/iam/',
  statusPage: 'https://health.aws.amazon.com/health/status',
  groups: ['aws'],
} as const;
