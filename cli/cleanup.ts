import { parseConfig } from '../suites/awsiam/settings/config.ts';
import { secretsOfCredentials } from '../suites/awsiam/settings/secrets.ts';
import { closeSession, openSession } from '../suites/awsiam/session.ts';
import { serviceTime, sweep } from '../suites/awsiam/cleanup/sweep.ts';
import { settleWithin } from '../runner/abort.ts';
import { hideSecrets } from '../runner/redact.ts';
import type { CommandContext } from './command-context.ts';
import { createProgress } from './progress.ts';

export interface CleanupOptions {
  readonly dryRun: boolean;
  /** Milliseconds. */
  readonly olderThan: number;
  /** Milliseconds. */
  readonly pace: number;
  readonly signal: AbortSignal;
}

/** For opening the session, as in a run. */
const openTimeoutMs = 30_000;

/**
 * `awsiam cleanup`: the sweep alone, to its end.
 *
 * @returns whether everything that was to be removed is gone
 * @throws ConfigError, and the SDK's error where there are no credentials
 */
export async function cleanUp(
  { dryRun, olderThan, pace, signal }: CleanupOptions,
  context: CommandContext,
): Promise<boolean> {
  const config = parseConfig(context.values);
  const within = AbortSignal.any([signal, AbortSignal.timeout(openTimeoutMs)]);
  // What looks for credentials does not heed a signal.
  const session = await settleWithin(openSession(config, { mode: 'live', signal: within }), within);
  if (session.credentials) hideSecrets(secretsOfCredentials(session.credentials));
  const progress = createProgress(context.errorOutput);
  try {
    const report = await sweep({
      iam: session.iam,
      namespace: config.namespace,
      now: () => serviceTime(session.iam),
      olderThanMs: olderThan,
      dryRun,
      paceMs: pace,
      signal,
      onEntity: (kind, name) => {
        if (dryRun) context.output.write(`${kind} ${name}\n`);
        else progress.tick(`${name} removed`);
      },
    });
    progress.end();
    for (const warning of report.warnings) context.errorOutput.write(`! ${warning}\n`);
    context.output.write(`${summarise(report, dryRun, config.namespace)}\n`);
    return report.warnings.length === 0;
  } finally {
    progress.end();
    closeSession(session);
  }
}

function summarise(
  { removed, remaining }: { readonly removed: number; readonly remaining: number },
  dryRun: boolean,
  namespace: string,
): string {
  const entities = removed === 1 ? 'test entity' : 'test entities';
  const kept = remaining === 0 ? '' : `, ${remaining} kept`;
  return `${removed} ${entities} of the namespace ${namespace} ${dryRun ? 'would be removed' : 'removed'}${kept}`;
}
