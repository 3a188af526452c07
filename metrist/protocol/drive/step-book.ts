import type { Metadata } from '../../result-text.ts';
import type { DrivenStep } from './drive-report.ts';

interface Answer {
  readonly atMs: number;
  readonly metadata: Metadata;
}

/** Keeps what became of the steps, in order: first those that are over, then the one that runs, then those that wait. */
export class StepBook {
  readonly #over: DrivenStep[] = [];
  readonly #waiting: string[];
  readonly #onStep: (step: DrivenStep) => void;
  #current: { readonly name: string; readonly startedMs: number } | undefined;

  constructor(names: readonly string[], onStep: (step: DrivenStep) => void) {
    this.#waiting = [...names];
    this.#onStep = onStep;
  }

  get steps(): readonly DrivenStep[] {
    return this.#over;
  }

  /** The step that runs. */
  get current(): { readonly name: string; readonly startedMs: number } | undefined {
    return this.#current;
  }

  get isComplete(): boolean {
    return this.#current === undefined && this.#waiting.length === 0;
  }

  /** @returns the next step's name, which runs from now on; nothing where all have run */
  start(startedMs: number): string | undefined {
    const name = this.#waiting.shift();
    if (name !== undefined) this.#current = { name, startedMs };
    return name;
  }

  /** @param durationMs the monitor's own time; without one it is ours, in whole milliseconds */
  pass({ atMs, metadata }: Answer, durationMs?: number): void {
    this.#end(
      (name, answeredAfterMs) => ({
        state: 'passed',
        name,
        durationMs: durationMs ?? Math.trunc(answeredAfterMs),
        source: durationMs === undefined ? 'orchestrator' : 'monitor',
        metadata,
        answeredAfterMs,
      }),
      atMs,
    );
  }

  /** The step failed, and blocks those that wait. */
  fail({ atMs, metadata }: Answer, source: 'monitor' | 'orchestrator', text: string): void {
    this.#end((name, answeredAfterMs) => ({ state: 'failed', name, source, text, metadata, answeredAfterMs }), atMs);
    for (const name of this.#waiting.splice(0)) this.#add({ state: 'blocked', name });
  }

  /** Nothing is reported of the step that runs. */
  lose(reason: string): void {
    this.#end((name) => ({ state: 'lost', name, reason }), 0);
  }

  /** Nothing is reported of the step that runs and of those that wait. */
  abandon(reason: string): void {
    this.lose(reason);
    for (const name of this.#waiting.splice(0)) this.#add({ state: 'notRun', name });
  }

  #end(toStep: (name: string, answeredAfterMs: number) => DrivenStep, atMs: number): void {
    if (this.#current === undefined) return;
    const { name, startedMs } = this.#current;
    this.#current = undefined;
    this.#add(toStep(name, atMs - startedMs));
  }

  #add(step: DrivenStep): void {
    this.#over.push(step);
    this.#onStep(step);
  }
}
