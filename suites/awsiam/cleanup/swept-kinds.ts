import { setTimeout as wait } from 'node:timers/promises';
import { groupPath, userPath, ownNamePattern, type Entity } from '../names.ts';
import { type ListAnswer, stripGroup, stripUser, type Send, type StripOptions } from './strip-entity.ts';

/** How users and groups differ for the sweep. */
export interface SweptKind {
  readonly kind: 'user' | 'group';
  readonly path: string;
  readonly pattern: RegExp;
  list(marker: string | undefined): Promise<Page>;
  delete(name: string): Promise<unknown>;
  /** See {@link stripUser}. */
  strip(name: string): Promise<readonly unknown[]>;
}

export interface Page extends ListAnswer {
  readonly entities: readonly DatedEntity[];
}

export interface DatedEntity extends Entity {
  readonly createdAt: Date | undefined;
}

export interface SweptKindsOptions extends Pick<StripOptions, 'iam' | 'endsSweep'> {
  readonly namespace: string;
  readonly signal: AbortSignal;
  /** @default 100 */
  readonly paceMs?: number;
}

/** Groups first: of these the account may have the fewest, and a user that is in none is gone with one request. */
export function sweptKinds({ iam, endsSweep, namespace, signal, paceMs = 100 }: SweptKindsOptions): SweptKind[] {
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
        return { entities, IsTruncated: answer.IsTruncated, Marker: answer.Marker };
      },
      delete: (GroupName) => send((o) => iam.deleteGroup({ GroupName }, o)),
      strip: (name) => stripGroup({ iam, send, endsSweep }, name),
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
        return { entities, IsTruncated: answer.IsTruncated, Marker: answer.Marker };
      },
      delete: (UserName) => send((o) => iam.deleteUser({ UserName }, o)),
      strip: (name) => stripUser({ iam, send, endsSweep }, name),
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
