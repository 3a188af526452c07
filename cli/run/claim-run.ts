import { acquireRunLock, describeHeldRunLock, describeHolder, type LockingCommand } from '../../host/run-lock.ts';
import { shortenPath } from '../../host/results-dir.ts';
import { oneLine } from '../../text/printable.ts';
import type { CommandContext } from '../command-context.ts';
import { createProgress } from '../progress.ts';
import type { RunSetup } from './run-setup.ts';

interface ClaimRunOptions {
  readonly command: LockingCommand;
  /** How long to wait for another `run` or `watch` to end. @default 0 */
  readonly waitMs?: number;
  readonly signal: AbortSignal;
}

/** The right to be the only one that runs for a namespace and results directory, until it is disposed of. */
export interface Claim extends Disposable {
  readonly isLocked: boolean;
  /** Why there is no lock, if the disk takes none. The run goes on, because IAM has to be watched. */
  readonly warnings: readonly string[];
}

export const nothingToClaim: Claim = { isLocked: false, warnings: [], [Symbol.dispose]: () => {} };

/**
 * Sees to it that no two `run` or `watch` run at once for the same namespace and results directory.
 *
 * @returns `undefined` if another one runs. Then one line on stderr says which
 * @throws only the reason of the signal
 */
export async function claimRun(
  { settings, resultsDir }: Pick<RunSetup, 'settings' | 'resultsDir'>,
  { command, waitMs = 0, signal }: ClaimRunOptions,
  { errorOutput }: Pick<CommandContext, 'errorOutput'>,
): Promise<Claim | undefined> {
  const namespace = settings.config?.namespace;
  const owner = { command, ...(namespace !== undefined && { namespace }) };
  using waiting = new DisposableStack();
  const lock = await acquireRunLock({
    ...owner,
    resultsDir,
    waitMs,
    signal,
    onWait: (holder) => {
      const progress = createProgress(
        errorOutput,
        `waiting for ${holder === undefined ? 'another awsiam' : describeHolder(holder)}`,
      );
      waiting.defer(() => progress.end());
    },
  });
  switch (lock.state) {
    case 'acquired':
      return { isLocked: true, warnings: [], [Symbol.dispose]: () => lock.lock[Symbol.dispose]() };
    case 'not made': {
      const warning = `two runs at once would not be noticed, because the results directory takes no lock: ${lock.reason}`;
      return { ...nothingToClaim, warnings: [warning] };
    }
    case 'held': {
      const shownDir = shortenPath(resultsDir, process.cwd());
      waiting.dispose();
      errorOutput.write(`${oneLine(describeHeldRunLock({ ...owner, ...lock, shownDir }), 1000)}\n`);
      return undefined;
    }
    default:
      return lock satisfies never;
  }
}
