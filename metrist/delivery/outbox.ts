import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { batchName, claimName, type EntryName, entryName, parseBatchName, parseEntryName } from './outbox-names.ts';
import type { MetristResult } from './results.ts';
import { validateResult } from './validate-result.ts';

export interface OutboxOptions {
  /** `results/outbox`. Made when something is put into it. */
  readonly dir: string;
  readonly now: () => Date;
  /** A claim that is older belongs to a process that died. @default 180_000, three times the longest delivery */
  readonly claimTimeoutMs?: number;
}

/** One result on disk. */
export interface OutboxEntry {
  readonly result: MetristResult;
  /** When its run put it into the outbox. */
  readonly at: Date;
  /** When it was sent with an unknown outcome, if it was. */
  readonly sentAt?: Date;
  /**
   * Notes that it is about to be sent: from now on its outcome is unknown until it is removed or put back.
   *
   * @throws where it is not there any more: another process holds it, or the disk takes no change
   */
  markSent(): Promise<void>;
  /** Notes that it certainly did not arrive. */
  putBack(): Promise<void>;
  /** It is delivered, or never will be. */
  remove(): Promise<void>;
}

/** The results of one run that are not delivered yet, held by this process alone. */
export interface Batch {
  /** In the order of the steps. */
  readonly entries: readonly OutboxEntry[];
  /** Files that could not be read, set aside. */
  readonly corrupt: readonly string[];
  /** Lets go of what is left. */
  release(): Promise<void>;
}

/**
 * Results on their way to Metrist, as files: a directory per run, a file per result. Each change is a rename, so that
 * whatever kills the process leaves each result in exactly one known state, and two processes never hold the same one.
 *
 * ```text
 * outbox/20261122T100000123-9f3a0c11/01-telemetry.json          waits
 * outbox/20261122T100000123-9f3a0c11/09-error.json
 * outbox/20261122T095800456-77b0e2d4.claim-1795…-4711/…         held by a process since 1795…
 * outbox/20261122T095600789-01c2a5f6/09-error.sent-1795….json   was sent; whether it arrived is unknown
 * outbox/corrupt/…                                              could not be read
 * ```
 */
export class Outbox {
  readonly #dir: string;
  readonly #now: () => Date;
  readonly #claimTimeoutMs: number;

  constructor({ dir, now, claimTimeoutMs = 180_000 }: OutboxOptions) {
    this.#dir = dir;
    this.#now = now;
    this.#claimTimeoutMs = claimTimeoutMs;
  }

  /**
   * Puts the results of one run into the outbox and keeps hold of them: no other process takes them before they are
   * released, or before the claim is too old because this process died.
   *
   * @throws Node's error where the disk does not take all of them; then none is there
   */
  async hold(results: readonly MetristResult[]): Promise<Batch> {
    const at = this.#now();
    const name = batchName(at, randomBytes(4).toString('hex'));
    const dir = path.join(this.#dir, claimName(name, at.getTime(), process.pid));
    const entries = results.map((result, index) => this.#entry(result, { dir, at, index, kind: result.kind }));
    if (results.length === 0) return { entries, corrupt: [], release: () => Promise.resolve() };
    try {
      await mkdir(dir, { recursive: true });
      // The error first: should this process be killed now, it is what must not be missing.
      for (const [index, result] of [...results.entries()].toReversed()) {
        const file = path.join(dir, entryName({ index, kind: result.kind }));
        await writeFile(file, `${JSON.stringify(result)}\n`, { flush: true });
      }
    } catch (error) {
      await rm(dir, { recursive: true, force: true }).catch(() => {});
      throw error;
    }
    return { entries, corrupt: [], release: () => this.#release(dir, name) };
  }

  /** Takes hold of one batch after the other, oldest first. What another living process holds is passed over. */
  async *claim(): AsyncGenerator<Batch, void, void> {
    for (const name of await this.#batchNames()) {
      const claimed = await this.#claimBatch(name);
      if (claimed !== undefined) yield await this.#open(claimed);
    }
  }

  /** How many results wait, held ones included. */
  async count(): Promise<number> {
    const names = await this.#batchNames();
    const counts = await Promise.all(names.map(async (name) => (await list(path.join(this.#dir, name))).length));
    return counts.reduce((sum, count) => sum + count, 0);
  }

  async #batchNames(): Promise<string[]> {
    const names = await list(this.#dir);
    return names.filter((name) => parseBatchName(name) !== undefined).toSorted();
  }

  /** A rename succeeds for one process alone: for all others its source is gone. */
  async #claimBatch(name: string): Promise<string | undefined> {
    const parsed = parseBatchName(name);
    const nowMs = this.#now().getTime();
    if (parsed === undefined) return undefined;
    // A claim from the future was made by a clock that has been put right since.
    const isHeld = parsed.claimedAtMs !== undefined && Math.abs(nowMs - parsed.claimedAtMs) < this.#claimTimeoutMs;
    if (isHeld) return undefined;
    const claimed = claimName(parsed.name, nowMs, process.pid);
    const done = await tryRename(path.join(this.#dir, name), path.join(this.#dir, claimed));
    return done ? claimed : undefined;
  }

  async #open(claimed: string): Promise<Batch> {
    const dir = path.join(this.#dir, claimed);
    const entries: OutboxEntry[] = [];
    const corrupt: string[] = [];
    const { name = claimed, at = this.#now() } = parseBatchName(claimed) ?? {};
    for (const file of (await list(dir)).toSorted()) {
      const parsed = parseEntryName(file);
      const result = await readResult(path.join(dir, file));
      if (parsed !== undefined && result !== undefined && parsed.kind === result.kind) {
        entries.push(this.#entry(result, { dir, at, ...parsed }));
      } else {
        corrupt.push(file);
        await this.#setAside(path.join(dir, file), `${name}-${file}`);
      }
    }
    return { entries, corrupt, release: () => this.#release(dir, name) };
  }

  async #release(dir: string, name: string): Promise<void> {
    const isEmpty = await rmdir(dir).then(
      () => true,
      () => false,
    );
    if (!isEmpty) await tryRename(dir, path.join(this.#dir, name));
  }

  #entry(result: MetristResult, { dir, at, sentAtMs, ...name }: EntryName & Place): OutboxEntry {
    let current = path.join(dir, entryName({ ...name, ...(sentAtMs !== undefined && { sentAtMs }) }));
    const moveTo = async (newName: EntryName): Promise<void> => {
      const next = path.join(dir, entryName(newName));
      await rename(current, next);
      current = next;
    };
    return {
      result,
      at,
      ...(sentAtMs !== undefined && { sentAt: new Date(sentAtMs) }),
      markSent: () => moveTo({ ...name, sentAtMs: this.#now().getTime() }),
      putBack: () => moveTo(name),
      remove: () => rm(current, { force: true }),
    };
  }

  async #setAside(file: string, name: string): Promise<void> {
    const corruptDir = path.join(this.#dir, 'corrupt');
    await mkdir(corruptDir, { recursive: true }).catch(() => {});
    await tryRename(file, path.join(corruptDir, name));
  }
}

/** Where an entry lies, and since when. */
interface Place {
  readonly dir: string;
  readonly at: Date;
}

/** What is in a directory; nothing where there is none. */
async function list(dir: string): Promise<string[]> {
  return await readdir(dir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return [];
    throw error;
  });
}

async function tryRename(from: string, to: string): Promise<boolean> {
  return await rename(from, to).then(
    () => true,
    () => false,
  );
}

/** `undefined` for anything that is not a whole result that Metrist would store. */
async function readResult(file: string): Promise<MetristResult | undefined> {
  try {
    const result = JSON.parse(await readFile(file, 'utf8')) as MetristResult;
    const known: readonly unknown[] = ['telemetry', 'error'];
    return known.includes(result.kind) && validateResult(result).length === 0 ? result : undefined;
  } catch {
    return undefined;
  }
}
