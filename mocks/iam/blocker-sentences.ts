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
