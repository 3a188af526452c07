import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { isUtf8 } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { cleanEnv, projectDir, sharedCompileCache } from './run.ts';

/** The monitor as it is shipped. */
const packaged = [path.join(projectDir, 'dist/awsiam')] as const;

/** The monitor from its sources, into which a test can load its own code. */
export const fromSource = [process.execPath, path.join(projectDir, 'cli/awsiam.js')] as const;

/** The monitor under test: the packaged executable, or the sources if E2E_MONITOR=source. */
export function monitorCommand(): readonly string[] {
  return process.env['E2E_MONITOR'] === 'source' ? fromSource : packaged;
}

/** How long the Orchestrator waits after SIGTERM or the end of stdin before it kills the monitor. */
const killAfterMs = 5000;

/** The time between `Exit` after a failed step and SIGTERM. Measured: 1 to 5 ms. */
const terminateAfterMs = 3;

export interface OrchestratorOptions {
  /** Added to `cleanEnv()`. */
  readonly env?: Readonly<Record<string, string>>;
  /** @default `monitorCommand()` */
  readonly command?: readonly string[];
  /** The script for `/bin/sh -c`, which the Orchestrator uses. @default no shell, as if the shell execs the command */
  readonly script?: (command: string) => string;
}

/** How the process ended. All of its output has been read. */
export interface MonitorEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Whether it had to be killed. */
  readonly killed: boolean;
}

interface Wanted {
  readonly pattern: RegExp;
  readonly resolve: (message: string) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Stands in for the Metrist Orchestrator: starts a monitor as the Orchestrator does, keeps every byte that the monitor
 * writes, and sends what a test wants. Shares no code with the product.
 */
export class Orchestrator {
  readonly tmpDir = path.join(os.tmpdir(), `orchtmp-${randomBytes(8).toString('hex')}`);
  /** Every message so far. */
  readonly messages: string[] = [];
  /** Every chunk of stdout as it arrived. */
  readonly chunks: Buffer[] = [];
  /** Called with a message in the tick in which its last byte arrives. */
  onMessage: (message: string) => void = () => {};
  readonly ended: Promise<MonitorEnd>;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #stderr: Buffer[] = [];
  #rest = Buffer.alloc(0);
  #read = 0;
  #wanted: Wanted[] = [];
  #killTimer: NodeJS.Timeout | undefined;
  #killed = false;
  #isOver = false;

  constructor({ env = {}, command = monitorCommand(), script }: OrchestratorOptions = {}) {
    mkdirSync(this.tmpDir);
    const [executable = '', ...args] = script === undefined ? command : ['/bin/sh', '-c', script(command.join(' '))];
    this.#child = spawn(executable, args, {
      cwd: path.dirname(command.at(-1) ?? projectDir),
      env: {
        ...cleanEnv(),
        TMPDIR: this.tmpDir,
        TEMP: this.tmpDir,
        TMP: this.tmpDir,
        // Only for the sources: keeps compiled code outside of the run's temporary directory.
        ...sharedCompileCache,
        ...env,
      },
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.#child.stdin.on('error', () => {});
    this.#child.stdout.on('data', (chunk: Buffer) => this.#take(chunk));
    this.#child.stderr.on('data', (chunk: Buffer) => this.#stderr.push(chunk));
    this.#child.once('exit', () => {
      // The rest of the process group gets SIGTERM and the end of stdin.
      this.signal('SIGTERM');
      this.#child.stdin.destroy();
    });
    const { promise, resolve, reject } = Promise.withResolvers<MonitorEnd>();
    this.ended = promise;
    const over = (): void => {
      this.#isOver = true;
      clearTimeout(this.#killTimer);
      rmSync(this.tmpDir, { recursive: true, force: true });
      for (const wanted of this.#wanted) wanted.reject(this.#missed(wanted.pattern));
    };
    // The process could not be started.
    this.#child.once('error', (error) => {
      this.#stderr.push(Buffer.from(error.message));
      over();
      reject(error);
    });
    this.#child.once('close', (code, signal) => {
      over();
      resolve({ code, signal, killed: this.#killed });
    });
  }

  get stdout(): string {
    return Buffer.concat(this.chunks).toString();
  }

  get stderr(): string {
    return Buffer.concat(this.#stderr).toString();
  }

  /** The bytes of stdout that belong to no complete frame. */
  get stray(): string {
    return this.#rest.toString();
  }

  /** The messages except logs. */
  get answers(): readonly string[] {
    return this.messages.filter((message) => !message.startsWith('Log '));
  }

  /** The next message that matches the pattern and was not awaited before. */
  async next(pattern: RegExp): Promise<string> {
    while (this.#read < this.messages.length) {
      const message = this.messages[this.#read++] ?? '';
      if (pattern.test(message)) return message;
    }
    if (this.#isOver) throw this.#missed(pattern);
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    this.#wanted.push({ pattern, resolve, reject });
    return await promise;
  }

  /** Sends one message. */
  send(message: string): void {
    this.write(frame(message));
  }

  write(bytes: Uint8Array | string): void {
    this.#child.stdin.write(bytes);
  }

  /** Writes `size` bytes at a time. */
  async drip(bytes: Uint8Array, size = 1): Promise<void> {
    for (let start = 0; start < bytes.length; start += size) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#child.stdin.write(bytes.subarray(start, start + size), () => resolve());
      await promise;
      await turn();
    }
  }

  closeInput(): void {
    this.#child.stdin.end();
    this.#killLater();
  }

  /** Stops reading, so that the monitor's next write fails. */
  closeOutput(): void {
    this.#child.stdout.destroy();
  }

  /** Stops reading what the monitor logs. */
  closeErrorOutput(): void {
    this.#child.stderr.destroy();
  }

  /** Kills the monitor if it does not end within five seconds. */
  expectEnd(): void {
    this.#killLater();
  }

  /** Signals the whole process group. Every signal must end the monitor, except SIGUSR2, which a test's own code handles. */
  signal(signal: NodeJS.Signals): void {
    if (this.#isOver || this.#child.pid === undefined) return;
    try {
      process.kill(-this.#child.pid, signal);
    } catch {
      // The group has ended.
    }
    if (signal !== 'SIGUSR2') this.#killLater();
  }

  /** What the Orchestrator does after a failed step or a timeout, without a pause. */
  giveUp({ cleanup = false }: { readonly cleanup?: boolean } = {}): void {
    this.send(`Exit ${cleanup ? 1 : 0}`);
    rmSync(this.tmpDir, { recursive: true, force: true });
    setTimeout(() => this.signal('SIGTERM'), terminateAfterMs);
  }

  /** For tests that failed before the end of the monitor. */
  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.ended;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  #killLater(): void {
    this.#killTimer ??= setTimeout(() => {
      this.#killed = true;
      this.signal('SIGKILL');
    }, killAfterMs);
  }

  #take(chunk: Buffer): void {
    this.chunks.push(chunk);
    this.#rest = Buffer.concat([this.#rest, chunk]);
    for (let message = this.#shift(); message !== undefined; message = this.#shift()) {
      this.messages.push(message);
      this.onMessage(message);
      const [wanted] = this.#wanted;
      if (wanted === undefined) continue;
      this.#read = this.messages.length;
      if (!wanted.pattern.test(message)) continue;
      this.#wanted.shift();
      wanted.resolve(message);
    }
  }

  /** Takes one complete frame: a length of at least five digits, a space, and the UTF-8 text without NUL. */
  #shift(): string | undefined {
    const [head, digits] = /^(\d{5}|[1-9]\d{5,}) /.exec(this.#rest.toString('latin1', 0, 20)) ?? [];
    if (head === undefined) return undefined;
    const body = this.#rest.subarray(head.length, head.length + Number(digits));
    if (body.length < Number(digits) || !isUtf8(body) || body.includes(0)) return undefined;
    this.#rest = this.#rest.subarray(head.length + body.length);
    return body.toString();
  }

  #missed(pattern: RegExp): Error {
    const received = JSON.stringify(this.messages, undefined, 2);
    return new Error(
      `The monitor ended without ${pattern}; it sent ${received}, the rest ${JSON.stringify(this.stray)}, and wrote to stderr:\n${this.stderr}`,
    );
  }
}

/** One message as the Orchestrator writes it. */
export function frame(message: string): Buffer {
  const body = Buffer.from(message);
  return Buffer.concat([Buffer.from(`${String(body.length).padStart(5, '0')} `), body]);
}
