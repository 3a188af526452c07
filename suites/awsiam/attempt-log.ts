import type { MetadataBearer, ResponseMetadata } from '@smithy/types';
import { roundMs } from '../../runner/clock.ts';
import type { StepContext } from '../../runner/monitor.ts';
import type { Attempt } from '../../runner/step-result.ts';
import { clip } from '../../text/redact.ts';
import type { RetryHistory } from './client/retry-history.ts';
import { codeOf } from './errors/error-kinds.ts';
import { explainError } from './errors/explain-error.ts';

/** How a request or a call of the SDK ended. */
export type Outcome = { readonly answer: MetadataBearer } | { readonly error: unknown };

/** What the SDK knows about the answer, whether it is a success or not. Empty if there was none. */
export function metadataOf(outcome: Outcome): ResponseMetadata {
  const bearer = 'answer' in outcome ? outcome.answer : (outcome.error as Partial<MetadataBearer> | undefined);
  return bearer?.$metadata ?? {};
}

/** How many attempts are kept from the start and as many from the end. Only a very long wait has more. */
const keptAtEachEnd = 16;
const maxTextLength = 200;

/** Records the attempts of one step, and keeps `tries` of its evidence up to date, because the step may be cut off at any time. */
export class AttemptLog {
  readonly #evidence: StepContext['evidence'];
  readonly #operation: string;
  readonly #startMs: number;
  #first: readonly Attempt[] = [];
  #last: readonly Attempt[] = [];

  /** @param options.operation what is attempted: `CreateUser`. `startMs` is the start of the step by the history's clock */
  constructor(
    evidence: StepContext['evidence'],
    { operation, startMs }: { readonly operation: string; readonly startMs: number },
  ) {
    this.#evidence = evidence;
    this.#operation = operation;
    this.#startMs = startMs;
  }

  /** Adds the attempts of one call of the SDK, which ended at `endMs`. */
  add(
    { attempts, repeated, lastAttemptAtMs }: Pick<RetryHistory, 'attempts' | 'repeated' | 'lastAttemptAtMs'>,
    outcome: Outcome,
    endMs: number,
  ): void {
    for (const each of repeated) this.#push({ ...this.#describe(each, each.startMs, each.endMs), wait: 'retry' });
    // A call that was cut off between two attempts has no other.
    if (attempts > repeated.length) this.#push(this.#describe(outcome, lastAttemptAtMs, endMs));
    this.#update();
  }

  /** The step waits for an earlier change to become visible, and then calls again. */
  waitForPropagation(): void {
    if (this.#last.length > 0) this.#last = withWait(this.#last);
    else this.#first = withWait(this.#first);
    this.#update();
  }

  #push(attempt: Attempt): void {
    if (this.#first.length < keptAtEachEnd) this.#first = [...this.#first, attempt];
    else this.#last = [...this.#last, attempt].slice(-keptAtEachEnd);
  }

  #update(): void {
    const tries = [...this.#first, ...this.#last];
    if (tries.length > 1 || tries.some(({ wait }) => wait !== undefined)) this.#evidence.tries = tries;
  }

  #describe(outcome: Outcome, startMs: number, endMs: number): Attempt {
    const { httpStatusCode, requestId } = metadataOf(outcome);
    return {
      offsetMs: roundMs(startMs - this.#startMs),
      durationMs: roundMs(endMs - startMs),
      ...(httpStatusCode !== undefined && { httpStatus: httpStatusCode }),
      ...(requestId !== undefined && { requestId: clip(requestId, maxTextLength) }),
      ...('error' in outcome && this.#describeError(outcome.error)),
    };
  }

  #describeError(error: unknown): Pick<Attempt, 'code' | 'throttled'> {
    const isThrottled = explainError(error, this.#operation).verdict === 'throttled';
    return { code: clip(codeOf(error), maxTextLength), ...(isThrottled && { throttled: true }) };
  }
}

function withWait(attempts: readonly Attempt[]): readonly Attempt[] {
  return attempts.map((each, index) => (index === attempts.length - 1 ? { ...each, wait: 'propagation' } : each));
}
