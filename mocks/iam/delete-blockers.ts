import { deleteConflict } from './aws-error.ts';
import { describeBlocker, type DeleteBlocker } from './blocker-sentences.ts';
import type { IamState, PolicyHolder } from './state.ts';

/**
 * Refuses to delete a user or group on which something hangs, or lately hung: removals take time to be seen.
 * @param counts How many there are of each kind, in the order in which AWS is to complain about them.
 * @throws DeleteConflictException
 */
export function refuseWhileBlocked(
  state: IamState,
  holder: PolicyHolder,
  counts: Partial<Record<DeleteBlocker, number>>,
): void {
  const nowMs = state.now().getTime();
  for (const [blocker, count] of Object.entries(counts) as [DeleteBlocker, number][]) {
    if (count > 0 || nowMs < (holder.lingering.get(blocker) ?? 0)) throw deleteConflict(describeBlocker(blocker));
  }
}

/** Notes that something was just removed, so that it can block a delete for a while longer. */
export function noteRemoval(state: IamState, holder: PolicyHolder, blocker: DeleteBlocker): void {
  if (state.propagation.removalMs > 0) {
    holder.lingering.set(blocker, state.now().getTime() + state.propagation.removalMs);
  }
}
