import { setTimeout as wait } from 'node:timers/promises';
import type { IAM, IAMClient } from '@aws-sdk/client-iam';
import { ForeignAnswerError } from '../client/iam-answer.ts';
import { codeOf } from '../errors/error-kinds.ts';
import { groupPath, ownNamePattern, userPath, type Entity } from '../names.ts';

type Operation = Exclude<keyof IAM, keyof IAMClient>;

/** One kind of thing that keeps IAM from deleting its owner. Items that are texts need no property that identifies them. */
type Obstacle = readonly [list: Operation, items: string, id: string, remove: Operation];

/** What IAM calls things, for each kind of entity. */
const kinds = {
  group: {
    path: groupPath,
    namePrefix: 'testgroup',
    operations: ['listGroups', 'Groups', 'GroupName', 'deleteGroup'],
    obstacles: [
      ['getGroup', 'Users', 'UserName', 'removeUserFromGroup'],
      ['listAttachedGroupPolicies', 'AttachedPolicies', 'PolicyArn', 'detachGroupPolicy'],
      ['listGroupPolicies', 'PolicyNames', 'PolicyName', 'deleteGroupPolicy'],
    ],
  },
  user: {
    path: userPath,
    namePrefix: 'testuser',
    operations: ['listUsers', 'Users', 'UserName', 'deleteUser'],
    obstacles: [
      ['listGroupsForUser', 'Groups', 'GroupName', 'removeUserFromGroup'],
      ['listAttachedUserPolicies', 'AttachedPolicies', 'PolicyArn', 'detachUserPolicy'],
      ['listUserPolicies', 'PolicyNames', 'PolicyName', 'deleteUserPolicy'],
      ['listAccessKeys', 'AccessKeyMetadata', 'AccessKeyId', 'deleteAccessKey'],
      // A virtual MFA device stays in the account: it does not belong to the user.
      ['listMFADevices', 'MFADevices', 'SerialNumber', 'deactivateMFADevice'],
      ['listSigningCertificates', 'Certificates', 'CertificateId', 'deleteSigningCertificate'],
      ['listSSHPublicKeys', 'SSHPublicKeys', 'SSHPublicKeyId', 'deleteSSHPublicKey'],
      [
        'listServiceSpecificCredentials',
        'ServiceSpecificCredentials',
        'ServiceSpecificCredentialId',
        'deleteServiceSpecificCredential',
      ],
    ],
  },
} as const satisfies Record<
  'group' | 'user',
  { path: string; namePrefix: string; operations: Obstacle; obstacles: readonly Obstacle[] }
>;

/** What the sweep does with users and with groups. */
export interface SweptKind {
  readonly kind: 'user' | 'group';
  readonly path: string;
  readonly pattern: RegExp;
  list(marker: string | undefined): Promise<Page>;
  delete(name: string): Promise<unknown>;
  /** See {@link strip}. */
  strip(name: string): Promise<readonly unknown[]>;
}

interface Page extends ListAnswer {
  readonly entities: readonly DatedEntity[];
}

export interface DatedEntity extends Entity {
  readonly createdAt: Date | undefined;
}

interface SweptKindsOptions {
  readonly iam: IAM;
  /** Whether every other request would fail with this error as well. */
  readonly endsSweep: (error: unknown) => boolean;
  readonly namespace: string;
  readonly signal: AbortSignal;
  /** @default 100 */
  readonly paceMs?: number;
}

/**
 * Groups come first: an account may have the fewest of these, and once its groups are gone, a user takes one request to
 * delete.
 */
export function sweptKinds({ iam, endsSweep, namespace, signal, paceMs = 100 }: SweptKindsOptions): SweptKind[] {
  const send = createPacedSend(paceMs, signal);
  return (['group', 'user'] as const).map((kind) => {
    const { path, namePrefix, operations } = kinds[kind];
    const [list, items, id, remove] = operations;
    return {
      kind,
      path,
      pattern: ownNamePattern(namePrefix, namespace),
      async list(Marker) {
        // Without a pause: a listing is no write call, and in most runs there is nothing else to do.
        const answer = await request(iam, list, { PathPrefix: path, Marker }, { abortSignal: signal });
        const entities = itemsOf(answer, items).map((item) => toEntity(item as Fields, id));
        return { entities, IsTruncated: answer.IsTruncated, Marker: answer.Marker };
      },
      delete: (name) => send((options) => request(iam, remove, { [id]: name }, options)),
      strip: (name) => strip(kind, name, { iam, send, endsSweep }),
    };
  });
}

function toEntity(item: Fields, nameKey: string): DatedEntity {
  const { Path = '', [nameKey]: name = '', CreateDate } = item;
  return { path: Path as string, name: name as string, createdAt: CreateDate as Date | undefined };
}

type Fields = Readonly<Record<string, unknown>>;

interface RequestOptions {
  readonly abortSignal: AbortSignal;
}

/** Calls an operation by its name. */
async function request(
  iam: IAM,
  operation: Operation,
  input: Fields,
  options: RequestOptions,
): Promise<Fields & ListAnswer> {
  const send = iam[operation] as unknown as (input: Fields, options: RequestOptions) => Promise<Fields & ListAnswer>;
  return await send.call(iam, input, options);
}

function itemsOf(answer: Fields, key: string): readonly unknown[] {
  return (answer[key] as readonly unknown[] | undefined) ?? [];
}

export type Send = <Answer>(send: (options: RequestOptions) => Promise<Answer>) => Promise<Answer>;

/** Sends requests with a pause between each two. */
function createPacedSend(paceMs: number, signal: AbortSignal): Send {
  let isFirst = true;
  return async (send) => {
    if (!isFirst && paceMs > 0) await wait(paceMs, undefined, { signal });
    isFirst = false;
    return await send({ abortSignal: signal });
  };
}

/** After this many failures in a row we leave the rest of the same kind alone. */
export const maxFailuresInARow = 5;

/**
 * Removes everything that keeps IAM from deleting a user or a group: what a killed run left, and what somebody may have
 * added since. It goes on after a failed request: an emulator may lack the operation, or the principal the permission, and
 * there may be nothing of that kind to remove.
 *
 * @param name of an entity that was checked to be a test entity
 * @returns the errors of what could not be listed or removed
 * @throws an error that ends the sweep
 */
export async function strip(
  kind: 'user' | 'group',
  name: string,
  { iam, send, endsSweep }: Pick<SweptKindsOptions, 'iam' | 'endsSweep'> & { readonly send: Send },
): Promise<readonly unknown[]> {
  const { operations, obstacles } = kinds[kind];
  const owner = { [operations[2]]: name };
  const failures: unknown[] = [];
  /** @returns whether it worked, or there is nothing left to do */
  const tolerate = async (work: Promise<unknown>): Promise<boolean> => {
    try {
      await work;
    } catch (error) {
      // Another sweep, or a person, may have removed it first.
      if (codeOf(error) === 'NoSuchEntity') return true;
      if (endsSweep(error)) throw error;
      failures.push(error);
      return false;
    }
    return true;
  };
  const call = (operation: Operation, input: Fields = {}): Promise<Fields & ListAnswer> =>
    send((options) => request(iam, operation, { ...owner, ...input }, options));

  for (const [list, items, id, remove] of obstacles) {
    const found: unknown[] = [];
    await tolerate(
      readPages(
        (Marker) => call(list, { Marker }),
        (answer) => found.push(...itemsOf(answer, items)),
      ),
    );
    let failuresInARow = 0;
    for (const item of found) {
      const target = { [id]: typeof item === 'string' ? item : (item as Fields)[id] };
      failuresInARow = (await tolerate(call(remove, target))) ? 0 : failuresInARow + 1;
      if (failuresInARow === maxFailuresInARow) break;
    }
  }
  // A user has at most one login profile, and IAM has no list of them.
  if (kind === 'user') await tolerate(call('deleteLoginProfile'));
  return failures;
}

/** How every list of IAM says whether there is more, and where. */
interface ListAnswer {
  readonly IsTruncated?: boolean | undefined;
  readonly Marker?: string | undefined;
}

/** Far above the longest real list: an account has a few thousand users, and a page up to 100 of them. */
const maxPages = 1000;

/**
 * Reads a list of IAM to its end, page by page.
 *
 * @param onPage gets each page as soon as it arrives, so that nothing is lost when a later page fails
 * @throws {ForeignAnswerError} for a list that does not end: some emulators repeat a marker, or give none
 */
export async function readPages<Answer extends ListAnswer>(
  list: (marker: string | undefined) => Promise<Answer>,
  onPage: (answer: Answer) => void,
): Promise<void> {
  const markers = new Set<string>();
  for (let marker: string | undefined; ;) {
    const answer = await list(marker);
    onPage(answer);
    if (answer.IsTruncated !== true) return;
    marker = answer.Marker ?? '';
    if (marker === '') throw endlessList('it says that there is more, but gives no marker to ask for it');
    if (markers.has(marker)) throw endlessList('its pages go round in a circle: it gave the same marker twice');
    if (markers.size === maxPages) throw endlessList(`it has more than ${maxPages} pages`);
    markers.add(marker);
  }
}

function endlessList(why: string): ForeignAnswerError {
  return new ForeignAnswerError(200, `the list was not read to its end: ${why}`);
}
