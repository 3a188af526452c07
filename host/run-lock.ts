import { statfs } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { pause, settleWithin } from '../runner/deadline.ts';
import { formatLimit } from '../text/duration.ts';
import { messageOf, oneLine } from '../text/printable.ts';
import { formatUtc } from '../text/time.ts';
import { lockFile, readLockNote } from './file-lock.ts';
import { makeDir } from './make-dir.ts';

/** The commands of which only one at a time runs. */
const commands = ['run', 'watch'] as const;
export type LockingCommand = (typeof commands)[number];

/** Who holds the lock. */
export interface RunLockHolder {
  readonly pid: number;
  /** The machine or container that it runs on, if it is another one than ours. */
  readonly host?: string;
  readonly command: LockingCommand;
  /** ISO 8601, UTC. */
  readonly since: string;
}

export type RunLock =
  /** Keep `lock` as long as the lock is needed: it ends if the object is garbage. */
  | { readonly state: 'acquired'; readonly lock: Disposable }
  /** `holder` is absent if it could not say who it is. */
  | { readonly state: 'held'; readonly holder?: RunLockHolder }
  /** The results directory cannot hold a lock. `reason` is a clause. No reason not to watch IAM. */
  | { readonly state: 'not made'; readonly reason: string };

interface RunLockOptions {
  /** Absolute. Made if there is none. */
  readonly resultsDir: string;
  /** Absent if the settings are wrong. Such runs have a lock of their own. */
  readonly namespace?: string;
  readonly command: LockingCommand;
  /** How long to wait for another holder. @default 0 */
  readonly waitMs?: number;
  /** Ends everything at once. */
  readonly signal: AbortSignal;
  /** Called when it begins to wait, and again for each new holder. */
  readonly onWait?: (holder: RunLockHolder | undefined) => void;
  /** How long the disk may take to answer. @default 5000 */
  readonly answerMs?: number;
}

const pollMs = 200;
/** Who has just got the lock needs a moment to say so. */
const settleMs = 1000;
const settlePollMs = 20;

/** Files of attempts that were given up and still wait for the disk. Each takes one of Node's few threads. */
const unanswered = new Set<string>();

/**
 * Lets only one `awsiam run` or `watch` at a time run for a namespace and a results directory. A killed process leaves no
 * lock. Never blocks the thread, and never throws because of the disk.
 *
 * The holder says in the lock's file who it is:
 *
 * ```json
 * { "pid": 4711, "host": "web-2", "command": "watch", "since": "2026-11-27T04:12:00.000Z" }
 * ```
 *
 * @throws only the reason of the signal
 */
export async function acquireRunLock(options: RunLockOptions): Promise<RunLock> {
  const { resultsDir, namespace, command, waitMs = 0, signal, onWait, answerMs = 5000 } = options;
  const file = path.join(resultsDir, lockName(namespace));
  const startMs = performance.now();
  let waitsFor: string | undefined;
  for (;;) {
    signal.throwIfAborted();
    if (unanswered.has(file)) return { state: 'not made', reason: 'the disk still does not answer' };
    const attempt = tryLock(file, command);
    let lock: Disposable | undefined;
    try {
      lock = await answerWithin(attempt, answerMs, signal);
    } catch (error) {
      // It may still get the lock later.
      unanswered.add(file);
      const forget = (): unknown => unanswered.delete(file);
      attempt.then((late) => late?.[Symbol.dispose]()).then(forget, forget);
      signal.throwIfAborted();
      return { state: 'not made', reason: oneLine(messageOf(error), 200) };
    }
    if (lock !== undefined) return { state: 'acquired', lock };
    const holder = readHolder(file);
    const forMs = performance.now() - startMs;
    const isSettled = holder !== undefined || forMs >= settleMs;
    if (isSettled && forMs >= waitMs) return { state: 'held', ...(holder !== undefined && { holder }) };
    if (isSettled && waitsFor !== JSON.stringify([holder])) {
      waitsFor = JSON.stringify([holder]);
      onWait?.(holder);
    }
    // Random, so that processes that wait do not all try at the same moment.
    const pauseMs = isSettled ? Math.min(pollMs * (1 + Math.random()), waitMs - forMs) : settlePollMs;
    await pause(Math.ceil(pauseMs), signal);
  }
}

/**
 * One line for whoever did not get the lock: `another awsiam watch (process 4711, since 2026-11-27 04:12 UTC) is running for
 * namespace prod in results: nothing was run. …`
 */
export function describeHeldRunLock({
  holder,
  command,
  namespace,
  shownDir,
}: Pick<RunLockOptions, 'command' | 'namespace'> & {
  readonly holder?: RunLockHolder;
  /** The results directory, for people. */
  readonly shownDir: string;
}): string {
  const forWhat = namespace === undefined ? 'without a namespace' : `for namespace ${namespace}`;
  return `${describeHolder(holder)} is running ${forWhat} in ${shownDir}: nothing was run. ${advice(command, holder)}`;
}

/** `another awsiam watch (process 4711, since 2026-11-27 04:12 UTC)` */
export function describeHolder(holder: RunLockHolder | undefined): string {
  if (holder === undefined) return 'another awsiam';
  const { command, pid, host, since } = holder;
  const where = host === undefined ? '' : ` on ${host}`;
  return `another awsiam ${command} (process ${pid}${where}, since ${formatUtc(Date.parse(since))})`;
}

/** A warning about a lock that was not made, on one line. */
export function describeMissingRunLock({
  reason,
  shownDir,
}: {
  readonly reason: string;
  readonly shownDir: string;
}): string {
  return `no lock was made in ${shownDir}, so nothing keeps another run from starting meanwhile: ${reason}`;
}

function advice(command: LockingCommand, holder: RunLockHolder | undefined): string {
  const others = 'use another METRIST_NAMESPACE or METRIST_RESULTS_DIR';
  if (holder?.command === 'watch') return `Stop it first, or ${others}`;
  return command === 'run'
    ? `Wait for it with --wait <time>, or ${others}`
    : `Start again when it has ended, or ${others}`;
}

/** @returns `run-prod.lock` */
function lockName(namespace: string | undefined): string {
  return namespace === undefined ? 'run.lock' : `run-${namespace.replaceAll(/[^a-z0-9_+=,.@-]/gu, encode)}.lock`;
}

/** Some disks take `Prod` and `prod` for the same name, so capital letters are written in another way: `%50rod`. */
function encode(character: string): string {
  return `%${Buffer.from(character).toString('hex')}`;
}

async function tryLock(file: string, command: LockingCommand): Promise<Disposable | undefined> {
  const dir = path.dirname(file);
  await makeDir(dir);
  // A network disk that is gone may still answer other questions from memory. SQLite would then block the thread.
  await statfs(dir);
  const note = { pid: process.pid, host: os.hostname(), command, since: new Date().toISOString() };
  return await lockFile(file, { timeoutMs: 0, note: JSON.stringify(note) });
}

async function answerWithin<T>(work: Promise<T>, ms: number, signal: AbortSignal): Promise<T> {
  const limit = new AbortController();
  const error = new Error(`the disk did not answer within ${formatLimit(ms)}`);
  const timer = setTimeout(() => limit.abort(error), ms);
  try {
    return await settleWithin(work, AbortSignal.any([signal, limit.signal]), 0);
  } finally {
    clearTimeout(timer);
  }
}

/** Who holds the lock. The note of one that was killed does not count. */
function readHolder(file: string): RunLockHolder | undefined {
  const holder = parseHolder(readLockNote(file));
  if (holder === undefined || holder.host !== undefined || isAlive(holder.pid)) return holder;
  return undefined;
}

function parseHolder(note = ''): RunLockHolder | undefined {
  try {
    const { pid, host, command, since } = JSON.parse(note) as Readonly<Record<string, unknown>>;
    const known = commands.find((each) => each === command);
    if (typeof pid !== 'number' || typeof host !== 'string' || known === undefined) return undefined;
    if (typeof since !== 'string' || Number.isNaN(Date.parse(since))) return undefined;
    return { pid, ...(host !== os.hostname() && { host: oneLine(host, 64) }), command: known, since };
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // Another user's.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
