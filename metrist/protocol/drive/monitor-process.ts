import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import readline from 'node:readline';
import type { Values } from '../../../runner/monitor.ts';
import type { MonitorExit } from './drive-report.ts';
import { formatFrame } from '../frame.ts';

/** A sign of the process. `ended` comes once, after all that it wrote. */
export type ProcessEvent =
  | { readonly kind: 'stdout'; readonly bytes: Buffer; readonly atMs: number }
  | { readonly kind: 'stderr' }
  | { readonly kind: 'stopped' }
  | { readonly kind: 'ended' };

export interface MonitorProcessOptions {
  /** The executable and its arguments. No shell reads them. */
  readonly command: readonly string[];
  readonly env: Values;
  /** After this long, what still holds the output of a process that is gone is killed. */
  readonly killAfterMs: number;
  readonly elapsedMs: () => number;
  readonly onStderr: (line: string) => void;
}

/** The command cannot be started: it is not there, or nothing that can be run. */
export class MonitorStartError extends Error {
  override readonly name = 'MonitorStartError';
  readonly code = 'MONITOR_START';
}

/** A running monitor, the leader of a process group of its own, as under the Orchestrator. */
export class MonitorProcess {
  readonly events = new EventQueue<ProcessEvent>();
  /** How the process ended, as soon as it has. */
  readonly exited: Promise<MonitorExit>;
  /** All output is read; whether something that the process had started outlived it. */
  readonly closed: Promise<{ readonly outlived: boolean }>;
  readonly #child: ChildProcessWithoutNullStreams;
  #running = true;

  constructor(child: ChildProcessWithoutNullStreams, options: Omit<MonitorProcessOptions, 'command' | 'env'>) {
    this.#child = child;
    // Whoever does not read, or is gone, is found out by what it does not answer.
    child.stdin.on('error', () => {});
    child.stdout.on('data', (bytes: Buffer) => this.events.push({ kind: 'stdout', bytes, atMs: options.elapsedMs() }));
    readline.createInterface({ input: child.stderr, crlfDelay: Infinity }).on('line', (line) => {
      options.onStderr(line);
      this.events.push({ kind: 'stderr' });
    });
    this.exited = this.#watchExit();
    this.closed = this.#watchClose(options.killAfterMs);
  }

  get isRunning(): boolean {
    return this.#running;
  }

  /** Sends one frame. */
  write(message: string): void {
    this.#child.stdin.write(formatFrame(message));
  }

  /** Signals the process and what it started. */
  signalGroup(signal: NodeJS.Signals): void {
    try {
      process.kill(-Number(this.#child.pid), signal);
    } catch {
      // Nothing of it is left.
    }
  }

  async #watchExit(): Promise<MonitorExit> {
    const { promise, resolve } = Promise.withResolvers<MonitorExit>();
    this.#child.once('exit', (code, signal) => {
      this.#running = false;
      this.signalGroup('SIGTERM');
      resolve({ code, signal });
    });
    return await promise;
  }

  async #watchClose(killAfterMs: number): Promise<{ readonly outlived: boolean }> {
    const closed = once(this.#child, 'close');
    await this.exited;
    let outlived = false;
    const timer = setTimeout(() => {
      outlived = true;
      this.signalGroup('SIGKILL');
      this.#child.stdout.destroy();
      this.#child.stderr.destroy();
    }, killAfterMs);
    await closed;
    clearTimeout(timer);
    this.events.push({ kind: 'ended' });
    return { outlived };
  }
}

/**
 * Starts a monitor where and as the Orchestrator would: in the directory of its executable, in a process group of its own.
 *
 * @throws {MonitorStartError} naming the path
 */
export async function startMonitor({ command, env, ...options }: MonitorProcessOptions): Promise<MonitorProcess> {
  const [word = '', ...args] = command;
  const isPath = word.includes('/');
  const executable = isPath ? path.resolve(word) : word;
  try {
    const child = spawn(executable, args, {
      env,
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
      ...(isPath && { cwd: path.dirname(executable) }),
    });
    await once(child, 'spawn');
    return new MonitorProcess(child, options);
  } catch (error) {
    throw new MonitorStartError(describeStart(executable, error as NodeJS.ErrnoException), { cause: error });
  }
}

function describeStart(executable: string, { code, message }: NodeJS.ErrnoException): string {
  const reasons: Readonly<Record<string, string>> = {
    ENOENT: executable.includes('/')
      ? 'there is no such file, or the program is missing that its first line (#!) names'
      : 'there is no such program in PATH; give the path of the executable, such as ./my-monitor',
    EACCES: 'it may not be executed; "chmod +x" makes a program of it',
  };
  return `could not start ${executable}: ${reasons[code ?? ''] ?? message}`;
}

/** What a timer can be set to; a longer one would go off at once. */
const longestTimerMs = 2 ** 31 - 1;

/** Takes events at any time, and gives them in their order to one reader that waits. */
export class EventQueue<T> {
  readonly #events: T[] = [];
  #wake: (() => void) | undefined;

  push(event: T): void {
    this.#events.push(event);
    this.#wake?.();
  }

  /**
   * The next event.
   *
   * @returns `undefined` where none came in time
   */
  async next(timeoutMs: number): Promise<T | undefined> {
    if (this.#events.length === 0) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, Math.min(Math.max(0, timeoutMs), longestTimerMs));
      this.#wake = resolve;
      await promise;
      clearTimeout(timer);
      this.#wake = undefined;
    }
    return this.#events.shift();
  }
}
