import type { EntityName } from './entities.ts';
import type { Answer } from './record-attempts.ts';
import { policyArnOf, type Session } from './session.ts';

type Removal = (session: Session, options: { readonly abortSignal: AbortSignal }) => Promise<Answer>;

/** The one request that removes each entity of this run. */
export const removals: Readonly<Record<EntityName, Removal>> = {
  user: ({ iam, names }, options) => iam.deleteUser({ UserName: names.user }, options),
  group: ({ iam, names }, options) => iam.deleteGroup({ GroupName: names.group }, options),
  membership: ({ iam, names }, options) =>
    iam.removeUserFromGroup({ UserName: names.user, GroupName: names.group }, options),
  attachment: async (session, options) =>
    await session.iam.detachUserPolicy({ UserName: session.names.user, PolicyArn: policyArnOf(session) }, options),
};
