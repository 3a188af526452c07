import type { IAM } from '@aws-sdk/client-iam';
import { codeOf } from '../errors/error-kinds.ts';
import { ForeignAnswerError } from '../client/iam-answer.ts';

interface RequestOptions {
  readonly abortSignal: AbortSignal;
}

/** One request at a time, at the sweep's pace. */
export type Send = <Answer>(request: (options: RequestOptions) => Promise<Answer>) => Promise<Answer>;

export interface StripOptions {
  readonly iam: IAM;
  readonly send: Send;
  /** Whether an error would meet every other request as well. */
  readonly endsSweep: (error: unknown) => boolean;
}

/** After this many failures in a row the rest of the same kind is left alone. */
export const mostFailuresInARow = 5;

/**
 * Takes away everything that keeps IAM from deleting a user: what a killed run left, and what somebody may have added
 * to a test user since. A virtual MFA device is deactivated but remains in the account: it is not the user's.
 *
 * @param UserName of a user that was checked to be a test user
 * @returns why some of it could not be looked up or taken away
 * @throws what ends the sweep
 */
export async function stripUser(options: StripOptions, UserName: string): Promise<readonly unknown[]> {
  const { iam } = options;
  const user = { UserName };
  const stripping = new Stripping(options);

  await stripping.clear(
    (page, o) => iam.listGroupsForUser({ ...user, ...page }, o),
    ({ Groups }) => Groups,
    ({ GroupName }, o) => iam.removeUserFromGroup({ ...user, GroupName }, o),
  );
  await stripping.clear(
    (page, o) => iam.listAttachedUserPolicies({ ...user, ...page }, o),
    ({ AttachedPolicies }) => AttachedPolicies,
    ({ PolicyArn }, o) => iam.detachUserPolicy({ ...user, PolicyArn }, o),
  );
  await stripping.clear(
    (page, o) => iam.listUserPolicies({ ...user, ...page }, o),
    ({ PolicyNames }) => PolicyNames,
    (PolicyName, o) => iam.deleteUserPolicy({ ...user, PolicyName }, o),
  );
  await stripping.clear(
    (page, o) => iam.listAccessKeys({ ...user, ...page }, o),
    ({ AccessKeyMetadata }) => AccessKeyMetadata,
    ({ AccessKeyId }, o) => iam.deleteAccessKey({ ...user, AccessKeyId }, o),
  );
  await stripping.attempt((o) => iam.deleteLoginProfile(user, o));
  await stripping.clear(
    (page, o) => iam.listMFADevices({ ...user, ...page }, o),
    ({ MFADevices }) => MFADevices,
    ({ SerialNumber }, o) => iam.deactivateMFADevice({ ...user, SerialNumber }, o),
  );
  await stripping.clear(
    (page, o) => iam.listSigningCertificates({ ...user, ...page }, o),
    ({ Certificates }) => Certificates,
    ({ CertificateId }, o) => iam.deleteSigningCertificate({ ...user, CertificateId }, o),
  );
  await stripping.clear(
    (page, o) => iam.listSSHPublicKeys({ ...user, ...page }, o),
    ({ SSHPublicKeys }) => SSHPublicKeys,
    ({ SSHPublicKeyId }, o) => iam.deleteSSHPublicKey({ ...user, SSHPublicKeyId }, o),
  );
  await stripping.clear(
    (page, o) => iam.listServiceSpecificCredentials({ ...user, ...page }, o),
    ({ ServiceSpecificCredentials }) => ServiceSpecificCredentials,
    ({ ServiceSpecificCredentialId: id }, o) =>
      iam.deleteServiceSpecificCredential({ ...user, ServiceSpecificCredentialId: id }, o),
  );
  return stripping.failures;
}

/** The same for a group: its members and its policies. */
export async function stripGroup(options: StripOptions, GroupName: string): Promise<readonly unknown[]> {
  const { iam } = options;
  const group = { GroupName };
  const stripping = new Stripping(options);

  await stripping.clear(
    (page, o) => iam.getGroup({ ...group, ...page }, o),
    ({ Users }) => Users,
    ({ UserName }, o) => iam.removeUserFromGroup({ ...group, UserName }, o),
  );
  await stripping.clear(
    (page, o) => iam.listAttachedGroupPolicies({ ...group, ...page }, o),
    ({ AttachedPolicies }) => AttachedPolicies,
    ({ PolicyArn }, o) => iam.detachGroupPolicy({ ...group, PolicyArn }, o),
  );
  await stripping.clear(
    (page, o) => iam.listGroupPolicies({ ...group, ...page }, o),
    ({ PolicyNames }) => PolicyNames,
    (PolicyName, o) => iam.deleteGroupPolicy({ ...group, PolicyName }, o),
  );
  return stripping.failures;
}

/**
 * Goes on after a request that fails: an emulator may lack the operation, or the principal the permission, and the
 * entity may have nothing there that keeps it from being deleted.
 */
class Stripping {
  readonly failures: unknown[] = [];
  readonly #send: Send;
  readonly #endsSweep: (error: unknown) => boolean;

  constructor({ send, endsSweep }: StripOptions) {
    this.#send = send;
    this.#endsSweep = endsSweep;
  }

  /** Lists all pages of one kind of thing that may be in the way, and removes what it finds. */
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
      failuresInARow = (await this.attempt((o) => remove(item, o))) ? 0 : failuresInARow + 1;
      if (failuresInARow === mostFailuresInARow) return;
    }
  }

  /** @returns whether it is gone */
  attempt(removal: (options: RequestOptions) => Promise<unknown>): Promise<boolean> {
    return this.#tolerate(this.#send(removal));
  }

  async #tolerate(request: Promise<unknown>): Promise<boolean> {
    try {
      await request;
    } catch (error) {
      // Another sweep, or a person, may have been faster.
      if (codeOf(error) === 'NoSuchEntity') return true;
      if (this.#endsSweep(error)) throw error;
      this.failures.push(error);
      return false;
    }
    return true;
  }
}

/** How every list of IAM says whether more follows, and where. */
export interface ListAnswer {
  readonly IsTruncated?: boolean | undefined;
  readonly Marker?: string | undefined;
}

/** Far above the longest real list: an account has a few thousand users, and a page holds up to 100 of them. */
const mostPages = 1000;

/**
 * Reads a list of IAM to its end, page by page.
 *
 * @param take gets each page as soon as it is there: what came before a failure is known
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
    if (marker === '') throw endless('it says that more follows, but gives no marker to ask for it');
    if (markers.has(marker)) throw endless('its pages go round in a circle, with a marker that it gave before');
    if (markers.size === mostPages) throw endless(`it has more than ${mostPages} pages`);
    markers.add(marker);
  }
}

function endless(why: string): ForeignAnswerError {
  return new ForeignAnswerError(200, `the list was not read to its end: ${why}`);
}
