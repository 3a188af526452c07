import { quote } from '../../../text/printable.ts';
import type { Metadata } from '../../result-text.ts';
import { type FromMonitor, parseFromMonitor } from '../messages.ts';
import type { DriveEvent, DrivenStep } from './drive-report.ts';
import type { MonitorProcess } from './monitor-process.ts';
import { checkAnswer, type DriveLimits, type OrchestratorReader, type StepAnswer } from './orchestrator-rules.ts';

interface RunStepsOptions {
  readonly monitor: Pick<MonitorProcess, 'events' | 'write'>;
  readonly reader: OrchestratorReader;
  /** What to run, in order. */
  readonly steps: readonly string[];
  readonly stepTimeoutMs: number;
  readonly cleanup: boolean;
  readonly limits: DriveLimits;
  readonly elapsedMs: () => number;
  readonly onConfigured: (atMs: number) => void;
  readonly onEvent: (event: DriveEvent) => void;
}

/** How the run ends. */
export interface Ending {
  /** What the Orchestrator sends before it ends the process; absent if it sends nothing. */
  readonly lastMessage?: string;
}

/** The last message of a run without a sweep. */
export const exitMessage = 'Exit 0';

/** Everything after `Config`: `Configured`, the steps, and the wait for the process to end. */
export async function runSteps(options: RunStepsOptions): Promise<Ending> {
  return await new StepRun(options).run();
}

/** Passes a log message on, unless it is empty. */
export function reportLog(message: FromMonitor, onEvent: RunStepsOptions['onEvent']): void {
  if (message.kind !== 'log' || message.text.trim() === '') return;
  onEvent({ kind: 'log', level: message.level, text: message.text.trim() });
}

/** Why a run ends early, for the sentence `cause: effect, and nothing is reported …; advice`. */
interface EarlyEnd extends Ending {
  readonly cause: string;
  readonly effect: string;
  readonly advice: string;
}

class StepRun {
  readonly #options: RunStepsOptions;
  readonly #exit: { readonly lastMessage: string };
  readonly #waiting: string[];
  /** The step that runs. */
  #current: { readonly name: string; readonly startedMs: number } | undefined;
  #isConfigured = false;
  /** How many steps to start after the messages of the current chunk, as the Orchestrator does. */
  #startsDue = 0;
  #lastActivityMs: number;
  #exitSentMs: number | undefined;

  constructor(options: RunStepsOptions) {
    this.#options = options;
    this.#exit = { lastMessage: options.cleanup ? 'Exit 1' : exitMessage };
    this.#waiting = [...options.steps];
    this.#lastActivityMs = options.elapsedMs();
  }

  async run(): Promise<Ending> {
    const { monitor, reader, elapsedMs } = this.#options;
    for (;;) {
      const deadline = this.#nextDeadline();
      const event = await monitor.events.next(deadline.atMs - elapsedMs());
      this.#lastActivityMs = elapsedMs();
      switch (event?.kind) {
        case undefined:
          return deadline.onMissed();
        case 'stderr':
          break;
        case 'stopped':
          this.#abandon('the run was interrupted');
          return { lastMessage: exitMessage };
        case 'ended':
          return this.#endWithMonitor();
        case 'stdout':
          for (const body of reader.append(event.bytes)) {
            const ending = this.#receive(body, event.atMs);
            if (ending !== undefined) return ending;
          }
          for (; this.#startsDue > 0; this.#startsDue -= 1) this.#startStep();
          break;
        default:
          return event satisfies never;
      }
    }
  }

  /** The earliest deadline. If two are equal, the first one in the list. */
  #nextDeadline() {
    const { limits, stepTimeoutMs } = this.#options;
    const stepStartedMs = this.#current?.startedMs ?? Infinity;
    const exitSentMs = this.#exitSentMs ?? Infinity;
    const deadlines = [
      { atMs: stepStartedMs + stepTimeoutMs, onMissed: () => this.#timeOut() },
      { atMs: exitSentMs + limits.finishMs, onMissed: () => this.#giveUpOnExit() },
      { atMs: this.#lastActivityMs + limits.inactivityMs, onMissed: () => this.#giveUpOnSilence() },
    ];
    return deadlines.reduce((earliest, each) => (each.atMs < earliest.atMs ? each : earliest));
  }

  #startStep(): void {
    const { monitor, elapsedMs } = this.#options;
    this.#lose('Configured came a second time');
    this.#lastActivityMs = elapsedMs();
    const name = this.#waiting.shift();
    if (name === undefined) {
      this.#exitSentMs ??= this.#lastActivityMs;
      monitor.write(this.#exit.lastMessage);
    } else {
      this.#current = { name, startedMs: this.#lastActivityMs };
      monitor.write(`Run Step ${name}`);
    }
  }

  /** @returns how the run ends, if this message ends it */
  #receive(body: Buffer, atMs: number): Ending | undefined {
    const { onConfigured, onEvent } = this.#options;
    const message = parseFromMonitor(body);
    const sent = `the monitor sent ${quote(body)}`;
    const effect = 'the Orchestrator ends the run';
    switch (message.kind) {
      case 'log':
        reportLog(message, onEvent);
        return undefined;
      case 'configured':
        if (this.#isConfigured) {
          const running = this.#current === undefined ? '' : ` and reports nothing for ${this.#current.name}`;
          this.#problem(
            `the monitor sent Configured a second time: the Orchestrator starts the next step${running}; send it once`,
          );
        } else onConfigured(atMs);
        this.#isConfigured = true;
        this.#startsDue += 1;
        return undefined;
      case 'stepTime':
      case 'stepOk':
      case 'stepError':
        return this.#receiveAnswer(message, body, atMs);
      case 'waitForWebhook':
        onEvent({
          kind: 'notice',
          text: `the monitor waits for webhook ${quote(message.uid)}: drive has no webhooks, so the step will time out`,
        });
        return undefined;
      case 'exit':
        if (this.#isComplete) return {};
        return this.#endEarly({
          cause: 'the monitor sent Exit before all steps were run',
          effect,
          advice: 'end the process only after Exit has arrived',
        });
      case 'started':
      case 'ready':
        return this.#endEarly({ cause: `${sent} again`, effect, advice: 'send it once', ...this.#exit });
      case 'unknown': {
        const isTime = message.text.startsWith('Step Time ');
        return this.#endEarly({
          cause: `${sent}, but ${message.problem}`,
          effect: isTime ? "the Orchestrator's handler crashes, and the run ends" : effect,
          advice: 'send only messages of the protocol, spelt exactly',
          ...(!isTime && this.#exit),
        });
      }
      default:
        return message satisfies never;
    }
  }

  #receiveAnswer(answer: StepAnswer, body: Buffer, atMs: number): Ending | undefined {
    const current = this.#current;
    if (current === undefined) {
      return this.#endEarly({
        cause: `the monitor sent ${quote(body)} while no step ran`,
        effect: 'the Orchestrator ends the run',
        advice: 'answer each Run Step once, after it has arrived',
        ...this.#exit,
      });
    }
    const { problems, lost } = checkAnswer(answer, body.toString(), current.name);
    const { kind, metadata } = answer;
    if (lost !== undefined) {
      if (kind === 'stepError') this.#abandon(lost);
      else this.#lose(lost);
    } else if (kind === 'stepError') this.#fail(answer.text, metadata, atMs);
    else {
      const answeredAfterMs = atMs - current.startedMs;
      const durationMs = kind === 'stepTime' ? answer.durationMs : Math.trunc(answeredAfterMs);
      this.#finish({ state: 'passed', name: current.name, durationMs, metadata, answeredAfterMs });
    }
    for (const problem of problems) this.#problem(problem);
    if (kind === 'stepError') return this.#exit;
    this.#startsDue += 1;
    return undefined;
  }

  #timeOut(): Ending {
    const seconds = this.#options.stepTimeoutMs / 1000;
    const text = `Timeout: check did not complete within ${seconds} seconds - METRIST_MONITOR_ERROR`;
    this.#fail(text, {}, this.#options.elapsedMs());
    this.#checkPending();
    return this.#exit;
  }

  #giveUpOnExit(): Ending {
    const minutes = this.#options.limits.finishMs / 60_000;
    this.#problem(
      `the monitor did not end within ${minutes} min of Exit: the Orchestrator kills it; end the process when Exit arrives`,
    );
    return {};
  }

  #giveUpOnSilence(): Ending {
    this.#checkPending();
    return this.#endEarly({
      cause: `the monitor was silent for ${this.#options.limits.inactivityMs / 60_000} min`,
      effect: 'the Orchestrator kills it',
      advice: 'answer sooner, or log from time to time',
    });
  }

  #endWithMonitor(): Ending {
    this.#checkPending();
    if (this.#isComplete) return {};
    const when = this.#current === undefined ? 'before it was asked for all steps' : `while ${this.#current.name} ran`;
    return this.#endEarly({
      cause: `the monitor ended ${when}`,
      effect: 'the Orchestrator takes that for the end of the run',
      advice: 'always answer Step Error before the process ends',
    });
  }

  /** Ends the run. Nothing is reported about the steps that are not finished. */
  #endEarly({ cause, effect, advice, ...ending }: EarlyEnd): Ending {
    const running =
      this.#current === undefined ? 'more is reported' : `is reported for ${this.#current.name} or the steps after it`;
    const lost = this.#isComplete ? '' : `, and nothing ${running}`;
    this.#abandon(cause);
    this.#problem(`${cause}: ${effect}${lost}; ${advice}`);
    return ending;
  }

  /** Reports the beginning of a message without its end: its length was too long, or other output looks like a message. */
  #checkPending(): void {
    const { pending } = this.#options.reader;
    if (pending.length === 0) return;
    this.#problem(
      `the monitor wrote ${quote(pending)} to stdout, the beginning of a message whose end never arrived: the Orchestrator ` +
        'waits for the rest; write only messages there, each with its exact length in bytes',
    );
  }

  get #isComplete(): boolean {
    return this.#current === undefined && this.#waiting.length === 0;
  }

  /** Reports the running step as failed, and the waiting ones as blocked. */
  #fail(text: string, metadata: Metadata, atMs: number): void {
    if (this.#current === undefined) return;
    const { name, startedMs } = this.#current;
    this.#finish({ state: 'failed', name, text, metadata, answeredAfterMs: atMs - startedMs });
    for (const blocked of this.#waiting.splice(0)) this.#finish({ state: 'blocked', name: blocked });
  }

  /** Reports the running step, if there is one, as lost. */
  #lose(reason: string): void {
    if (this.#current !== undefined) this.#finish({ state: 'lost', name: this.#current.name, reason });
  }

  /** Reports the running step as lost, and the waiting ones as not run. */
  #abandon(reason: string): void {
    this.#lose(reason);
    for (const name of this.#waiting.splice(0)) this.#finish({ state: 'notRun', name });
  }

  #finish(step: DrivenStep): void {
    this.#current = undefined;
    this.#options.onEvent({ kind: 'step', step });
  }

  #problem(text: string): void {
    this.#options.onEvent({ kind: 'problem', text });
  }
}
