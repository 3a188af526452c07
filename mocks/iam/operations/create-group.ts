import type { CreateGroupCommandInput, CreateGroupCommandOutput } from '@aws-sdk/client-iam';
import { entityAlreadyExists, limitExceeded } from '../aws-error.ts';
import type { Answer } from '../operation.ts';
import { newGroupRecord } from '../records.ts';
import { foldName, type IamState } from '../state.ts';
import { requireName, requirePath } from '../validate.ts';

/**
 * Creates a group.
 * @throws EntityAlreadyExists, LimitExceeded
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateGroup.html
 */
export function createGroup(state: IamState, input: CreateGroupCommandInput): Answer<CreateGroupCommandOutput> {
  const name = requireName('groupName', input.GroupName);
  const path = requirePath(input.Path);
  if (state.groups.has(foldName(name))) throw entityAlreadyExists(`Group with name ${name} already exists.`);
  if (state.groups.size >= state.limits.groups) throw limitExceeded('GroupsPerAccount', state.limits.groups);
  const record = newGroupRecord(state, { name, path, createDate: state.now() });
  state.groups.set(foldName(name), record);
  return { Group: record.entity };
}
