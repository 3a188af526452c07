import { setTimeout as wait } from 'node:timers/promises';
import type { IAM } from '@aws-sdk/client-iam';
import { ForeignAnswerError } from '../client/iam-answer.ts';
import { codeOf } from '../errors/error-kinds.ts';
import { groupPath, ownNamePattern, userPath, type Entity } from '../names.ts';

/** What the sweep does with users and with groups. */
export interface SweptKind {
  readonly kind: 'user' | 'group';
  readonly path: string;
  readonly pattern: RegExp;
  list(marker: string | undefined): Promise<Page>;
  delete(name: string): Promise<unknown>;
  /** See {@link stripUser}. */
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
  // A listing is no write call, and in most runs there is nothing else to do: it needs no pace.
  const options = { abortSignal: signal };
  return [
    {
      kind: 'group',
      path: groupPath,
      pattern: ownNamePattern('testgroup', namespace),
      async list(marker) {
        const {
          Groups = [],
          IsTruncated,
          Marker,
        } = await iam.listGroups({ PathPrefix: groupPath, Marker: marker }, options);
        const entities = Groups.map(({ Path = '', GroupName = '', CreateDate }) => ({
          path: Path,
          name: GroupName,
          createdAt: CreateDate,
        }));
        return { entities, IsTruncated, Marker };
      },
      delete: (GroupName) => send((o) => iam.deleteGroup({ GroupName }, o)),
      strip: (name) => stripGroup({ iam, send, endsSweep }, name),
    },
    {
      kind: 'user',
      path: userPath,
      pattern: ownNamePattern('testuser', namespace),
      async list(marker) {
        const {
          Users = [],
          IsTruncated,
          Marker,
        } = await iam.listUsers({ PathPrefix: userPath, Marker: marker }, options);
        const entities = Users.map(({ Path = '', UserName = '', CreateDate }) => ({
          path: Path,
          name: UserName,
          createdAt: CreateDate,
        }));
        return { entities, IsTruncated, Marker };
      },
      delete: (UserName) => send((o) => iam.deleteUser({ UserName }, o)),
      strip: (name) => stripUser({ iam, send, endsSweep }, name),
    },
  ];
}

interface RequestOptions {
  readonly abortSignal: AbortSignal;
}

export type Send = <Answer>(request: (options: RequestOptions) => Promise<Answer>) => Promise<Answer>;

/** Sends requests with a pause between each two. */
function createPacedSend(paceMs: number, signal: AbortSignal): Send {
  let isFirst = true;
  return async (request) => {
    if (!isFirst && paceMs > 0) await wait(paceMs, undefined, { signal });
    isFirst = false;
    return await request({ abortSignal: signal });
  };
}

interface StripOptions extends Pick<SweptKindsOptions, 'iam' | 'endsSweep'> {
  readonly send: Send;
}

/**
 * Removes everything that keeps IAM from deleting a user: what a killed run left, and what somebody may have added to a
 * test user since. A virtual MFA device is deactivated but stays in the account: it does not belong to the user.
 *
 * @param UserName of a user that was checked to be a test user
 * @returns the errors of what could not be listed or removed
 * @throws an error that ends the sweep
 */
export async function stripUser(options: StripOptions, UserName: string): Promise<readonly unknown[]> {
  const { iam } = options;
  const user = { UserName };
  const stripper = new Stripper(options);

  await stripper.clear(
    (page, o) => iam.listGroupsForUser({ ...user, ...page }, o),
    ({ Groups }) => Groups,
    ({ GroupName }, o) => iam.removeUserFromGroup({ ...user, GroupName }, o),
  );
  await stripper.clear(
    (page, o) => iam.listAttachedUserPolicies({ ...user, ...page }, o),
    ({ AttachedPolicies }) => AttachedPolicies,
    ({ PolicyArn }, o) => iam.detachUserPolicy({ ...user, PolicyArn }, o),
  );
  await stripper.clear(
    (page, o) => iam.listUserPolicies({ ...user, ...page }, o),
    ({ PolicyNames }) => PolicyNames,
    (PolicyName, o) => iam.deleteUserPolicy({ ...user, PolicyName }, o),
  );
  await stripper.clear(
    (page, o) => iam.listAccessKeys({ ...user, ...page }, o),
    ({ AccessKeyMetadata }) => AccessKeyMetadata,
    ({ AccessKeyId }, o) => iam.deleteAccessKey({ ...user, AccessKeyId }, o),
  );
  await stripper.remove((o) => iam.deleteLoginProfile(user, o));
  await stripper.clear(
    (page, o) => iam.listMFADevices({ ...user, ...page }, o),
    ({ MFADevices }) => MFADevices,
    ({ SerialNumber }, o) => iam.deactivateMFADevice({ ...user, SerialNumber }, o),
  );
  await stripper.clear(
    (page, o) => iam.listSigningCertificates({ ...user, ...page }, o),
    ({ Certificates }) => Certificates,
    ({ CertificateId }, o) => iam.deleteSigningCertificate({ ...user, CertificateId }, o),
  );
  await stripper.clear(
    (page, o) => iam.listSSHPublicKeys({ ...user, ...page }, o),
    ({ SSHPublicKeys }) => SSHPublicKeys,
    ({ SSHPublicKeyId }, o) => iam.deleteSSHPublicKey({ ...user, SSHPublicKeyId }, o),
  );
  await stripper.clear(
    (page, o) => iam.listServiceSpecificCredentials({ ...user, ...page }, o),
    ({ ServiceSpecificCredentials }) => ServiceSpecificCredentials,
    ({ ServiceSpecificCredentialId: id }, o) =>
      iam.deleteServiceSpecificCredential({ ...user, ServiceSpecificCredentialId: id }, o),
  );
  return stripper.failures;
}

/** The same for a group: its members and its policies. */
export async function stripGroup(options: StripOptions, GroupName: string): Promise<readonly unknown[]> {
  const { iam } = options;
  const group = { GroupName };
  const stripper = new Stripper(options);

  await stripper.clear(
    (page, o) => iam.getGroup({ ...group, ...page }, o),
    ({ Users }) => Users,
    ({ UserName }, o) => iam.removeUserFromGroup({ ...group, UserName }, o),
  );
  await stripper.clear(
    (page, o) => iam.listAttachedGroupPolicies({ ...group, ...page }, o),
    ({ AttachedPolicies }) => AttachedPolicies,
    ({ PolicyArn }, o) => iam.detachGroupPolicy({ ...group, PolicyArn }, o),
  );
  await stripper.clear(
    (page, o) => iam.listGroupPolicies({ ...group, ...page }, o),
    ({ PolicyNames }) => PolicyNames,
    (PolicyName, o) => iam.deleteGroupPolicy({ ...group, PolicyName }, o),
  );
  return stripper.failures;
}

/** After this many failures in a row we leave the rest of the same kind alone. */
export const mostFailuresInARow = 5;

/**
 * Lists and removes what belongs to one user or group. It goes on after a failed request: an emulator may lack the
 * operation, or the principal the permission, and there may be nothing of that kind to remove.
 */
class Stripper {
  readonly failures: unknown[] = [];
  readonly #send: Send;
  readonly #endsSweep: (error: unknown) => boolean;

  constructor({ send, endsSweep }: StripOptions) {
    this.#send = send;
    this.#endsSweep = endsSweep;
  }

  /** Lists all pages of one kind of thing, and removes what it finds. */
  async clear<Answer extends ListAnswer, Item>(
    list: (page: { readonly Marker: string | undefined }, options: RequestOptions) => Promise<Answer>,
    itemsOf: (answer: Answer) => readonly Item[] | undefined,
    remove: (item: Item, options: RequestOptions) => Promise<unknown>,
  ): Promise<void> {
    const items: Item[] = [];
    await this.#tolerate(
      readPages(
        (Marker) => this.#send((o) => list({ Marker }, o)),
        (answer) => items.push(...(itemsOf(answer) ?? [])),
      ),
    );
    let failuresInARow = 0;
    for (const item of items) {
      failuresInARow = (await this.remove((o) => remove(item, o))) ? 0 : failuresInARow + 1;
      if (failuresInARow === mostFailuresInARow) return;
    }
  }

  /** @returns whether it is gone */
  remove(removal: (options: RequestOptions) => Promise<unknown>): Promise<boolean> {
    return this.#tolerate(this.#send(removal));
  }

  async #tolerate(request: Promise<unknown>): Promise<boolean> {
    try {
      await request;
    } catch (error) {
      // Another sweep, or a person, may have removed it first.
      if (codeOf(error) === 'NoSuchEntity') return true;
      if (this.#endsSweep(error)) throw error;
      this.failures.push(error);
      return false;
    }
    return true;
  }
}

/** How every list of IAM says whether there is more, and where. */
interface ListAnswer {
  readonly IsTruncated?: boolean | undefined;
  readonly Marker?: string | undefined;
}

/** Far above the longest real list: an account has a few thousand users, and a page up to 100 of them. */
const mostPages = 1000;

/**
 * Reads a list of IAM to its end, page by page.
 *
 * @param take gets each page as soon as it arrives, so that nothing is lost when a later page fails
 * @throws {ForeignAnswerError} for a list that does not end: some emulators repeat a marker, or give none
 */
export async function readPages<Answer extends ListAnswer>(
  list: (marker: string | undefined) => Promise<Answer>,
  take: (answer: Answer) => void,
): Promise<void> {
  const markers = new Set<string>();
  for (let marker: string | undefined; ;) {
    const answer = await list(marker);
    take(answer);
    if (answer.IsTruncated !== true) return;
    marker = answer.Marker ?? '';
    if (marker === '') throw endlessList('it says that there is more, but gives no marker to ask for it');
    if (markers.has(marker)) throw endlessList('its pages go round in a circle: it gave the same marker twice');
    if (markers.size === mostPages) throw endlessList(`it has more than ${mostPages} pages`);
    markers.add(marker);
  }
}

function endlessList(why: string): ForeignAnswerError {
  return new ForeignAnswerError(200, `the list was not read to its end: ${why}`);
}
