import { deleteConflict } from './aws-error.ts';
import type { IamState, PolicyHolder } from './state.ts';

/**
 * What can stand in the way of a delete, with AWS's sentence for it. For users in groups AWS says the same as for groups
 * with users; SSH keys and service-specific credentials share one sentence. Wording as quoted in the issue trackers of
 * rebuy-de/aws-nuke (281, 522, 671) and cloud-custodian (1663); the one of `serviceSpecificCredentials` is inferred.
 */
const sentences = {
  membership: 'Cannot delete entity, must remove users from group first.',
  attachedPolicies: 'Cannot delete entity, must detach all policies first.',
  inlinePolicies: 'Cannot delete entity, must delete policies first.',
  accessKeys: 'Cannot delete entity, must delete access keys first.',
  loginProfile: 'Cannot delete entity, must delete login profile first.',
  mfaDevices: 'Cannot delete entity, must delete MFA device first.',
  signingCertificates: 'Cannot delete entity, must delete certificates first.',
  sshPublicKeys: 'Cannot delete entity, must remove referenced objects first.',
  serviceSpecificCredentials: 'Cannot delete entity, must remove referenced objects first.',
} as const;

/** The kinds of things that must be gone before their user or group can go. */
export type DeleteBlocker = keyof typeof sentences;

/** AWS's sentence about what must be done first. */
export function describeBlocker(blocker: DeleteBlocker): string {
  return sentences[blocker];
}

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
