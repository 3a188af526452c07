import { spawn, type ChildProcessByStdio } from 'node:child_process';
import os from 'node:os';
import type { Readable } from 'node:stream';
import { abortAfter, settleWithin } from '../../runner/deadline.ts';
import type { RunMode } from '../../runner/monitor-run.ts';
import type { Values } from '../../runner/monitor.ts';
import { formatLimit } from '../../text/duration.ts';
import { joinLines } from '../../text/printable.ts';

/** What a child process makes: the HTML report, and the status as JSON. */
export type PageName = 'report' | 'status';

export interface PagesOptions {
  /** The command that starts this program, without arguments. */
  readonly self: readonly string[];
  /** The environment of the child. `.env` adds to it, as for every command. */
  readonly environment: Values;
  /** Absolute. */
  readonly resultsDir: string;
  readonly mode: RunMode;
  /** Absent for the runs without an instance. */
  readonly instance?: string;
  /** Leaves out account numbers and names of entities. */
  readonly hideAccount: boolean;
  /** How long a child may take. @default 30 s */
  readonly timeoutMs?: number;
  /** How long a page is served without being made anew, because states change as time goes by. @default a minute */
  readonly maxAgeMs?: number;
}

/** Far above the report of ten years. */
const maxPageBytes = 64 * 1024 * 1024;
/** Of what the child says about its failure. */
const maxErrorBytes = 16_384;
/** How long closing waits for the child that it has killed. */
const killTimeoutMs = 500;

const pageArguments: Readonly<Record<PageName, readonly string[]>> = {
  report: ['report', '--out', '-'],
  status: ['status', '--json'],
};

/**
 * Makes pages by a child process, so that neither the memory nor the event loop of the watch pays for them, and no step is
 * timed wrong. One child runs at a time, with a low priority. All who ask meanwhile share its page, and so do those who ask
 * later, until the next run ends or the page is too old.
 */
export class Pages {
  readonly #options: PagesOptions;
  readonly #kept = new Map<PageName, { readonly page: Buffer; readonly madeAtMs: number }>();
  readonly #making = new Map<PageName, Promise<Buffer>>();
  readonly #closing = new AbortController();
  /** Settles when no child runs. */
  #idle: Promise<unknown> = Promise.resolve();
  /** How often the history has grown. */
  #version = 0;

  constructor(options: PagesOptions) {
    this.#options = options;
  }

  /** @throws an error whose message says why the page could not be made */
  async get(name: PageName): Promise<Buffer> {
    const kept = this.#kept.get(name);
    if (kept !== undefined && performance.now() - kept.madeAtMs < (this.#options.maxAgeMs ?? 60_000)) return kept.page;
    const making = this.#making.get(name) ?? this.#start(name);
    this.#making.set(name, making);
    return await making;
  }

  /** A run has ended: makes every page anew when somebody asks for it. */
  invalidate(): void {
    this.#version += 1;
    this.#kept.clear();
  }

  /** Ends the child, and makes nothing any more. */
  async close(): Promise<void> {
    this.#closing.abort(new Error('the watch ends'));
    this.#kept.clear();
    using deadline = abortAfter(killTimeoutMs, 'the child did not end');
    await settleWithin(this.#idle, deadline.signal, 0).catch(() => {});
  }

  async #start(name: PageName): Promise<Buffer> {
    const before = this.#idle;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#idle = promise;
    try {
      await before;
      this.#closing.signal.throwIfAborted();
      const [version, madeAtMs] = [this.#version, performance.now()];
      const page = await this.#make(name);
      // A page of a run that has ended meanwhile may be missing it.
      if (version === this.#version && !this.#closing.signal.aborted) this.#kept.set(name, { page, madeAtMs });
      return page;
    } finally {
      this.#making.delete(name);
      resolve();
    }
  }

  async #make(name: PageName): Promise<Buffer> {
    const { self, environment, resultsDir, mode, instance = '', hideAccount, timeoutMs = 30_000 } = this.#options;
    const [program = '', ...first] = self;
    const shown = ['--mode', mode, '--instance', instance, ...(hideAccount ? ['--hide-account'] : [])];
    const child = spawn(program, [...first, ...pageArguments[name], ...shown], {
      env: { ...environment, METRIST_RESULTS_DIR: resultsDir },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    yieldToRuns(child.pid);
    using deadline = abortAfter(timeoutMs, `it took longer than ${formatLimit(timeoutMs)}`, this.#closing.signal);
    return await readPage(child, deadline.signal);
  }
}

/** A page can wait. A step must not. */
function yieldToRuns(pid: number | undefined): void {
  try {
    if (pid !== undefined) os.setPriority(pid, os.constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // It has ended already, or this system does not let us.
  }
}

/**
 * Reads what a child writes until it ends. Kills it if the signal aborts or the page is too long. It only reads files, so
 * nothing is left half done.
 *
 * @throws the reason of the signal, or an error that says why there is no page
 */
async function readPage(child: ChildProcessByStdio<null, Readable, Readable>, signal: AbortSignal): Promise<Buffer> {
  const { promise, resolve } = Promise.withResolvers<Error | undefined>();
  const page: Buffer[] = [];
  let pageBytes = 0;
  let said = Buffer.alloc(0);
  const kill = (): void => void child.kill('SIGKILL');
  child.stdout.on('data', (chunk: Buffer) => {
    pageBytes += chunk.length;
    if (pageBytes <= maxPageBytes) page.push(chunk);
    else kill();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    said = Buffer.concat([said, chunk.subarray(0, maxErrorBytes - said.length)]);
  });
  child.once('error', (error) => resolve(new Error(`the program could not be started: ${error.message}`)));
  child.once('close', (code, killedBy) => {
    if (code === 0) return resolve(undefined);
    resolve(new Error(describeErrors(said.toString()) || `the program ended with ${killedBy ?? `code ${code}`}`));
  });
  signal.addEventListener('abort', kill, { once: true });
  if (signal.aborted) kill();
  const problem = await promise;
  signal.throwIfAborted();
  if (pageBytes > maxPageBytes) throw new Error(`it is longer than ${maxPageBytes / 1024 / 1024} MiB`);
  if (problem !== undefined) throw problem;
  return Buffer.concat(page, pageBytes);
}

/** What a command wrote to stderr, in one line, without its progress and its warnings. */
function describeErrors(text: string): string {
  const lines = text.split('\n').filter((line) => !line.startsWith('reading the history') && !line.startsWith('! '));
  return joinLines(lines.join('\n'), 400);
}
