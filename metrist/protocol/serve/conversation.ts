import { describeValue } from '../../../host/setting-text.ts';
import { Interruption } from '../../../runner/interruption.ts';
import type { Monitor, Values } from '../../../runner/monitor.ts';
import { MonitorRunner } from '../../../runner/run-monitor.ts';
import { plural } from '../../../text/printable.ts';
import { clip, hideSecrets, redact } from '../../../text/redact.ts';
import type { ToMonitor } from '../messages.ts';
import { type ParsedConfigJson, parseConfigJson } from './config-json.ts';
import type { MessageWriter } from './connection.ts';
import { type ConfiguredRun, explainBug, runRequestedStep, toAnswer } from './requested-step.ts';

export interface ConversationSettings {
  /** The environment. It takes precedence over the Config JSON. */
  readonly values: Values;
  /** The properties that the Config JSON can have, each with the name under which the monitor reads it. */
  readonly properties: ReadonlyMap<string, string>;
  /** The program and its version, for the Orchestrator's log: `awsiam 0.1.0`. */
  readonly about: string;
  /** Limit for teardown and sweep after a stop: the Orchestrator kills the process 5 s after SIGTERM. @default 3_000 */
  readonly gracePeriodMs?: number;
}

interface ConversationOptions<Config, Session> extends ConversationSettings {
  readonly writer: MessageWriter;
  readonly monitor: Promise<Monitor<Config, Session>>;
  /** The preparation, which runs during the handshake. */
  readonly prepared: Promise<void>;
}

/**
 * The Orchestrator gives up on a step after 900 s, unless it was registered otherwise. A hanging step has to end earlier
 * here, to leave time for teardown and the report.
 */
const longestStepMs = 810_000;

/** Step names and properties come from outside, so longer ones are cut. */
const maxNameLength = 100;

/**
 * One run of a monitor, controlled by the Orchestrator's messages. They are handled one after the other; what ends the run
 * takes effect at once. Each `Run Step` gets one answer. After a failed step, teardown comes before the answer, because the
 * Orchestrator ends the process as soon as it has the answer.
 */
export class Conversation<Config, Session> {
  readonly #options: ConversationOptions<Config, Session>;
  readonly #writer: MessageWriter;
  /** Aborted when the run must end. Interrupts the running step. */
  readonly #stop = new AbortController();
  /** Aborted when the grace period is over. */
  readonly #timeUp = new AbortController();
  /** Aborted with the first uncaught error, which fails the running step, or else the next one. */
  readonly #crash = new AbortController();
  readonly #over = Promise.withResolvers<void>();
  #queue: Promise<void> = Promise.resolve();
  readonly #problems: string[] = [];
  #isReady = false;
  #isConfigured = false;
  #run: ConfiguredRun<Config, Session> | undefined;
  #hasRunStep = false;
  /** The step that ended the run. Its error is sent after teardown, because the Orchestrator ends the process then. */
  #failedStep: string | undefined;
  #cleanup = false;

  constructor(options: ConversationOptions<Config, Session>) {
    this.#options = options;
    this.#writer = options.writer;
    // Errors before the Config are reported too, and may contain a secret of the environment.
    options.monitor.then((monitor) => hideSecrets(monitor.secrets(options.values))).catch(() => {});
  }

  /** Settles when the process should end. */
  get over(): Promise<void> {
    return this.#over.promise;
  }

  receive(message: ToMonitor): void {
    if (message.kind !== 'exit') {
      this.#enqueue(() => this.#handle(message));
      return;
    }
    this.#cleanup ||= message.cleanup;
    this.#end('Exit');
  }

  /** Ends the run. Nobody waits for results any more, and little time is left for teardown. */
  stop(reason: string): void {
    const { gracePeriodMs = 3000 } = this.#options;
    setTimeout(() => this.#timeUp.abort(new Interruption(reason)), gracePeriodMs).unref();
    this.#end(reason);
  }

  crash(error: unknown): void {
    const { message, stack } = explainBug(error, 'this run');
    this.#writer.log('Error', stack ?? message);
    this.#crash.abort(error);
  }

  #end(reason: string): void {
    if (this.#stop.signal.aborted) return;
    this.#stop.abort(new Interruption(reason));
    this.#enqueue(() => this.#finish());
    void this.#queue.finally(() => this.#over.resolve());
  }

  #enqueue(task: () => Promise<void> | void): void {
    this.#queue = this.#queue.then(task).catch((error: unknown) => this.crash(error));
  }

  #warn(text: string): void {
    this.#writer.log('Warning', text);
  }

  async #handle(message: Exclude<ToMonitor, { readonly kind: 'exit' }>): Promise<void> {
    switch (message.kind) {
      case 'version':
        this.#answerVersion(message.version);
        return;
      case 'config':
        await this.#configure(message.json);
        return;
      case 'runStep':
        await this.#answerStep(clip(message.step, maxNameLength));
        return;
      case 'unknown':
        // Not quoted: it may be a Config with a mistake in it.
        this.#warn(`a message of ${message.text.length} characters is not part of the protocol: ignored`);
        return;
      default:
        message satisfies never;
    }
  }

  #answerVersion(version: string): void {
    // A second answer would end the run.
    if (this.#isReady) return this.#warn('a second Version: ignored');
    this.#isReady = true;
    if (!/^1\.\d+$/.test(version)) {
      this.#problems.push(
        `the Orchestrator speaks version ${describeValue(version)} of the monitor protocol: expected 1.1`,
      );
    }
    this.#writer.write({ kind: 'ready' });
  }

  async #configure(json: string | undefined): Promise<void> {
    // At a second `Configured` the Orchestrator would start the first step again.
    if (this.#isConfigured) return this.#warn('a second Config: ignored');
    this.#isConfigured = true;
    const config = parseConfigJson(json, this.#options.properties);
    const values = { ...this.#options.values, ...config.values };
    // An error here fails the first step.
    await this.#open(config, values).catch((error: unknown) => this.crash(error));
    if (this.#stop.signal.aborted) return;
    this.#writer.write({ kind: 'configured' });
    this.#writer.allowLogs();
    for (const warning of this.#run?.monitor.findSettingWarnings(values, 'orchestrator') ?? []) this.#warn(warning);
    const known = [...this.#options.properties.keys()].join(', ');
    for (const property of config.unknown) {
      const quoted = JSON.stringify(clip(property, maxNameLength));
      this.#warn(`the Config's ${quoted} is not a known property and has no effect; known are ${known}`);
    }
  }

  async #open({ problems }: ParsedConfigJson, values: Values): Promise<void> {
    const monitor = await this.#options.monitor;
    const parsed = monitor.parseConfig(values);
    const runner = new MonitorRunner(monitor, {
      settings: { ...parsed, problems: [...parsed.problems, ...this.#problems, ...problems] },
      values,
      mode: 'live',
      howToConfigure:
        "Set the variables in the Orchestrator's environment, or the properties in the Config of the monitor's registration",
      prepared: this.#options.prepared,
      longestStepMs,
    });
    this.#run = { monitor, runner };
    await runner.open(this.#stop.signal);
  }

  async #answerStep(name: string): Promise<void> {
    const { signal: stop } = this.#stop;
    const { signal: crash } = this.#crash;
    if (stop.aborted) return;
    if (!this.#hasRunStep) this.#writer.log('Info', this.#options.about);
    this.#hasRunStep = true;
    const options = { run: this.#run, failedStep: this.#failedStep, stop, crash };
    const result = redact.value(await runRequestedStep(name, options));
    if (result === undefined) {
      // If nobody stopped the run, this process was paused, and the measured time means nothing.
      if (!stop.aborted) {
        this.#warn(`${name} was interrupted by a pause of this process: nothing is reported about it`);
        this.stop('a pause of this process');
      }
      return;
    }
    if (result.state === 'failed') {
      const { verdict, stack } = result.error;
      if (verdict === 'monitor' && stack !== undefined && !crash.aborted) this.#writer.log('Error', stack);
      if (this.#failedStep === undefined) await this.#tearDown();
      this.#failedStep ??= name;
    }
    this.#writer.write(toAnswer(result));
  }

  async #finish(): Promise<void> {
    if (this.#failedStep === undefined) await this.#tearDown();
    if (this.#cleanup) await this.#sweep();
    this.#run?.runner.close();
  }

  async #tearDown(): Promise<void> {
    const { leftovers = [], warnings = [] } = (await this.#run?.runner.teardown(this.#timeUp.signal)) ?? {};
    for (const { entity, reason, command } of leftovers) {
      const remedy = command === undefined ? '' : `; remove it with: ${command}`;
      this.#warn(`left behind: ${entity} (${reason})${remedy}`);
    }
    for (const warning of warnings) this.#warn(warning);
  }

  /** Removes what killed runs left behind, when the Orchestrator asks for it. */
  async #sweep(): Promise<void> {
    const { removed = 0, warnings = [] } = (await this.#run?.runner.sweep(this.#timeUp.signal)) ?? {};
    if (removed > 0) {
      this.#writer.log('Info', `${plural(removed, 'old test entity', 'old test entities')} removed`);
    }
    for (const warning of warnings) this.#warn(warning);
  }
}
