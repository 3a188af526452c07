import { setTimeout as wait } from 'node:timers/promises';
import type { IAM, IAMClient } from '@aws-sdk/client-iam';
import type { Verdict } from '../../../runner/step-result.ts';
import { ForeignAnswerError } from '../client/iam-answer.ts';
import { codeOf, hadNoEffect, isAnswer } from '../errors/error-kinds.ts';
import { explainError } from '../errors/explain-error.ts';
import { groupPath, ownNamePattern, userPath, type Entity } from '../names.ts';

export interface SweptKindsOptions {
  readonly iam: IAM;
  readonly namespace: string;
  /**
   * Shortest time between two requests, except the listing of users and groups. IAM throttles write calls per account, and
   * everything else in the account shares that limit.
   * @default 100
   */
  readonly paceMs?: number;
  /** Ends the sweep. The next run goes on with it. */
  readonly signal: AbortSignal;
}

type Operation = Exclude<keyof IAM, keyof IAMClient>;

/**
 * How to list and remove things of one kind: the operation that lists them, the list's name in the answer, the field that
 * identifies an item (not used if the items are texts), and the operation that removes an item.
 */
type ListedKind = readonly [list: Operation, items: string, id: string, remove: Operation];

/** What IAM calls each kind of entity, and the obstacles that keep it from deleting one. */
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
    unlisted: [],
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
    // A user has at most one login profile, and IAM has no list of them.
    unlisted: ['deleteLoginProfile'],
  },
} as const satisfies Record<
  'group' | 'user',
  {
    path: string;
    namePrefix: string;
    operations: ListedKind;
    obstacles: readonly ListedKind[];
    /** Operations that remove an obstacle without a list of what there is. */
    unlisted: readonly Operation[];
  }
>;

type Kind = (typeof kinds)[keyof typeof kinds];
type Listed = Kind['operations'] | Kind['obstacles'][number];
export type SweptOperation = Capitalize<Listed[0] | Listed[3] | Kind['unlisted'][number]>;

/** IAM's names of all the requests that a sweep may send: `ListUsers`, `DeleteUser`, … */
export const sweptOperations = Object.values(kinds).flatMap(({ operations, obstacles, unlisted }) =>
  [...[operations, ...obstacles].flatMap(([list, _items, _id, remove]) => [list, remove]), ...unlisted].map(
    (name) => `${name.charAt(0).toUpperCase()}${name.slice(1)}`,
  ),
) as readonly SweptOperation[];

/** What the sweep can do with one kind of entity. */
export type SweptKind = ReturnType<typeof sweptKinds>[number];

export interface DatedEntity extends Entity {
  readonly createdAt: Date | undefined;
}

/**
 * Lists, deletes and strips the entities of each kind. Groups come first: their quota is smaller, and a user without groups
 * mostly takes one request to delete.
 */
export function sweptKinds({ iam, namespace, signal, paceMs = 100 }: SweptKindsOptions) {
  const request = requestsOf(iam, signal);
  const pacedRequest = withPauses(request, paceMs, signal);
  return (['group', 'user'] as const).map((kind) => {
    const { path, namePrefix, operations } = kinds[kind];
    const [list, items, id, remove] = operations;
    return {
      kind,
      path,
      pattern: ownNamePattern(namePrefix, namespace),
      async *list(): AsyncGenerator<DatedEntity> {
        // Without pauses: a listing is no write call, and in most runs there is nothing else to do.
        for await (const item of readItems(request, list, { PathPrefix: path }, items)) {
          const { Path = '', [id]: name = '', CreateDate } = item as Fields;
          yield { path: Path as string, name: name as string, createdAt: CreateDate as Date | undefined };
        }
      },
      delete: (name: string) => pacedRequest(remove, { [id]: name }),
      strip: (name: string) => strip(kind, name, pacedRequest, signal),
    };
  });
}

type Fields = Readonly<Record<string, unknown>>;

/** Calls an operation of IAM by its name. */
type Request = (operation: Operation, input: Fields) => Promise<Fields>;

export function requestsOf(iam: IAM, abortSignal: AbortSignal): Request {
  return async (operation, input) => {
    const send = iam[operation] as unknown as (...parameters: unknown[]) => Promise<Fields>;
    return await send.call(iam, input, { abortSignal });
  };
}

/** Returns a function that sends requests and pauses between two of them. */
function withPauses(request: Request, paceMs: number, signal: AbortSignal): Request {
  let isFirst = true;
  return async (operation, input) => {
    if (!isFirst && paceMs > 0) await wait(paceMs, undefined, { signal });
    isFirst = false;
    return await request(operation, input);
  };
}

/** Counts all users or groups of the account, also those that are not ours. The account's quotas count them. */
export async function countInAccount(kind: 'user' | 'group', iam: IAM, signal: AbortSignal): Promise<number> {
  const [list, items] = kinds[kind].operations;
  const all = await Array.fromAsync(readItems(requestsOf(iam, signal), list, { MaxItems: 1000 }, items));
  return all.length;
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
  request: Request,
  signal: AbortSignal,
): Promise<readonly unknown[]> {
  const { operations, obstacles, unlisted } = kinds[kind];
  const owner = { [operations[2]]: name };
  const failures: unknown[] = [];
  /** @returns whether it worked, or there is nothing left to do */
  const tolerate = async (work: Promise<unknown>): Promise<boolean> => {
    try {
      await work;
    } catch (error) {
      // Another sweep, or a person, may have removed it first.
      if (codeOf(error) === 'NoSuchEntity') return true;
      if (endsSweep(error, signal)) throw error;
      failures.push(error);
      return false;
    }
    return true;
  };

  for (const [list, items, id, remove] of obstacles) {
    const found: unknown[] = [];
    await tolerate(Array.fromAsync(readItems(request, list, owner, items), (item) => found.push(item)));
    let failuresInARow = 0;
    for (const item of found) {
      const target = { [id]: typeof item === 'string' ? item : (item as Fields)[id] };
      failuresInARow = (await tolerate(request(remove, { ...owner, ...target }))) ? 0 : failuresInARow + 1;
      if (failuresInARow === maxFailuresInARow) break;
    }
  }
  for (const remove of unlisted) await tolerate(request(remove, owner));
  return failures;
}

/** After an error with one of these verdicts the next request would fail as well, or IAM asks for fewer requests. */
const endingVerdicts: ReadonlySet<Verdict> = new Set(['throttled', 'credentials', 'network']);

/** Whether an error ends the sweep, because other requests would fail as well. */
export function endsSweep(error: unknown, signal: AbortSignal): boolean {
  const wasNeverSent = !isAnswer(error) && hadNoEffect(error);
  return signal.aborted || wasNeverSent || endingVerdicts.has(explainError(error, 'sweep').verdict);
}

/** Far above the longest real list: an account has a few thousand users, and a page up to 100 of them. */
const maxPages = 1000;

/**
 * Reads a list of IAM to its end. Gives the items of each page as soon as it arrives, so that nothing is lost when a later
 * page fails.
 *
 * @throws {ForeignAnswerError} for a list that does not end: some emulators repeat a marker, or give none
 */
async function* readItems(request: Request, list: Operation, input: Fields, items: string): AsyncGenerator {
  const markers = new Set<string>();
  for (let Marker: string | undefined; ;) {
    const answer = await request(list, { ...input, Marker });
    yield* (answer[items] as readonly unknown[] | undefined) ?? [];
    if (answer['IsTruncated'] !== true) return;
    Marker = (answer['Marker'] as string | undefined) ?? '';
    if (Marker === '') throw endlessList('it says that there is more, but gives no marker to ask for it');
    if (markers.has(Marker)) throw endlessList('its pages go round in a circle: it gave the same marker twice');
    if (markers.size === maxPages) throw endlessList(`it has more than ${maxPages} pages`);
    markers.add(Marker);
  }
}

function endlessList(why: string): ForeignAnswerError {
  return new ForeignAnswerError(200, `the list was not read to its end: ${why}`);
}
