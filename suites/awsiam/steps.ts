import type { Step, StepContext } from '../../runner/monitor.ts';
import { call, removals } from './call.ts';
import type { EntityName } from './entities.ts';
import { groupPath, userPath } from './names.ts';
import { policyArnOf, type Session } from './session.ts';

/** The eight steps in order. Each makes one IAM call on the entities of this run. */
export const steps = [
  {
    name: 'CreateUser',
    description: 'Creates a user with a random name.',
    async run(session, context) {
      const { iam, names, config } = session;
      const input = { Path: userPath, UserName: names.user, PermissionsBoundary: config.permissionsBoundaryArn };
      const answer = await call(session, context, 'CreateUser', { makes: 'user' }, (o) => iam.createUser(input, o));
      session.entityArn ??= answer?.User?.Arn;
    },
  },
  {
    name: 'CreateGroup',
    description: 'Creates a group with a random name.',
    async run(session, context) {
      const { iam, names } = session;
      const input = { Path: groupPath, GroupName: names.group };
      const answer = await call(session, context, 'CreateGroup', { makes: 'group' }, (o) => iam.createGroup(input, o));
      session.entityArn ??= answer?.Group?.Arn;
    },
  },
  {
    name: 'AddUserToGroup',
    description: 'Adds the user to the group.',
    async run(session, context) {
      const { iam, names } = session;
      const input = { UserName: names.user, GroupName: names.group };
      await call(session, context, 'AddUserToGroup', { makes: 'membership' }, (o) => iam.addUserToGroup(input, o));
    },
  },
  {
    name: 'RemoveUserFromGroup',
    description: 'Removes the user from the group.',
    run: (session, context) => remove(session, context, 'membership'),
  },
  {
    name: 'DeleteGroup',
    description: 'Deletes the group.',
    run: (session, context) => remove(session, context, 'group'),
  },
  {
    name: 'AttachPolicy',
    description: 'Attaches the test policy to the user.',
    operation: 'AttachUserPolicy',
    async run(session, context) {
      const { iam, names } = session;
      const input = { UserName: names.user, PolicyArn: policyArnOf(session) };
      await call(session, context, 'AttachUserPolicy', { makes: 'attachment' }, (o) => iam.attachUserPolicy(input, o));
    },
  },
  {
    name: 'DetachPolicy',
    description: 'Detaches the test policy from the user.',
    operation: 'DetachUserPolicy',
    run: (session, context) => remove(session, context, 'attachment'),
  },
  {
    name: 'DeleteUser',
    description: 'Deletes the user.',
    run: (session, context) => remove(session, context, 'user'),
  },
] as const satisfies readonly Step<Session>[];

async function remove(session: Session, context: StepContext, entity: EntityName): Promise<void> {
  const { operation, send } = removals[entity];
  await call(session, context, operation, { removes: entity }, (options) => send(session, options));
}

/** `CreateUser`, `CreateGroup`, … */
export type StepName = (typeof steps)[number]['name'];
