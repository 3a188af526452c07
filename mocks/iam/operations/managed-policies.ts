import {
  CreatePolicyCommand,
  CreatePolicyVersionCommand,
  DeletePolicyCommand,
  DeletePolicyVersionCommand,
  GetPolicyCommand,
  GetPolicyVersionCommand,
  ListPoliciesCommand,
  ListPolicyVersionsCommand,
  type Policy,
  type PolicyVersion,
} from '@aws-sdk/client-iam';
import { describeQuota, entityAlreadyExists, IamError, noSuchEntity } from '../aws-error.ts';
import { arnOf, foldName, type IamState, type PolicyRecord, type PolicyVersionRecord, randomId } from '../state.ts';
import {
  type PolicyArn,
  policySizeOf,
  requireLength,
  requireName,
  requirePath,
  requirePathPrefix,
  requirePolicyArn,
  requirePolicyDocument,
  requireRoom,
} from '../validate.ts';
import { operation, pageOf } from './operation.ts';

export const managedPolicyOperations = {
  CreatePolicy: operation(CreatePolicyCommand, (state, input) => {
    const name = requireName('policyName', input.PolicyName);
    const path = requirePath(input.Path);
    const document = requireManagedDocument(state, input.PolicyDocument);
    if ([...state.policies.values()].some(({ entity }) => foldName(entity.PolicyName) === foldName(name))) {
      throw entityAlreadyExists(`A policy called ${name} already exists. Duplicate names are not allowed.`);
    }
    requireRoom('PoliciesPerAccount', state.limits.policies, state.policies.size);
    const arn = arnOf(state, `policy${path}${name}`);
    const record = newPolicyRecord(state, { arn, name, path, document, description: input.Description });
    state.policies.set(arn, record);
    return { Policy: describePolicy(state, record) };
  }),

  GetPolicy: operation(GetPolicyCommand, (state, input) => ({
    Policy: describePolicy(state, findPolicy(state, input.PolicyArn)),
  })),

  /** The account's own policies: the mock has no list of AWS's. */
  ListPolicies: operation(ListPoliciesCommand, (state, input) => {
    const prefix = requirePathPrefix(input.PathPrefix);
    const described = [...state.policies].map(([arn, record]) => [arn, describePolicy(state, record)] as const);
    const { items, position } = pageOf(
      new Map(input.Scope === 'AWS' ? [] : described),
      input,
      ({ Path: path = '/', AttachmentCount: count }) => path.startsWith(prefix) && (!input.OnlyAttached || count !== 0),
    );
    return { Policies: items, ...position };
  }),

  DeletePolicy: operation(DeletePolicyCommand, (state, input) => {
    const record = findPolicy(state, input.PolicyArn);
    const { AttachmentCount: attachments, PermissionsBoundaryUsageCount: boundaries } = describePolicy(state, record);
    if (attachments !== 0 || boundaries !== 0) {
      throw new IamError('DeleteConflict', 409, 'Cannot delete a policy attached to entities.');
    }
    if (record.versions.size > 1) {
      const message =
        "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.";
      throw new IamError('DeleteConflict', 409, message);
    }
    state.policies.delete(record.entity.Arn);
    return {};
  }),

  CreatePolicyVersion: operation(CreatePolicyVersionCommand, (state, input) => {
    const record = findPolicy(state, input.PolicyArn);
    const document = requireManagedDocument(state, input.PolicyDocument);
    const limit = state.limits.versionsPerPolicy;
    if (record.versions.size >= limit) {
      const message = `A managed policy can have up to ${limit} versions. Before you create a new version, you must delete an existing version.`;
      throw new IamError('LimitExceeded', 409, message);
    }
    record.versionCount += 1;
    const version = { VersionId: `v${record.versionCount}`, Document: document, CreateDate: state.now() };
    record.versions.set(version.VersionId, version);
    record.updatedAt = version.CreateDate;
    if (input.SetAsDefault) record.defaultVersionId = version.VersionId;
    return { PolicyVersion: describeVersion(record, version) };
  }),

  /** The document comes percent-encoded, as AWS gives it. */
  GetPolicyVersion: operation(GetPolicyVersionCommand, (state, input) => {
    const record = findPolicy(state, input.PolicyArn);
    const version = findVersion(record, input.VersionId);
    return { PolicyVersion: { ...describeVersion(record, version), Document: encodeURIComponent(version.Document) } };
  }),

  ListPolicyVersions: operation(ListPolicyVersionsCommand, (state, input) => {
    const record = findPolicy(state, input.PolicyArn);
    const { items, position } = pageOf(record.versions, input);
    return { Versions: items.map((version) => describeVersion(record, version)), ...position };
  }),

  DeletePolicyVersion: operation(DeletePolicyVersionCommand, (state, input) => {
    const record = findPolicy(state, input.PolicyArn);
    const { VersionId: id } = findVersion(record, input.VersionId);
    if (id === record.defaultVersionId) {
      throw new IamError('DeleteConflict', 409, 'Cannot delete the default version of a policy.');
    }
    record.versions.delete(id);
    record.updatedAt = state.now();
    return {};
  }),
};

/** What a new policy is made from. */
interface NewPolicy {
  readonly arn: string;
  readonly name: string;
  readonly path: string;
  readonly document: string;
  readonly description?: string | undefined;
  /** @default true */
  readonly isAttachable?: boolean;
}

/** Makes a policy with one version. The caller puts it into the state. */
export function newPolicyRecord(state: IamState, { isAttachable = true, ...policy }: NewPolicy): PolicyRecord {
  const createDate = state.now();
  return {
    entity: {
      PolicyName: policy.name,
      PolicyId: randomId(state.random, 'ANPA'),
      Arn: policy.arn,
      Path: policy.path,
      IsAttachable: isAttachable,
      Description: policy.description,
      CreateDate: createDate,
    },
    versions: new Map([['v1', { VersionId: 'v1', Document: policy.document, CreateDate: createDate }]]),
    defaultVersionId: 'v1',
    versionCount: 1,
    updatedAt: createDate,
  };
}

/** The path of the monitor's own test policies. */
const testPolicyPath = '/AwsIamMonitorTestPolicies/';

/**
 * The policies that exist are those that were created, AWS's own, and, unless the account is strict, whatever is asked for
 * under the path of the monitor's test policies.
 */
function policyExists(state: IamState, { arn, account, path }: PolicyArn): boolean {
  const isAssumed = !state.isStrict && account === state.accountId && path.startsWith(testPolicyPath);
  return state.policies.has(arn) || account === 'aws' || isAssumed;
}

/**
 * Checks that a policy exists and can be attached.
 * @param what AWS's words for it in its error: `Scope ARN:` is a permissions boundary (hashicorp/boundary pull request 4255)
 * @throws NoSuchEntity, ValidationError, InvalidInput
 */
export function requireAttachablePolicy(
  state: IamState,
  policyArn: string | undefined,
  what: 'Policy' | 'Scope ARN:' = 'Policy',
): PolicyArn {
  const policy = requirePolicyArn(state, policyArn);
  if (policyExists(state, policy) && state.policies.get(policy.arn)?.entity.IsAttachable !== false) return policy;
  throw noSuchEntity(`${what} ${policy.arn} does not exist or is not attachable.`);
}

/** The document of policies that nobody created. */
export const denyAll = '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}';

/** Finds a policy. One that exists without a record gets one now, with the document {@link denyAll}. */
function findPolicy(state: IamState, policyArn: string | undefined): PolicyRecord {
  const policy = requirePolicyArn(state, policyArn);
  const { arn, account } = policy;
  const record = state.policies.get(arn);
  if (record) return record;
  if (!policyExists(state, policy)) throw noSuchEntity(`Policy ${arn} was not found.`);
  const made = newPolicyRecord(state, { ...policy, document: denyAll });
  if (account !== 'aws') state.policies.set(arn, made);
  return made;
}

function findVersion({ entity, versions }: PolicyRecord, versionId: string | undefined): PolicyVersionRecord {
  const id = requireLength('versionId', versionId, 1, 64);
  const version = versions.get(id);
  if (version) return version;
  throw noSuchEntity(`Policy ${entity.Arn} version ${id} does not exist or is not attachable.`);
}

function requireManagedDocument(state: IamState, value: string | undefined): string {
  const document = requirePolicyDocument(value);
  if (policySizeOf(document) <= state.limits.policySize) return document;
  throw new IamError('LimitExceeded', 409, describeQuota('PolicySize', state.limits.policySize));
}

function describePolicy(state: IamState, { entity, defaultVersionId, updatedAt }: PolicyRecord): Policy {
  const users = [...state.users.values()];
  const holders = [...users, ...state.groups.values()];
  return {
    ...entity,
    DefaultVersionId: defaultVersionId,
    AttachmentCount: holders.filter(({ attachedPolicies }) => attachedPolicies.has(entity.Arn)).length,
    PermissionsBoundaryUsageCount: users.filter(
      (user) => user.entity.PermissionsBoundary?.PermissionsBoundaryArn === entity.Arn,
    ).length,
    UpdateDate: updatedAt,
  };
}

function describeVersion(
  { defaultVersionId }: PolicyRecord,
  { VersionId, CreateDate }: PolicyVersionRecord,
): PolicyVersion {
  return { VersionId, IsDefaultVersion: VersionId === defaultVersionId, CreateDate };
}
