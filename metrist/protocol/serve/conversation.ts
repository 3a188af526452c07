import { plural } from '../../../text/printable.ts';
import { describeValue } from '../../../host/setting-text.ts';
import { Interruption } from '../../../runner/interruption.ts';
import type { Monitor, Values } from '../../../runner/monitor.ts';
import { clip, hideSecrets, redact } from '../../../text/redact.ts';
import { MonitorRunner } from '../../../runner/run-monitor.ts';
import type { PassedStep } from '../../../runner/step-result.ts';
import { parseConfigJson, type ParsedConfigJson } from './config-json.ts';
import type { ToMonitor } from '../messages.ts';
import {
  explainBug,
  refuseStep,
  refuseUnconfigured,
  fail,
  runRequestedStep,
  toAnswer,
  type StepFailure,
} from './requested-step.ts';
import type { Speaker } from './speaker.ts';

export interface ConversationOptions<Config, Session> {
  readonly speaker: Speaker;
  readonly monitor: Promise<Monitor<Config, Session>>;
  /** What was begun while the handshake goes on. */
  readonly prepared: Promise<void>;
  readonly values: Values;
  readonly properties: ReadonlyMap<string, string>;
  readonly about: string;
  readonly hurryMs?: number;
}

/**
 * The Orchestrator gives up on a step after 900 s, unless it was registered otherwise. Before that a step that hangs has
 * to be given up here, to be torn down and reported.
 */
const longestStepMs = 810_000;

/** Step names come from outside. */
const maxNameLength = 100;

/**
 * One run of a monitor, as the Orchestrator's messages ask for it. They are answered in their order, one after the other;
 * what ends the run takes effect at once. Each `Run Step` gets one result. Where the step failed, what the run made is
 * removed before the answer, because the Orchestrator ends the process as soon as it has it.
 */
export class Conversation<Config, Session> {
  readonly #options: ConversationOptions<Config, Session>;
  readonly #speaker: Speaker;
  /** Aborted by what ends the run: cuts off the running step. */
  readonly #stop = new AbortController();
  /** Aborted when there is no time left for anything. */
  readonly #hurry = new AbortController();
  /** Aborted with the first error that nobody caught: it fails the running step, or else the next one. */
  readonly #crash = new AbortController();
  readonly #over = Promise.withResolvers<void>();
  #answering: Promise<void> = Promise.resolve();
  readonly #problems: string[] = [];
  #isReady = false;
  #isConfigured = false;
  #run: { readonly monitor: Monitor<Config, Session>; readonly runner: MonitorRunner<Config, Session> } | undefined;
  #ranStep = false;
  /** After its error was answered the run is over for the Orchestrator, and torn down here. */
  #failedStep: string | undefined;
  #cleanup = false;

  constructor(options: ConversationOptions<Config, Session>) {
    this.#options = options;
    this.#speaker = options.speaker;
    // What goes wrong before Config has come is told, too, and may hold a secret of the environment.
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

  /** Ends the run: whoever wanted its results is gone, and little time remains to remove what it made. */
  leave(reason: string): void {
    const { hurryMs = 3000 } = this.#options;
    setTimeout(() => this.#hurry.abort(new Interruption(reason)), hurryMs).unref();
    this.#end(reason);
  }

  /** Takes an error that nobody caught. */
  crash(error: unknown): void {
    const { message, stack } = explainBug(error, 'this run');
    this.#speaker.log('Error', stack ?? message);
    this.#crash.abort(error);
  }

  #end(reason: string): void {
    if (this.#stop.signal.aborted) return;
    this.#stop.abort(new Interruption(reason));
    this.#enqueue(() => this.#finish());
    void this.#answering.finally(() => this.#over.resolve());
  }

  #enqueue(task: () => Promise<void> | void): void {
    this.#answering = this.#answering.then(task).catch((error: unknown) => this.crash(error));
  }

  async #handle(message: Exclude<ToMonitor, { readonly kind: 'exit' }>): Promise<void> {
    switch (message.kind) {
      case 'version':
        this.#greet(message.version);
        return;
      case 'config':
        await this.#configure(message.json);
        return;
      case 'runStep':
        await this.#answerStep(clip(message.step, maxNameLength));
        return;
      case 'unknown':
        // Not quoted: it may be a Config that was sent wrong.
        this.#speaker.log('Warning', `a message of ${message.text.length} characters is none of the protocol: ignored`);
        return;
      default:
        message satisfies never;
    }
  }

  #greet(version: string): void {
    // What is said out of turn ends the run.
    if (this.#isReady) return this.#speaker.log('Warning', 'a second Version: ignored');
    this.#isReady = true;
    if (!/^1\.\d+$/.test(version)) {
      this.#problems.push(
        `the Orchestrator speaks version ${describeValue(version)} of the monitor protocol: expected 1.1`,
      );
    }
    this.#speaker.say({ kind: 'ready' });
  }

  async #configure(json: string | undefined): Promise<void> {
    // Whoever hears `Configured` twice starts the first step twice.
    if (this.#isConfigured) return this.#speaker.log('Warning', 'a second Config: ignored');
    this.#isConfigured = true;
    const config = parseConfigJson(json, this.#options.properties);
    // Whatever goes wrong is for the first step to answer.
    await this.#open(config).catch((error: unknown) => this.crash(error));
    if (this.#stop.signal.aborted) return;
    this.#speaker.say({ kind: 'configured' });
    this.#speaker.allowLogs();
    const values = { ...this.#options.values, ...config.values };
    for (const warning of this.#run?.monitor.findSettingWarnings(values, 'orchestrator') ?? []) {
      this.#speaker.log('Warning', warning);
    }
    for (const property of config.unknown) {
      const known = [...this.#options.properties.keys()].join(', ');
      this.#speaker.log(
        'Warning',
        `the Config's ${JSON.stringify(clip(property, maxNameLength))} means nothing here; known are ${known}`,
      );
    }
  }

  async #open(config: ParsedConfigJson): Promise<void> {
    const monitor = await this.#options.monitor;
    const values = { ...this.#options.values, ...config.values };
    const parsed = monitor.parseConfig(values);
    const runner = new MonitorRunner(monitor, {
      settings: { ...parsed, problems: [...parsed.problems, ...this.#problems, ...config.problems] },
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
    if (this.#stop.signal.aborted) return;
    if (!this.#ranStep) this.#speaker.log('Info', this.#options.about);
    this.#ranStep = true;
    const result = redact.value(await this.#runStep(name));
    if (result === undefined) {
      // Neither told to stop nor failed: this process stood still, and what it measured means nothing.
      if (!this.#stop.signal.aborted) {
        this.#speaker.log('Warning', `${name} was cut off by a pause of this process: nothing is reported of it`);
        this.leave('a pause of this process');
      }
      return;
    }
    if (result.state === 'failed') {
      const { verdict, stack } = result.error;
      if (verdict === 'monitor' && stack !== undefined && !this.#crash.signal.aborted)
        this.#speaker.log('Error', stack);
      if (this.#failedStep === undefined) await this.#tearDown();
      this.#failedStep ??= name;
    }
    this.#speaker.say(toAnswer(result));
  }

  async #runStep(name: string): Promise<PassedStep | StepFailure | undefined> {
    const { signal: stop } = this.#stop;
    const { signal: crash } = this.#crash;
    if (this.#failedStep !== undefined) return fail(refuseStep(name, `the run ended when ${this.#failedStep} failed`));
    if (this.#run !== undefined) return await runRequestedStep(name, { ...this.#run, stop, crash });
    return fail(crash.aborted ? explainBug(crash.reason, name) : refuseUnconfigured(name));
  }

  async #finish(): Promise<void> {
    if (this.#failedStep === undefined) await this.#tearDown();
    if (this.#cleanup) await this.#sweep();
    this.#run?.runner.close();
  }

  async #tearDown(): Promise<void> {
    const { leftovers = [], warnings = [] } = (await this.#run?.runner.teardown(this.#hurry.signal)) ?? {};
    for (const { entity, reason, command } of leftovers) {
      const remedy = command === undefined ? '' : `; remove it with: ${command}`;
      this.#speaker.log('Warning', `left behind: ${entity} (${reason})${remedy}`);
    }
    for (const warning of warnings) this.#speaker.log('Warning', warning);
  }

  /** What was killed earlier left things behind; the Orchestrator said that they are to be removed. */
  async #sweep(): Promise<void> {
    const report = await this.#run?.runner.sweep(this.#hurry.signal);
    if (report === undefined) return;
    if (report.removed > 0) {
      this.#speaker.log('Info', `${plural(report.removed, 'old test entity', 'old test entities')} removed`);
    }
    for (const warning of report.warnings) this.#speaker.log('Warning', warning);
  }
}
