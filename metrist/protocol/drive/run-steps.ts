import type { Clock } from '../../../runner/clock.ts';
import { checkAnswer } from './check-answer.ts';
import type { DriveLimits, DriveEvent } from './drive-report.ts';
import { type FromMonitor, formatToMonitor, parseFromMonitor } from '../messages.ts';
import type { MonitorProcess } from './monitor-process.ts';
import type { OrchestratorReader } from './orchestrator-reader.ts';
import { quote } from '../../../text/printable.ts';
import type { StepBook } from './step-book.ts';

export interface RunStepsOptions {
  readonly monitor: Pick<MonitorProcess, 'events' | 'write'>;
  readonly reader: OrchestratorReader;
  readonly book: StepBook;
  readonly stepTimeoutMs: number;
  readonly cleanup: boolean;
  readonly limits: DriveLimits;
  readonly elapsedMs: Clock['elapsedMs'];
  readonly onConfigured: (atMs: number) => void;
  readonly onEvent: (event: DriveEvent) => void;
}

/** How the run ends: with `farewell` as the last word, if any. */
export interface Ending {
  readonly farewell?: string;
}

/** All that happens after `Config`: `Configured`, the steps, and the end of the process or of the Orchestrator's patience. */
export async function runSteps(options: RunStepsOptions): Promise<Ending> {
  return await new StepRun(options).run();
}

interface Deadline {
  readonly atMs: number;
  readonly pass: () => Ending;
}

class StepRun {
  readonly #options: RunStepsOptions;
  readonly #book: StepBook;
  readonly #exit: string;
  #isConfigured = false;
  /** Steps to start as soon as the messages at hand are done: the Orchestrator puts it off likewise. */
  #startsDue = 0;
  #lastSignMs: number;
  #exitSentMs: number | undefined;

  constructor(options: RunStepsOptions) {
    this.#options = options;
    this.#book = options.book;
    this.#exit = formatToMonitor({ kind: 'exit', cleanup: options.cleanup });
    this.#lastSignMs = options.elapsedMs();
  }

  async run(): Promise<Ending> {
    const { monitor, reader, elapsedMs } = this.#options;
    for (;;) {
      const deadline = this.#nextDeadline();
      const event = await monitor.events.next(deadline.atMs - elapsedMs());
      this.#lastSignMs = elapsedMs();
      switch (event?.kind) {
        case undefined:
          return deadline.pass();
        case 'stderr':
          break;
        case 'stopped':
          this.#book.abandon('the run was interrupted');
          return { farewell: formatToMonitor({ kind: 'exit', cleanup: false }) };
        case 'ended':
          return this.#endWithMonitor();
        case 'stdout': {
          for (const body of reader.append(event.bytes)) {
            const ending = this.#receive(body, event.atMs);
            if (ending !== undefined) return ending;
          }
          for (; this.#startsDue > 0; this.#startsDue -= 1) this.#startStep();
          break;
        }
        default:
          return event satisfies never;
      }
    }
  }

  /** The earliest; of two at the same time the first. */
  #nextDeadline(): Deadline {
    const { limits, stepTimeoutMs } = this.#options;
    const { current } = this.#book;
    const deadlines: readonly Deadline[] = [
      ...(current === undefined
        ? []
        : [{ atMs: current.startedMs + stepTimeoutMs, pass: () => this.#timeOut(current.name) }]),
      ...(this.#exitSentMs === undefined
        ? []
        : [{ atMs: this.#exitSentMs + limits.finishMs, pass: () => this.#giveUpOnExit() }]),
      { atMs: this.#lastSignMs + limits.inactivityMs, pass: () => this.#giveUpOnSilence() },
    ];
    return deadlines.reduce((earliest, each) => (each.atMs < earliest.atMs ? each : earliest));
  }

  #startStep(): void {
    const { monitor, elapsedMs } = this.#options;
    this.#book.lose('Configured came a second time');
    this.#lastSignMs = elapsedMs();
    const step = this.#book.start(this.#lastSignMs);
    if (step === undefined) this.#exitSentMs ??= this.#lastSignMs;
    monitor.write(step === undefined ? this.#exit : formatToMonitor({ kind: 'runStep', step }));
  }

  /** @returns how the run ends, if this message ends it */
  #receive(body: Buffer, atMs: number): Ending | undefined {
    const { onConfigured, onEvent } = this.#options;
    const message = parseFromMonitor(body);
    switch (message.kind) {
      case 'log':
        if (message.text.trim() !== '') onEvent({ kind: 'log', level: message.level, text: message.text.trim() });
        return undefined;
      case 'configured':
        if (this.#isConfigured) this.#tell(describeSecondConfigured(this.#book.current?.name));
        else onConfigured(atMs);
        this.#isConfigured = true;
        this.#startsDue += 1;
        return undefined;
      case 'stepTime':
      case 'stepOk':
      case 'stepError':
        return this.#answer(message, body, atMs);
      case 'waitForWebhook':
        onEvent({ kind: 'notice', text: describeWebhook(message.uid) });
        return undefined;
      case 'exit':
        if (this.#book.isComplete) return {};
        return this.#breakOff('the monitor sent Exit before all steps were run: the Orchestrator ends the run', '', {
          advice: 'leave only after Exit has come',
          lost: 'the monitor sent Exit',
        });
      case 'started':
      case 'ready':
        return this.#breakOff(`the monitor sent ${quote(body)} again: the Orchestrator ends the run`, this.#exit, {
          advice: `send ${message.kind === 'ready' ? 'Ready' : 'Started'} once`,
          lost: 'the run was broken off',
        });
      case 'unknown': {
        const isTime = message.text.startsWith('Step Time ');
        const end = isTime
          ? "the Orchestrator's handler dies of it, and the run ends"
          : 'the Orchestrator ends the run';
        return this.#breakOff(
          `the monitor sent ${quote(body)}, but ${message.problem}: ${end}`,
          isTime ? '' : this.#exit,
          { advice: 'send only what the protocol knows, letter by letter', lost: 'its answer was not understood' },
        );
      }
      default:
        return message satisfies never;
    }
  }

  #answer(
    message: Extract<FromMonitor, { kind: 'stepTime' | 'stepOk' | 'stepError' }>,
    body: Buffer,
    atMs: number,
  ): Ending | undefined {
    const { current } = this.#book;
    if (current === undefined) {
      return this.#breakOff(
        `the monitor sent ${quote(body)} while no step ran: the Orchestrator ends the run`,
        this.#exit,
        { advice: 'answer every Run Step once, after it came', lost: '' },
      );
    }
    const flaws = checkAnswer(message, body.toString(), current.name);
    const lost = flaws.find((flaw) => flaw.lost !== undefined)?.lost;
    const answer = { atMs, metadata: message.metadata };
    if (message.kind === 'stepError') {
      if (lost === undefined) this.#book.fail(answer, 'monitor', message.text);
      else this.#book.abandon(lost);
    } else if (lost !== undefined) this.#book.lose(lost);
    else this.#book.pass(answer, message.kind === 'stepTime' ? message.durationMs : undefined);
    for (const { problem } of flaws) this.#tell(problem);
    if (message.kind === 'stepError') return { farewell: this.#exit };
    this.#startsDue += 1;
    return undefined;
  }

  #timeOut(step: string): Ending {
    const { stepTimeoutMs, elapsedMs } = this.#options;
    const text = `Timeout: check did not complete within ${stepTimeoutMs / 1000} seconds - METRIST_MONITOR_ERROR`;
    this.#book.fail({ atMs: elapsedMs(), metadata: {} }, 'orchestrator', text);
    this.#tellPending(`while ${step} ran`);
    return { farewell: this.#exit };
  }

  #giveUpOnExit(): Ending {
    const minutes = this.#options.limits.finishMs / 60_000;
    this.#tell(
      `the monitor did not end within ${minutes} min of Exit: the Orchestrator kills it; end the process when Exit has come`,
    );
    return {};
  }

  #giveUpOnSilence(): Ending {
    const minutes = this.#options.limits.inactivityMs / 60_000;
    this.#tellPending('before it fell silent');
    return this.#breakOff(`the monitor was silent for ${minutes} min: the Orchestrator kills it`, '', {
      advice: 'answer sooner, or log from time to time',
      lost: 'the monitor was silent',
    });
  }

  #endWithMonitor(): Ending {
    this.#tellPending('before it ended');
    if (this.#book.isComplete) return {};
    const { current } = this.#book;
    const when = current === undefined ? 'before it was asked for all steps' : `while ${current.name} ran`;
    return this.#breakOff(`the monitor ended ${when}: the Orchestrator takes that for the end of the run`, '', {
      advice: 'answer Step Error, whatever happens, before the process ends',
      lost: 'the monitor ended',
    });
  }

  /** Ends the run with nothing reported of what is not over. */
  #breakOff(
    what: string,
    farewell: string,
    { advice, lost }: { readonly advice: string; readonly lost: string },
  ): Ending {
    const running = this.#book.current?.name;
    const isOver = this.#book.isComplete;
    this.#book.abandon(lost);
    const nothing =
      running === undefined ? 'nothing more is reported' : `nothing is reported for ${running} and after it`;
    this.#tell(`${what}${isOver ? '' : `, and ${nothing}`}; ${advice}`);
    return farewell === '' ? {} : { farewell };
  }

  /** A length that was too long, or a text that looks like one. */
  #tellPending(when: string): void {
    const { pending } = this.#options.reader;
    if (pending.length === 0) return;
    this.#tell(
      `the monitor wrote ${quote(pending)} to stdout ${when}, the beginning of a message that never came whole: the ` +
        'Orchestrator waits for the rest; write only messages there, each with its exact length in bytes',
    );
  }

  #tell(text: string): void {
    this.#options.onEvent({ kind: 'problem', text });
  }
}

function describeSecondConfigured(running: string | undefined): string {
  const effect =
    running === undefined
      ? 'the next step'
      : `the next step though ${running} still runs, of which nothing is reported`;
  return `the monitor sent Configured a second time: the Orchestrator starts ${effect}; send it once`;
}

function describeWebhook(uid: string): string {
  return `the monitor waits for webhook ${quote(uid)}: there are none here, and none will come before the step's timeout`;
}
