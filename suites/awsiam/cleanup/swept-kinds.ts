import { setTimeout as wait } from 'node:timers/promises';
import type { IAM } from '@aws-sdk/client-iam';
import { groupPath, userPath } from '../names.ts';
import { ownNamePattern, type Entity } from './own-names.ts';
import { stripGroup, stripUser, type Send } from './strip-entity.ts';

/** How users and groups differ for the sweep. */
export interface SweptKind {
  readonly kind: 'user' | 'group';
  readonly path: string;
  readonly pattern: RegExp;
  list(marker: string | undefined): Promise<Page>;
  delete(name: string): Promise<unknown>;
  strip(name: string): Promise<void>;
}

export interface Page {
  readonly entities: readonly (Entity & { readonly createdAt: Date | undefined })[];
  readonly marker: string | undefined;
}

export interface SweptKindsOptions {
  readonly iam: IAM;
  readonly namespace: string;
  readonly signal: AbortSignal;
  /** @default 100 */
  readonly paceMs?: number;
}

/** Groups first: of these the account may have the fewest, and a user that is in none is gone with one request. */
export function sweptKinds({ iam, namespace, signal, paceMs = 100 }: SweptKindsOptions): SweptKind[] {
  const send = paced(paceMs, signal);
  /** Listing is no write, and in most runs all that there is to do: it needs no pace. */
  const look: Send = (request) => request({ abortSignal: signal });
  return [
    {
      kind: 'group',
      path: groupPath,
      pattern: ownNamePattern('testgroup', namespace),
      async list(Marker) {
        const answer = await look((o) => iam.listGroups({ PathPrefix: groupPath, Marker }, o));
        const entities = (answer.Groups ?? []).map(({ Path = '', GroupName = '', CreateDate }) => ({
          path: Path,
          name: GroupName,
          createdAt: CreateDate,
        }));
        return { entities, marker: answer.IsTruncated === true ? answer.Marker : undefined };
      },
      delete: (GroupName) => send((o) => iam.deleteGroup({ GroupName }, o)),
      strip: (name) => stripGroup(iam, name, send),
    },
    {
      kind: 'user',
      path: userPath,
      pattern: ownNamePattern('testuser', namespace),
      async list(Marker) {
        const answer = await look((o) => iam.listUsers({ PathPrefix: userPath, Marker }, o));
        const entities = (answer.Users ?? []).map(({ Path = '', UserName = '', CreateDate }) => ({
          path: Path,
          name: UserName,
          createdAt: CreateDate,
        }));
        return { entities, marker: answer.IsTruncated === true ? answer.Marker : undefined };
      },
      delete: (UserName) => send((o) => iam.deleteUser({ UserName }, o)),
      strip: (name) => stripUser(iam, name, send),
    },
  ];
}

/** Sends one request after the other, with a pause between two. */
function paced(paceMs: number, signal: AbortSignal): Send {
  let first = true;
  return async (request) => {
    if (!first && paceMs > 0) await wait(paceMs, undefined, { signal });
    first = false;
    return await request({ abortSignal: signal });
  };
}
