import { randomBytes } from 'node:crypto';
import { access, readdir, readFile, rename, rmdir, unlink, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { makeDir } from '../../host/make-dir.ts';
import { type ErrorBody, isStorable, type MetristResult } from './results.ts';

interface OutboxOptions {
  /** `results/outbox`. Made when the first error is put into it. */
  readonly dir: string;
  readonly now: () => Date;
  /** Time since the machine started: setting the clock does not change it. @default os.uptime */
  readonly uptimeMs?: () => number;
}

/** How long an error belongs to the run that put it there: three times the longest delivery. */
const holdForMs = 180_000;

/**
 * One error on disk. Every method throws Node's error when it fails: `ENOENT` when another process was faster, `EACCES` or
 * `EPERM` when this user may not do it.
 */
export interface OutboxEntry {
  /**
   * How long ago the error was sent, or may have been sent, with an unknown outcome. Absent if it was not sent. Negative if
   * the noted time is in the future: the clock was wrong then, or is wrong now. For an error that a dead run still holds, the
   * time counts from the start of the hold, because that run may have sent it from memory when the disk did not answer.
   */
  readonly sentAgoMs?: number;
  /** @returns `undefined` when the file does not hold an error that Metrist would store */
  read(): Promise<ErrorBody | undefined>;
  /**
   * Notes that the error is about to be sent. This also claims it: of several processes, only one succeeds. A user who may
   * not rename a file may not remove it either, so this fails for an error that could not be removed after it was sent.
   */
  markSent(): Promise<void>;
  /** Notes that the error was not sent or did not arrive, so that any process may send it. */
  putBack(): Promise<void>;
  /** For an error that Metrist has, or will never take. */
  remove(): Promise<void>;
  /** Moves an unreadable file to `corrupt/`. */
  setAside(): Promise<void>;
}

/** An error in the outbox, as the name of its file describes it. */
interface FoundFile {
  /** Its path in the outbox. */
  readonly file: string;
  /** Begins with the time, so that ids sort by time. */
  readonly id: string;
  /** When its run put it there. Absent once that run is done with it. */
  readonly heldAtMs?: number;
  readonly sentAt?: SentAt;
}

/** When an error was sent, by two clocks. Earlier versions did not note the uptime. */
interface SentAt {
  readonly atMs: number;
  readonly uptimeMs?: number;
}

/**
 * Errors that Metrist has not accepted yet, a file each. Every change is a rename, so a process that is killed leaves each
 * error in one known state, and of two processes that want the same error only one gets it. `maxWaiting` in `deliver.ts`
 * limits how many wait.
 *
 * ```text
 * outbox/20261122T100000123-9f3a0c11.json                       waits
 * outbox/20261122T100000123-9f3a0c11.held-1795….json            its own run will send it; the run began to report at 1795…
 * outbox/20261122T100000123-9f3a0c11.sent-1795…-86400250.json   was sent at 1795…, at this uptime; may have arrived
 * outbox/corrupt/…                                              could not be read
 * ```
 *
 * An earlier version kept a directory for each run, with its telemetry. Those errors are entries like the others and leave
 * the directory with their next change:
 *
 * ```text
 * outbox/20261122T100000123-9f3a0c11/01-telemetry.json
 * outbox/20261122T100000123-9f3a0c11/09-error.json                        or 09-error.sent-1795….json
 * outbox/20261122T100000123-9f3a0c11.claim-1795…-4711/09-error.json       held by process 4711 since 1795…
 * ```
 */
export class Outbox {
  readonly #options: Required<OutboxOptions>;

  constructor(options: OutboxOptions) {
    this.#options = { uptimeMs: () => os.uptime() * 1000, ...options };
  }

  /**
   * Puts an error into the outbox and keeps other processes from sending it until it is put back, or until this process
   * must have died.
   *
   * @throws Node's error if the disk did not take the error; then no file of it is left
   */
  async hold(body: ErrorBody): Promise<OutboxEntry> {
    const { dir, now } = this.#options;
    const at = now();
    const id = `${at.toISOString().replaceAll(/[-:.Z]/g, '')}-${randomBytes(4).toString('hex')}`;
    const name = `${id}.held-${at.getTime()}.json`;
    const file = path.join(dir, name);
    await makeDir(dir);
    try {
      await writeFile(file, `${JSON.stringify({ kind: 'error', body })}\n`, { flush: true });
    } catch (problem) {
      await unlink(file).catch(() => {});
      // If the file cannot be removed, a later run will send the error, so this run must not send it from memory.
      const isThere = await access(file).then(
        () => true,
        () => false,
      );
      if (!isThere) throw problem;
    }
    return this.#entry({ file: name, id });
  }

  /**
   * Every error except those that other runs hold, oldest first. Removes what an earlier version left of its telemetry.
   *
   * @throws Node's error when the directory cannot be listed
   */
  async entries(): Promise<OutboxEntry[]> {
    const files: string[] = [];
    for (const name of await list(this.#options.dir)) {
      files.push(...(oldRunDir.test(name) ? await this.#listOldRun(name) : [name]));
    }
    return files
      .flatMap((file) => parseName(file) ?? [])
      .filter(({ heldAtMs }) => !this.#isHeld(heldAtMs))
      .toSorted((one, other) => (one.id < other.id ? -1 : 1))
      .map((found) => this.#entry(found));
  }

  /** The files in a directory of an earlier version. Its telemetry is too old to be sent. */
  async #listOldRun(name: string): Promise<string[]> {
    const runDir = path.join(this.#options.dir, name);
    const files = await list(runDir).catch(() => []);
    for (const file of files)
      if (file.endsWith('-telemetry.json')) await unlink(path.join(runDir, file)).catch(() => {});
    await rmdir(runDir).catch(() => {});
    return files.map((file) => `${name}/${file}`);
  }

  /** A hold from far in the future was made by a wrong clock. */
  #isHeld(atMs: number | undefined): boolean {
    return atMs !== undefined && Math.abs(this.#options.now().getTime() - atMs) < holdForMs;
  }

  #entry({ file: foundAs, id, sentAt }: FoundFile): OutboxEntry {
    const { dir, now, uptimeMs } = this.#options;
    let file = path.join(dir, foundAs);
    const moveTo = async (name: string): Promise<void> => {
      const target = path.join(dir, name);
      await rename(file, target);
      file = target;
    };
    return {
      ...(sentAt && { sentAgoMs: this.#agoMs(sentAt) }),
      read: async () => parseError(await readFile(file, 'utf8').catch(toEmptyText)),
      markSent: () => moveTo(`${id}.sent-${now().getTime()}-${Math.floor(uptimeMs())}.json`),
      putBack: () => moveTo(`${id}.json`),
      remove: () => unlink(file),
      setAside: async () => {
        const corruptDir = path.join(dir, 'corrupt');
        await makeDir(corruptDir);
        await rename(file, path.join(corruptDir, foundAs.replace('/', '-')));
      },
    };
  }

  /** The shorter of the times by the two clocks, so that setting the clock forward makes no error look older. */
  #agoMs({ atMs, uptimeMs }: SentAt): number {
    const byClockMs = this.#options.now().getTime() - atMs;
    const byUptimeMs = uptimeMs === undefined ? -1 : this.#options.uptimeMs() - uptimeMs;
    // The machine has been restarted since, or this is another machine.
    if (byUptimeMs < 0) return byClockMs;
    return Math.min(byClockMs, byUptimeMs);
  }
}

const oldRunDir = /^\d{8}T\d{9}-[\da-f]+(?:\.claim-\d+-\d+)?$/;

/** Reads the name of a file in the outbox. @returns `undefined` if it is not that of an error */
function parseName(file: string): FoundFile | undefined {
  const groups = (currentFile.exec(file) ?? oldFile.exec(file))?.groups;
  if (groups === undefined) return undefined;
  const { run = '', index, heldAt, sentAt = heldAt, uptime } = groups;
  return {
    file,
    id: index === undefined ? run : `${run}-${index}`,
    ...(heldAt !== undefined && { heldAtMs: Number(heldAt) }),
    ...(sentAt !== undefined && {
      sentAt: { atMs: Number(sentAt), ...(uptime !== undefined && { uptimeMs: Number(uptime) }) },
    }),
  };
}

const currentFile =
  /^(?<run>\d{8}T\d{9}-[\da-f-]+)(?:\.held-(?<heldAt>\d+)|\.sent-(?<sentAt>\d+)(?:-(?<uptime>\d+))?)?\.json$/;
const oldFile =
  /^(?<run>\d{8}T\d{9}-[\da-f]+)(?:\.claim-(?<heldAt>\d+)-\d+)?\/(?<index>\d+)-error(?:\.sent-(?<sentAt>\d+))?\.json$/;

/** @returns `undefined` for anything but an error that Metrist would store */
function parseError(text: string): ErrorBody | undefined {
  try {
    const result = JSON.parse(text) as MetristResult;
    return result.kind === 'error' && isStorable(result) ? result.body : undefined;
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

/** A directory in the place of a file counts as an empty file. */
function toEmptyText(error: NodeJS.ErrnoException): string {
  if (error.code === 'EISDIR') return '';
  throw error;
}
