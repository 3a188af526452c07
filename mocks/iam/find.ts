import { noSuchEntity, validationError } from './aws-error.ts';
import { foldName, type GroupRecord, type IamState, type PolicyHolder, type UserRecord } from './state.ts';
import { requireName } from './validate.ts';

/**
 * The user that a request names, in whatever case.
 * Where the name is absent AWS takes the caller's own user; the mock's caller is none, as a role or root is none.
 * @throws ValidationError, NoSuchEntityException also for a user that is not visible yet
 */
export function findUser(state: IamState, userName: string | undefined): UserRecord {
  if (userName === undefined) throw validationError('Must specify userName when calling with non-User credentials');
  const record = state.users.get(foldName(requireName('userName', userName)));
  if (record && isVisible(state, record)) return record;
  throw noSuchEntity(`The user with name ${userName} cannot be found.`);
}

/**
 * The group that a request names, in whatever case.
 * @throws ValidationError, NoSuchEntityException also for a group that is not visible yet
 */
export function findGroup(state: IamState, groupName: string | undefined): GroupRecord {
  const name = requireName('groupName', groupName);
  const record = state.groups.get(foldName(name));
  if (record && isVisible(state, record)) return record;
  throw noSuchEntity(`The group with name ${name} cannot be found.`);
}

/** Whether requests find it already: what was created needs time to be seen everywhere. */
export function isVisible(state: IamState, holder: PolicyHolder): boolean {
  return holder.visibleAt <= state.now().getTime();
}
