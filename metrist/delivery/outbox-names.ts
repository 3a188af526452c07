import type { MetristResult } from './results.ts';

/** What the name of a batch's directory says. */
export interface BatchName {
  /** Without the claim; sorts by time. */
  readonly name: string;
  /** When it was put there. */
  readonly at: Date;
  /** When a process took hold of it, if one did. */
  readonly claimedAtMs?: number;
}

/** What the name of an entry's file says. */
export interface EntryName {
  readonly index: number;
  readonly kind: MetristResult['kind'];
  /** When it was sent with an unknown outcome, if it was. */
  readonly sentAtMs?: number;
}

/** `20261122T100000123-9f3a0c11` */
export function batchName(at: Date, suffix: string): string {
  return `${at.toISOString().replaceAll(/[-:.Z]/g, '')}-${suffix}`;
}

/** `20261122T100000123-9f3a0c11.claim-1795341600123-4711` */
export function claimName(name: string, claimedAtMs: number, pid: number): string {
  return `${name}.claim-${claimedAtMs}-${pid}`;
}

/** `undefined` for what is no batch: something that somebody put there. */
export function parseBatchName(text: string): BatchName | undefined {
  const match = /^(\d{8}T\d{9}-[0-9a-f]+)(?:\.claim-(\d+)-\d+)?$/.exec(text);
  if (match === null) return undefined;
  const [, name = '', claimedAt] = match;
  const at = new Date(name.replace(/^(....)(..)(..T..)(..)(..)(...)-.*$/, '$1-$2-$3:$4:$5.$6Z'));
  if (Number.isNaN(at.getTime())) return undefined;
  return { name, at, ...(claimedAt !== undefined && { claimedAtMs: Number(claimedAt) }) };
}

/** `09-error.json`, `09-error.sent-1795341600123.json`; sorts in the order of the steps. */
export function entryName({ index, kind, sentAtMs }: EntryName): string {
  const sent = sentAtMs === undefined ? '' : `.sent-${sentAtMs}`;
  return `${String(index).padStart(2, '0')}-${kind}${sent}.json`;
}

/** `undefined` for what is no entry. */
export function parseEntryName(text: string): EntryName | undefined {
  const match = /^(\d{2,})-(telemetry|error)(?:\.sent-(\d+))?\.json$/.exec(text);
  if (match === null) return undefined;
  const [, index, kind, sentAt] = match;
  return {
    index: Number(index),
    kind: kind as EntryName['kind'],
    ...(sentAt !== undefined && { sentAtMs: Number(sentAt) }),
  };
}
