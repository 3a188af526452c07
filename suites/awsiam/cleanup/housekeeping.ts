import type { SweepReport } from '../../../runner/monitor-run.ts';
import type { Session } from '../session.ts';
import type { Config } from '../settings/config.ts';
import { steps } from '../steps.ts';
import { serviceTime, sweep } from './sweep.ts';

/** Time for teardown, for a late creation that it waits for, and for the pauses between steps. */
const besideStepsMs = 300_000;
const leastSparedMs = 3_600_000;

/**
 * The longest that a run with these settings can need its entities: what is younger is never removed. At least an hour,
 * because another run of the namespace may have longer timeouts than this one.
 */
export function longestRunMs({ stepTimeoutMs }: Pick<Config, 'stepTimeoutMs'>): number {
  return Math.max(leastSparedMs, steps.length * stepTimeoutMs + besideStepsMs);
}

/**
 * After the steps: removes what killed runs left, unless that is turned off, and warns while there is still time when
 * test entities pile up. At one run every two minutes a group that each run leaks uses up the account's 300 in ten
 * hours, and `LimitExceeded` would then look like an outage.
 */
export async function keepHouse(
  { iam, config, history }: Session,
  { signal }: { readonly signal: AbortSignal },
): Promise<SweepReport> {
  const { namespace, cleanupEnabled, mostTestEntities } = config;
  const report = await sweep({
    iam,
    history,
    namespace,
    now: () => serviceTime(iam),
    random: Math.random,
    olderThanMs: longestRunMs(config),
    dryRun: !cleanupEnabled,
    signal,
  });
  const remaining = report.kept + report.failed + report.untried + (cleanupEnabled ? 0 : report.removed);
  return {
    removed: cleanupEnabled ? report.removed : 0,
    remaining,
    warnings: [
      // Who turned it off may have taken away its permissions as well.
      ...(cleanupEnabled ? report.warnings : []),
      ...(remaining > mostTestEntities ? [pilingUp(remaining, namespace, cleanupEnabled)] : []),
    ],
  };
}

function pilingUp(remaining: number, namespace: string, cleanupEnabled: boolean): string {
  const remedy = cleanupEnabled
    ? 'look for runs that are killed, and for what keeps the sweep from removing them'
    : 'set METRIST_CLEANUP_ENABLED=1 or run "awsiam cleanup"';
  return `at least ${remaining} test users and groups of the namespace ${namespace} exist; before the account's quotas (300 groups, 5000 users) are used up and steps fail with LimitExceeded, ${remedy}`;
}
