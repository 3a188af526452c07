import { describeValue } from '../../../host/setting-text.ts';
import { systemClock } from '../../../runner/clock.ts';
import { abortAfter, settleWithin } from '../../../runner/deadline.ts';
import { Interruption } from '../../../runner/interruption.ts';
import type { Monitor, Values } from '../../../runner/monitor.ts';
import type { Leftover, MonitorRun, SweepReport } from '../../../runner/monitor-run.ts';
import { MonitorRunner } from '../../../runner/run-monitor.ts';
import { messageOf, oneLine, plural } from '../../../text/printable.ts';
import { clip, hideSecrets, redact } from '../../../text/redact.ts';
import type { ToMonitor } from '../messages.ts';
import { collectRun, type FailedAnswer } from './collect-run.ts';
import { type ParsedConfigJson, parseConfigJson } from './config-json.ts';
import type { MessageWriter } from './connection.ts';
import { type ConfiguredRun, explainBug, runRequestedStep, toAnswer } from './requested-step.ts';

/** Where finished runs are reported, besides the Orchestrator. */
export interface Reporting extends Pick<MonitorRun, 'version' | 'instance'> {
  /** What is wrong with the settings of the reports, and what is done instead. No reason to fail a run: IAM must be watched. */
  readonly problems: readonly string[];
  /**
   * @param signal aborted when no time is left
   * @returns what was not reported, one line each
   */
  readonly report: (run: MonitorRun, signal: AbortSignal) => Promise<readonly string[]>;
}

export interface ConversationSettings {
  /** The environment. It takes precedence over the Config JSON. */
  readonly values: Values;
  /** The properties that the Config JSON can have, each with the name under which the monitor reads it. */
  readonly properties: ReadonlyMap<string, string>;
  /** The program and its version, for the Orchestrator's log: `awsiam 0.1.0`. */
  readonly about: string;
  /** Limit for teardown and sweep after a stop: the Orchestrator kills the process 5 s after SIGTERM. @default 3_000 */
  readonly gracePeriodMs?: number;
  /**
   * How long the reports of a run may take if no signal stops it. The Orchestrator waits for five minutes after the last step.
   * @default 10_000
   */
  readonly reportTimeoutMs?: number;
}

interface ConversationOptions<Config, Session> extends ConversationSettings {
  /** Absent if nobody wants a report. */
  readonly reporting: Promise<Reporting> | undefined;
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

/**
 * How much longer than teardown and sweep the reports may take after a stop. With the last frames, for which `serve` allows
 * 0.6 s, this stays below the five seconds after which the Orchestrator kills the process.
 */
const reportGraceMs = 750;

/** How long reports may take to say that they gave up. */
const giveUpMs = 50;

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
  /** Aborted when no time is left for reports either. */
  readonly #reportTimeUp = new AbortController();
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
  #failed: FailedAnswer | undefined;
  #cleanup = false;
  #isCutOff = false;
  #leftovers: readonly Leftover[] = [];
  #swept: SweepReport | undefined;
  readonly #warnings: string[] = [];

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
    setTimeout(() => this.#reportTimeUp.abort(new Interruption(reason)), gracePeriodMs + reportGraceMs).unref();
    // Exit, in contrast, says that the Orchestrator has asked for all that it wants.
    this.#isCutOff ||= !this.#stop.signal.aborted;
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
    this.#warnings.push(text);
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
    const answeredAt = systemClock.now().toISOString();
    const options = { run: this.#run, failedStep: this.#failed?.name, stop, crash };
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
      if (this.#failed === undefined) await this.#tearDown();
      this.#failed ??= { ...result, name, answeredAt };
    }
    this.#writer.write(toAnswer(result));
  }

  async #finish(): Promise<void> {
    if (this.#isCutOff) await this.#interruptNextStep();
    if (this.#failed === undefined) await this.#tearDown();
    if (this.#cleanup) await this.#sweep();
    this.#run?.runner.close();
    await this.#report();
  }

  /** Records that the run was stopped between two steps, as it is recorded with vitest. Sends nothing. */
  async #interruptNextStep(): Promise<void> {
    const { runner, monitor } = this.#run ?? {};
    if (!this.#hasRunStep || this.#failed !== undefined || runner === undefined) return;
    const known = new Set(runner.results.map(({ name }) => name));
    const next = monitor?.steps.find(({ name }) => !known.has(name));
    if (next !== undefined) await runner.step(next.name, this.#stop.signal);
  }

  async #tearDown(): Promise<void> {
    const { leftovers = [], warnings = [] } = (await this.#run?.runner.teardown({ timeUp: this.#timeUp.signal })) ?? {};
    this.#leftovers = leftovers;
    for (const { entity, reason, command } of leftovers) {
      const remedy = command === undefined ? '' : `; remove it with: ${command}`;
      this.#writer.log('Warning', `left behind: ${entity} (${reason})${remedy}`);
    }
    for (const warning of warnings) this.#warn(warning);
  }

  /** Removes what killed runs left behind, when the Orchestrator asks for it. */
  async #sweep(): Promise<void> {
    this.#swept = await this.#run?.runner.sweep(this.#timeUp.signal);
    const { removed = 0, warnings = [] } = this.#swept ?? {};
    if (removed > 0) {
      this.#writer.log('Info', `${plural(removed, 'old test entity', 'old test entities')} removed`);
    }
    for (const warning of warnings) this.#warn(warning);
  }

  /** Reports the run, unless the Orchestrator asked for no step. Whatever goes wrong here costs one line in the log. */
  async #report(): Promise<void> {
    const { reporting, reportTimeoutMs = 10_000 } = this.#options;
    if (reporting === undefined || !this.#hasRunStep) return;
    using deadline = abortAfter(reportTimeoutMs, 'it took too long', this.#reportTimeUp.signal);
    const { signal } = deadline;
    try {
      for (const line of await settleWithin(this.#reportRun(await reporting, signal), signal, giveUpMs)) {
        this.#writer.log('Warning', line);
      }
    } catch (error) {
      this.#writer.log('Warning', `the run could not be reported: ${oneLine(messageOf(error), 200)}`);
    }
  }

  async #reportRun(
    { version, instance, problems, report }: Reporting,
    signal: AbortSignal,
  ): Promise<readonly string[]> {
    const monitor = await this.#options.monitor;
    for (const problem of problems) this.#warn(problem);
    const { reason, aborted: isCrashed } = this.#crash.signal;
    const run = collectRun({
      monitor: monitor.name,
      version,
      ...(instance !== undefined && { instance }),
      stepNames: monitor.steps.map(({ name }) => name),
      runner: this.#run?.runner,
      failed: this.#failed,
      crash: isCrashed && this.#failed === undefined ? explainBug(reason, 'this run') : undefined,
      leftovers: this.#leftovers,
      sweep: this.#swept,
      warnings: this.#warnings,
    });
    return await report(run, signal);
  }
}
