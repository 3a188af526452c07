import { randomBytes } from 'node:crypto';
import { access, readdir, readFile, rename, unlink, writeFile, mkdir, rmdir } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { makeDir } from '../../host/make-dir.ts';
import { type ErrorBody, type MetristResult, validateResult } from './results.ts';

export interface OutboxOptions {
  /** `results/outbox`. Made when the first error is put into it. */
  readonly dir: string;
  readonly now: () => Date;
  /** Time since the machine started: setting the clock does not change it. @default os.uptime */
  readonly uptimeMs?: () => number;
  /** How long an error belongs to the run that put it there. @default 180_000, three times the longest delivery */
  readonly holdForMs?: number;
}

/**
 * One error on disk. Every method throws Node's error when it fails: `ENOENT` when another process was faster, `EACCES` or
 * `EPERM` when this user may not do it.
 */
export interface OutboxEntry {
  /**
   * How long ago it was sent, or may have been, with an unknown outcome. Absent if it was not sent. Negative if that was in
   * the future: the clock was wrong then, or is wrong now. An error that a dead run still holds counts from when it was
   * held: if the disk did not answer, that run may have sent it from memory.
   */
  readonly sentAgoMs?: number;
  /** @returns `undefined` when the file does not hold an error that Metrist would store */
  read(): Promise<ErrorBody | undefined>;
  /**
   * Notes that it is about to be sent. This is also the claim: of several processes one succeeds. A user who may not rename
   * a file may not remove it either, so an error that could not be removed afterwards is not sent.
   */
  markSent(): Promise<void>;
  /** Notes that it did not arrive. */
  putBack(): Promise<void>;
  /** Lets other processes send it, if this one did not. */
  release(): Promise<void>;
  /** Metrist has it, or will never take it. */
  remove(): Promise<void>;
  /** Moves an unreadable file to `corrupt/`. */
  setAside(): Promise<void>;
}

/** What the name of a file says. */
interface EntryName {
  /** Sorts by time. */
  readonly id: string;
  /** When its run put it there. Absent once that run is done with it. */
  readonly heldAtMs?: number;
  readonly sent?: SentAt;
}

/** A moment by two clocks. Earlier versions did not note the uptime. */
interface SentAt {
  readonly atMs: number;
  readonly uptimeMs?: number;
}

/**
 * Errors that Metrist has not accepted yet, a file each. Every change is a rename, so a process that is killed leaves each
 * error in one known state, and of two processes that want the same error only one gets it.
 *
 * ```text
 * outbox/20261122T100000123-9f3a0c11.json                       waits
 * outbox/20261122T100000123-9f3a0c11.held-1795….json            its own run, which began to report at 1795…, will send it
 * outbox/20261122T100000123-9f3a0c11.sent-1795…-86400250.json   was sent at 1795…, at this uptime; may have arrived
 * outbox/corrupt/…                                              could not be read
 * ```
 */
export class Outbox {
  readonly #options: Required<OutboxOptions>;

  constructor(options: OutboxOptions) {
    this.#options = { uptimeMs: () => os.uptime() * 1000, holdForMs: 180_000, ...options };
  }

  /**
   * Puts an error into the outbox and keeps other processes from sending it until it is released, or until this process
   * must have died.
   *
   * @throws Node's error when the disk did not take it; then it is not there
   */
  async hold(body: ErrorBody): Promise<OutboxEntry> {
    const { dir, now } = this.#options;
    const at = now();
    const id = `${at.toISOString().replaceAll(/[-:.Z]/g, '')}-${randomBytes(4).toString('hex')}`;
    const name: EntryName = { id, heldAtMs: at.getTime() };
    const file = path.join(dir, formatName(name));
    await makeDir(dir);
    try {
      await writeFile(file, `${JSON.stringify({ kind: 'error', body })}\n`, { flush: true });
    } catch (problem) {
      await unlink(file).catch(() => {});
      // If it cannot be removed a later run will send it, so this one must not send it from memory.
      if (!(await exists(file))) throw problem;
    }
    return this.#entry(name);
  }

  /** What an earlier version left here, to be cleared before the entries are listed. */
  async oldFiles(): Promise<OldFile[]> {
    return await listOldFiles(this.#options.dir, (atMs) => this.#isHeld(atMs));
  }

  /**
   * Every error but those that other runs hold, oldest first.
   *
   * @throws Node's error when the directory cannot be listed
   */
  async entries(): Promise<OutboxEntry[]> {
    const names = (await list(this.#options.dir)).map(parseName).filter((name) => name !== undefined);
    return names
      .filter(({ heldAtMs }) => heldAtMs === undefined || !this.#isHeld(heldAtMs))
      .toSorted((one, other) => (one.id < other.id ? -1 : 1))
      .map((name) => this.#entry(name));
  }

  /** A hold from far in the future was made by a wrong clock. */
  #isHeld(atMs: number): boolean {
    return Math.abs(this.#options.now().getTime() - atMs) < this.#options.holdForMs;
  }

  #entry(name: EntryName): OutboxEntry {
    const { dir, now, uptimeMs } = this.#options;
    const { id, heldAtMs, sent = heldAtMs === undefined ? undefined : { atMs: heldAtMs } } = name;
    let current = name;
    const file = (): string => path.join(dir, formatName(current));
    const moveTo = async (next: EntryName): Promise<void> => {
      await rename(file(), path.join(dir, formatName(next)));
      current = next;
    };
    return {
      ...(sent && { sentAgoMs: this.#agoMs(sent) }),
      read: async () => parseError(await readFile(file(), 'utf8').catch(emptyForDirectory)),
      markSent: () => moveTo({ id, sent: { atMs: now().getTime(), uptimeMs: Math.floor(uptimeMs()) } }),
      putBack: () => moveTo({ id }),
      release: async () => {
        if (current.heldAtMs !== undefined) await moveTo({ id });
      },
      remove: () => unlink(file()),
      setAside: async () => {
        const corruptDir = path.join(dir, 'corrupt');
        await makeDir(corruptDir);
        await rename(file(), path.join(corruptDir, formatName(current)));
      },
    };
  }

  /** The shorter time of the two clocks: setting the clock forward makes nothing older. */
  #agoMs({ atMs, uptimeMs }: SentAt): number {
    const byClockMs = this.#options.now().getTime() - atMs;
    const byUptimeMs = uptimeMs === undefined ? -1 : this.#options.uptimeMs() - uptimeMs;
    // The machine has been restarted since, or this is another one.
    if (byUptimeMs < 0) return byClockMs;
    return Math.min(byClockMs, byUptimeMs);
  }
}

function formatName({ id, heldAtMs, sent }: EntryName): string {
  const held = heldAtMs === undefined ? '' : `.held-${heldAtMs}`;
  const uptime = sent?.uptimeMs === undefined ? '' : `-${sent.uptimeMs}`;
  return `${id}${held}${sent === undefined ? '' : `.sent-${sent.atMs}${uptime}`}.json`;
}

/** `undefined` for anything else that somebody put there. */
function parseName(text: string): EntryName | undefined {
  const match = /^(\d{8}T\d{9}-[\da-f-]+)(?:\.held-(\d+)|\.sent-(\d+)(?:-(\d+))?)?\.json$/.exec(text);
  if (match === null) return undefined;
  const [, id = '', heldAt, sentAt, uptime] = match;
  return {
    id,
    ...(heldAt !== undefined && { heldAtMs: Number(heldAt) }),
    ...(sentAt !== undefined && {
      sent: { atMs: Number(sentAt), ...(uptime !== undefined && { uptimeMs: Number(uptime) }) },
    }),
  };
}

/** `undefined` for anything but an error that Metrist would store. */
function parseError(text: string): ErrorBody | undefined {
  try {
    const result = JSON.parse(text) as MetristResult;
    return result.kind === 'error' && validateResult(result).length === 0 ? result.body : undefined;
  } catch {
    return undefined;
  }
}

async function list(dir: string): Promise<string[]> {
  return await readdir(dir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return [];
    throw error;
  });
}

function emptyForDirectory(error: NodeJS.ErrnoException): string {
  if (error.code === 'EISDIR') return '';
  throw error;
}

async function exists(file: string): Promise<boolean> {
  return await access(file).then(
    () => true,
    () => false,
  );
}

/** A file that an earlier version left in the outbox. */
export interface OldFile {
  readonly kind: 'telemetry' | 'error' | 'unknown';
  /**
   * Moves an error to where errors wait today. Removes telemetry: Metrist would take the time of its arrival for the time of
   * the call. Moves anything else to `corrupt/`.
   *
   * @throws Node's error, and leaves the file where it is; `ENOENT` when another process was faster
   */
  clear(): Promise<void>;
}

/**
 * An earlier version kept a directory for each run, which held the run's telemetry too:
 *
 * ```text
 * outbox/20261122T100000123-9f3a0c11/01-telemetry.json
 * outbox/20261122T100000123-9f3a0c11/09-error.json
 * outbox/20261122T100000123-9f3a0c11/09-error.sent-1795….json
 * outbox/20261122T100000123-9f3a0c11.claim-1795…-4711/…       held by a process since 1795…
 * ```
 *
 * @param dir the outbox
 * @param isHeld whether a process that took hold of something at this time may still be at work
 */
export async function listOldFiles(dir: string, isHeld: (atMs: number) => boolean): Promise<OldFile[]> {
  const files: OldFile[] = [];
  for (const name of await readdir(dir).catch(() => [])) {
    const match = /^(\d{8}T\d{9}-[\da-f]+)(?:\.claim-(\d+)-\d+)?$/.exec(name);
    const [, run = '', claimedAt] = match ?? [];
    if (match === null || (claimedAt !== undefined && isHeld(Number(claimedAt)))) continue;
    files.push(...(await listRun(path.join(dir, name), run)));
  }
  return files;
}

async function listRun(runDir: string, run: string): Promise<OldFile[]> {
  try {
    const names = await readdir(runDir);
    if (names.length === 0) await removeIfEmpty(runDir);
    return names.map((name) => oldFile(runDir, run, name));
  } catch (error) {
    // Reported when somebody tries to clear it.
    return [{ kind: 'unknown', clear: () => Promise.reject(error) }];
  }
}

function oldFile(runDir: string, run: string, name: string): OldFile {
  const dir = path.dirname(runDir);
  const [, index, known, sent = ''] = /^(\d{2,})-(telemetry|error)(\.sent-\d+)?\.json$/.exec(name) ?? [];
  const kind = known === 'telemetry' || known === 'error' ? known : 'unknown';
  const move = async (): Promise<void> => {
    const file = path.join(runDir, name);
    switch (kind) {
      case 'telemetry':
        return await unlink(file);
      case 'error':
        return await rename(file, path.join(dir, `${run}-${index}${sent}.json`));
      case 'unknown':
        await mkdir(path.join(dir, 'corrupt'), { recursive: true });
        return await rename(file, path.join(dir, 'corrupt', `${run}-${name}`));
      default:
        return kind satisfies never;
    }
  };
  return {
    kind,
    clear: async () => {
      await move();
      await removeIfEmpty(runDir);
    },
  };
}

async function removeIfEmpty(dir: string): Promise<void> {
  await rmdir(dir).catch(() => {});
}
