import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import os from 'node:os';
import type { TestContext } from 'vitest';
import { monitorCommand } from './orchestrator.ts';
import { cleanEnv, type Ended } from './run.ts';

interface WatchOptions {
  readonly env: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
  readonly cwd?: string;
  /** @default the packaged executable */
  readonly command?: readonly string[];
  /** The hook of the test's context, because these tests are concurrent. */
  readonly onTestFinished: TestContext['onTestFinished'];
}

/** A running `awsiam watch`. */
export class RunningWatch {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  readonly #said = new EventEmitter();
  readonly #written = { stdout: '', stderr: '' };
  #isOver = false;

  /** By default it runs every second, the shortest interval, and serves nothing. */
  constructor({
    env,
    args = ['--every', '1s', '--no-listen'],
    cwd = os.tmpdir(),
    command = monitorCommand(),
    onTestFinished,
  }: WatchOptions) {
    const [program = '', ...first] = command;
    const options = { cwd, env: { ...cleanEnv(), ...env }, stdio: ['ignore', 'pipe', 'pipe'] as const };
    this.child = spawn(program, [...first, 'watch', ...args], { ...options, stdio: [...options.stdio] });
    this.#said.setMaxListeners(0);
    for (const name of ['stdout', 'stderr'] as const) {
      this.child[name]?.setEncoding('utf8').on('data', (text: string) => {
        this.#written[name] += text;
        this.#said.emit('text');
      });
    }
    this.ended = this.#end();
    onTestFinished(async () => {
      this.child.kill('SIGKILL');
      await this.ended;
    });
  }

  get stdout(): string {
    return this.#written.stdout;
  }

  get stderr(): string {
    return this.#written.stderr;
  }

  /** The lines of runs so far: `2026-11-27 05:00:00Z ✓ 8 passed in 84 ms`. */
  get runLines(): readonly string[] {
    return this.stdout.match(/^\S+ \S+Z [✓✗!] .*$/gm) ?? [];
  }

  /** The lines of changes of the state so far, without their time. */
  get stateLines(): readonly string[] {
    return this.stdout.match(/(?<=^\S+ \S+Z » ).*$/gm) ?? [];
  }

  /** Resolves when something is true of the output. Fails if the watch ends before. */
  async until(isSo: (watch: this) => boolean): Promise<void> {
    while (!isSo(this)) {
      if (this.#isOver) throw new Error(`the watch ended too early:\n${this.stdout}\n${this.stderr}`);
      await once(this.#said, 'text');
    }
  }

  /** Resolves when this number of runs have ended. */
  async runs(count: number): Promise<void> {
    await this.until(({ runLines }) => runLines.length >= count);
  }

  /** Ends it in good order. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<Ended> {
    this.child.kill(signal);
    return await this.ended;
  }

  async #end(): Promise<Ended> {
    const { promise, resolve, reject } = Promise.withResolvers<Pick<Ended, 'code' | 'signal'>>();
    this.child.once('error', reject).once('close', (code, signal) => resolve({ code, signal }));
    const end = await promise;
    this.#isOver = true;
    this.#said.emit('text');
    return { ...end, ...this.#written, everything: `${this.stdout}\n${this.stderr}` };
  }
}
