import { openInTime } from '../../../runner/deadline.ts';
import type { SweepReport } from '../../../runner/monitor-run.ts';
import { hideSecrets } from '../../../text/redact.ts';
import { clockOffsetMs, closeSession, openSession, type Session } from '../session.ts';
import type { Config } from '../settings/config.ts';
import { secretsOfCredentials } from '../settings/secrets.ts';
import { steps } from '../steps.ts';
import { sweep, type SweepOptions, type SweepResult } from './sweep.ts';

/** Time for teardown, for a late creation that it waits for, and for the pauses between steps. */
const besideStepsMs = 300_000;
const minSparedMs = 3_600_000;

/**
 * The longest time that a run with these settings can need its entities. Younger entities are kept. It is at least an
 * hour, because another run of the namespace may have longer timeouts than this one.
 */
export function longestRunMs({ stepTimeoutMs }: Pick<Config, 'stepTimeoutMs'>): number {
  return Math.max(minSparedMs, steps.length * stepTimeoutMs + besideStepsMs);
}

/**
 * After the steps: removes what killed runs left, unless that is turned off, and warns in time when test entities pile up.
 * With one run every two minutes, one leaked group per run uses up the account's quota of 300 in ten hours. The steps then
 * fail with `LimitExceeded`, which looks like an outage.
 */
export async function runHousekeeping(
  session: Session,
  { signal }: { readonly signal: AbortSignal },
): Promise<SweepReport> {
  const { namespace, cleanupEnabled, maxTestEntities } = session.config;
  const result = await sweepAccount(session, {
    olderThanMs: longestRunMs(session.config),
    dryRun: !cleanupEnabled,
    signal,
  });
  const remaining = result.kept + result.failed + result.untried + (cleanupEnabled ? 0 : result.removed);
  return {
    removed: cleanupEnabled ? result.removed : 0,
    remaining,
    warnings: [
      // A user who turned the removal off may have taken away its permissions as well.
      ...(cleanupEnabled ? result.warnings : []),
      ...(remaining > maxTestEntities ? [describeTooMany(remaining, namespace, cleanupEnabled)] : []),
    ],
  };
}

function describeTooMany(remaining: number, namespace: string, cleanupEnabled: boolean): string {
  const remedy = cleanupEnabled
    ? 'look for runs that are killed, and for what keeps the sweep from removing them'
    : 'set METRIST_CLEANUP_ENABLED=1 or run "awsiam cleanup"';
  return `at least ${remaining} test users and groups of the namespace ${namespace} exist; before the account's quotas (300 groups, 5000 users) are used up and steps fail with LimitExceeded, ${remedy}`;
}

interface CleanupOptions extends Pick<
  SweepOptions,
  'olderThanMs' | 'removeUndated' | 'dryRun' | 'paceMs' | 'onEntity' | 'signal'
> {
  /** Time limit for opening the session, as in a run. @default 30_000 */
  readonly openTimeoutMs?: number;
}

/**
 * Does the work of `awsiam cleanup`: one sweep, in a session of its own.
 *
 * @throws {NoCredentialsError}
 * @throws {OpenTimeoutError}
 */
export async function cleanUp(
  config: Config,
  { openTimeoutMs = 30_000, ...options }: CleanupOptions,
): Promise<SweepResult> {
  // The search for credentials ignores signals, so it has its own time limit.
  const open = (signal: AbortSignal): Promise<Session> => openSession(config, { mode: 'live', signal });
  const session = await openInTime(open, closeSession, openTimeoutMs, options.signal);
  try {
    if (session.credentials) hideSecrets(secretsOfCredentials(session.credentials));
    return await sweepAccount(session, options);
  } finally {
    closeSession(session);
  }
}

/** One sweep in an open session. */
export function sweepAccount(
  session: Session,
  options: Omit<SweepOptions, 'iam' | 'history' | 'namespace' | 'now' | 'random'>,
): Promise<SweepResult> {
  const { iam, history, config } = session;
  // IAM's time. By the clock of a host that is ahead, the entities of a run in progress would look old.
  const now = (): Date => new Date(Date.now() + clockOffsetMs(session));
  return sweep({ iam, history, namespace: config.namespace, now, random: Math.random, ...options });
}
