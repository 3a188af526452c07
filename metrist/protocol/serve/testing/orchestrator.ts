import { EventEmitter, once } from 'node:events';
import { PassThrough } from 'node:stream';
import type { Monitor } from '../../../../runner/monitor.ts';
import { testMonitor, type TestConfig, type TestSession } from '../../../../runner/testing/test-monitor.ts';
import { FrameBuffer, formatFrame } from '../../frame.ts';
import { parseFromMonitor, type FromMonitor } from '../../messages.ts';
import { serveMonitor, type ServeOptions } from '../serve-monitor.ts';

/** The Orchestrator's end of a monitor that is served in this process. */
export class TestOrchestrator {
  readonly input = new PassThrough();
  /** What the monitor wrote to stderr. */
  stderr = '';
  /** All messages of the monitor so far. */
  readonly messages: FromMonitor[] = [];
  readonly served: Promise<void>;
  readonly #events = new EventEmitter();
  readonly #frames = new FrameBuffer();
  #taken = 0;
  #raise: (signal: NodeJS.Signals) => void = () => {};
  #crash: (error: unknown) => void = () => {};

  constructor(
    monitor: Partial<Monitor<TestConfig, TestSession>> = {},
    options: Partial<ServeOptions<TestConfig, TestSession>> = {},
  ) {
    this.served = serveMonitor({
      load: () => Promise.resolve(testMonitor(monitor)),
      values: {},
      properties: new Map([
        ['Secret', 'SECRET'],
        ['Water', 'WATER'],
      ]),
      about: 'kettle 1.2.3',
      input: this.input,
      output: (frame) => {
        this.#frames.append(frame);
        for (let body = this.#frames.next(); body !== undefined; body = this.#frames.next()) {
          this.messages.push(parseFromMonitor(body));
        }
        this.#events.emit('message');
      },
      errorOutput: { write: (text) => (this.stderr += text) },
      onSignal: (listener) => (this.#raise = listener),
      onCrash: (listener) => (this.#crash = listener),
      ...options,
    });
  }

  send(...messages: readonly string[]): void {
    this.input.write(Buffer.concat(messages.map((message) => formatFrame(message))));
  }

  raise(signal: NodeJS.Signals): void {
    this.#raise(signal);
  }

  crash(error: unknown): void {
    this.#crash(error);
  }

  /** The monitor's next message that is not a log message. */
  async next(): Promise<FromMonitor> {
    for (;;) {
      const message = this.messages[this.#taken];
      if (message === undefined) await once(this.#events, 'message');
      else {
        this.#taken++;
        if (message.kind !== 'log') return message;
      }
    }
  }

  /** Performs the handshake. */
  async configure(config = '{}', version = '1.1'): Promise<void> {
    this.send(`Version ${version}`, `Config ${config}`);
    for (let message = await this.next(); message.kind !== 'configured'; message = await this.next());
  }

  async runStep(name: string): Promise<FromMonitor> {
    this.send(`Run Step ${name}`);
    return await this.next();
  }

  get logs(): string[] {
    return this.messages.flatMap((message) => (message.kind === 'log' ? [`${message.level}: ${message.text}`] : []));
  }
}
