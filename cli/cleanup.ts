import { plural } from '../text/printable.ts';
import { parseConfig } from '../suites/awsiam/settings/config.ts';
import { secretsOfCredentials } from '../suites/awsiam/settings/secrets.ts';
import { closeSession, openSession, type Session } from '../suites/awsiam/session.ts';
import { longestRunMs } from '../suites/awsiam/cleanup/housekeeping.ts';
import { serviceTime, sweep, type SweepResult } from '../suites/awsiam/cleanup/sweep.ts';
import { requireConfig } from '../runner/settings.ts';
import { settleWithin, OpenTimeoutError } from '../runner/deadline.ts';
import { hideSecrets } from '../text/redact.ts';
import type { CommandContext } from './command-context.ts';
import { createProgress } from './progress.ts';

export interface CleanupOptions {
  readonly dryRun: boolean;
  /** Milliseconds. @default the longest run by the settings */
  readonly olderThan?: number;
  /** Allows a cleanup that may break runs that are still going. */
  readonly mayBreakRuns: boolean;
  /** Milliseconds. */
  readonly pace: number;
  readonly signal: AbortSignal;
  /** For opening the session, as in a run. @default 30_000 */
  readonly openTimeoutMs?: number;
  /** The options make no sense, so the command ends. */
  readonly refuse: (why: string) => never;
}

/**
 * `awsiam cleanup`: the sweep alone, to its end.
 *
 * @returns whether everything that was to be removed is gone
 * @throws ConfigError, and the SDK's error where there are no credentials
 */
export async function cleanUp(options: CleanupOptions, context: CommandContext): Promise<boolean> {
  const { dryRun, mayBreakRuns, pace, signal, openTimeoutMs = 30_000 } = options;
  const config = requireConfig(parseConfig(context.values));
  const sparedMs = longestRunMs(config);
  const { olderThan = sparedMs } = options;
  if (olderThan < sparedMs && !mayBreakRuns && !dryRun) {
    const spared = `${Math.ceil(sparedMs / 60_000)}m`;
    options.refuse(
      `--older-than is shorter than ${spared}, as long as a run with these settings can last: what is younger may still be in use. Use ${spared} or more, or add --may-break-runs.`,
    );
  }
  const progress = createProgress(
    context.errorOutput,
    `looking for old test users and groups of the namespace ${config.namespace}`,
  );
  let session: Session | undefined;
  try {
    const deadline = AbortSignal.timeout(openTimeoutMs);
    const within = AbortSignal.any([signal, deadline]);
    // The search for credentials ignores signals.
    session = await settleWithin(openSession(config, { mode: 'live', signal: within }), within).catch(
      (error: unknown) => {
        throw deadline.aborted && !signal.aborted ? new OpenTimeoutError(openTimeoutMs, error) : error;
      },
    );
    const { iam, history, credentials } = session;
    if (credentials) hideSecrets(secretsOfCredentials(credentials));
    const report = await sweep({
      iam,
      history,
      namespace: config.namespace,
      now: () => serviceTime(iam),
      random: Math.random,
      olderThanMs: olderThan,
      takeUndated: mayBreakRuns,
      dryRun,
      paceMs: pace,
      signal,
      onEntity: (kind, name) => {
        if (!dryRun) return progress.tick(`${name} removed`);
        progress.end();
        context.output.write(`${kind} ${name}\n`);
      },
    });
    progress.end();
    for (const warning of report.warnings) context.errorOutput.write(`! ${warning}\n`);
    context.output.write(`${summarise(report, dryRun, config.namespace)}\n`);
    return report.warnings.length === 0;
  } finally {
    progress.end();
    if (session !== undefined) closeSession(session);
  }
}

function summarise(report: SweepResult, dryRun: boolean, namespace: string): string {
  const { removed, alreadyGone, kept, failed, untried, unlisted } = report;
  const others: readonly (readonly [number, string])[] = [
    [alreadyGone, 'already gone'],
    [kept, 'kept as too young'],
    [failed, 'could not be removed'],
    [untried, 'not reached'],
  ];
  return [
    `${plural(removed, 'test entity', 'test entities')} of the namespace ${namespace} ${dryRun ? 'would be removed' : 'removed'}`,
    ...others.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`),
    ...unlisted.map((kind) => `not all ${kind}s were looked at`),
  ].join(', ');
}
