import { defineMonitor } from '../../runner/monitor.ts';
import type { Config } from './settings/config.ts';
import { explainError } from './errors/explain-error.ts';
import { keepHouse } from './cleanup/housekeeping.ts';
import { outline } from './outline.ts';
import { clockOffsetMs, closeSession, openSession, prepare, type Session } from './session.ts';
import { remainingOf, teardown } from './cleanup/teardown.ts';

/** Watches AWS Identity and Access Management: https://aws.amazon.com/iam/ */
export const awsiam = defineMonitor<Config, Session>({
  ...outline,
  stepTimeoutMs: ({ stepTimeoutMs }) => stepTimeoutMs,
  prepare,
  openSession,
  explain: explainError,
  teardown,
  remaining: remainingOf,
  sweep: keepHouse,
  clockOffsetMs,
  closeSession,
});
