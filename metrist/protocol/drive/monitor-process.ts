import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import readline from 'node:readline';
import type { Values } from '../../../runner/monitor.ts';
import { formatFrame } from '../frame.ts';
import type { MonitorExit } from './drive-report.ts';

interface MonitorProcessOptions {
  /** The executable and its arguments. They do not pass through a shell. */
  readonly command: readonly string[];
  readonly env: Values;
  /** How long after the end of the process anything that still holds its output open is killed. */
  readonly killAfterMs: number;
  readonly elapsedMs: () => number;
  readonly onStderr: (line: string) => void;
}

/** The command cannot be started: it does not exist or is not executable. */
export class MonitorStartError extends Error {
  override readonly name = 'MonitorStartError';
  readonly code = 'MONITOR_START';
}

/**
 * Starts a monitor as the Orchestrator would: in the directory of its executable, in a process group of its own.
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
    const { code = '', message } = error as NodeJS.ErrnoException;
    const reasons: Readonly<Record<string, string>> = {
      ENOENT: isPath
        ? 'there is no such file, or the program that its first line (#!) names is missing'
        : 'there is no such program in PATH; give the path of the executable, such as ./my-monitor',
      EACCES: 'it may not be executed; make it executable with "chmod +x"',
    };
    throw new MonitorStartError(`could not start ${executable}: ${reasons[code] ?? message}`, { cause: error });
  }
}

/** A running monitor, the leader of a process group of its own. */
export class MonitorProcess {
  readonly events = new EventQueue<ProcessEvent>();
  /** Settles as soon as the process has ended, with how it ended. */
  readonly exited: Promise<MonitorExit>;
  /** Settles when all output is read. `outlived`: whether something that the process started had to be killed. */
  readonly closed: Promise<{ readonly outlived: boolean }>;
  readonly #child: ChildProcessWithoutNullStreams;

  constructor(child: ChildProcessWithoutNullStreams, options: Omit<MonitorProcessOptions, 'command' | 'env'>) {
    this.#child = child;
    // A monitor that no longer reads is noticed when no answer comes.
    child.stdin.on('error', () => {});
    child.stdout.on('data', (bytes: Buffer) => this.events.push({ kind: 'stdout', bytes, atMs: options.elapsedMs() }));
    readline.createInterface({ input: child.stderr, crlfDelay: Infinity }).on('line', (line) => {
      options.onStderr(line);
      this.events.push({ kind: 'stderr' });
    });
    const { promise, resolve } = Promise.withResolvers<MonitorExit>();
    this.exited = promise;
    child.once('exit', (code, signal) => {
      this.signalGroup('SIGTERM');
      resolve({ code, signal });
    });
    this.closed = this.#watchClose(options.killAfterMs);
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Sends one frame. */
  write(message: string): void {
    this.#child.stdin.write(formatFrame(message));
  }

  /** Signals the process and everything that it started. */
  signalGroup(signal: NodeJS.Signals): void {
    try {
      process.kill(-Number(this.#child.pid), signal);
    } catch {
      // The whole group has ended.
    }
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

/** What happens to the process. `ended` comes once, after all of its output. `stopped`: the run must stop. */
export type ProcessEvent =
  | { readonly kind: 'stdout'; readonly bytes: Buffer; readonly atMs: number }
  | { readonly kind: 'stderr' | 'stopped' | 'ended' };

/** Takes events at any time, and hands them in order to one reader. */
export class EventQueue<T> {
  readonly #events: T[] = [];
  #wake: (() => void) | undefined;

  push(event: T): void {
    this.#events.push(event);
    this.#wake?.();
  }

  /** @returns the next event; `undefined` if none comes in time */
  async next(timeoutMs: number): Promise<T | undefined> {
    if (this.#events.length === 0) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, Math.max(0, timeoutMs));
      this.#wake = resolve;
      await promise;
      clearTimeout(timer);
      this.#wake = undefined;
    }
    return this.#events.shift();
  }
}
