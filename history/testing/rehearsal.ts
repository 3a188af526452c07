import type { RunMode } from '../../runner/monitor-run.ts';
import type { Attempt, StepResult, Verdict } from '../../runner/step-result.ts';
import type { RunRecord } from '../run-record.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

/** The steps with the median of their times. */
const medianMs = {
  CreateUser: 142,
  CreateGroup: 118,
  AddUserToGroup: 131,
  RemoveUserFromGroup: 127,
  DeleteGroup: 109,
  AttachPolicy: 151,
  DetachPolicy: 133,
  DeleteUser: 164,
} as const;

/** What goes wrong for a while. */
interface Incident {
  /** From the start of the history. A negative time counts back from its end. */
  readonly fromMs: number;
  readonly forMs: number;
  readonly kind:
    | { readonly is: 'fails'; readonly step: keyof typeof medianMs; readonly verdict: Verdict; readonly code: string }
    | { readonly is: 'slow'; readonly factor: number }
    | { readonly is: 'throttled' }
    | { readonly is: 'silent' }
    | { readonly is: 'interrupted' };
}

/**
 * The last seven days of every history: an hour of HTTP 500 from CreateGroup, a slow afternoon, an expired key, some
 * throttling, a host that was off for three hours, one interrupted run, one failure that did not come again.
 */
export const incidents: readonly Incident[] = [
  { fromMs: -6 * dayMs + 9 * hourMs, forMs: 2 * minuteMs, kind: fails('AttachPolicy', 'timeout', 'TimeoutError') },
  { fromMs: -5 * dayMs + 2 * hourMs, forMs: 3 * hourMs, kind: { is: 'silent' } },
  { fromMs: -4 * dayMs + 10 * hourMs, forMs: hourMs, kind: fails('CreateGroup', 'service', 'ServiceFailure') },
  { fromMs: -3 * dayMs + 12 * hourMs, forMs: 5 * hourMs, kind: { is: 'slow', factor: 9 } },
  { fromMs: -2 * dayMs + 3 * hourMs, forMs: 90 * minuteMs, kind: fails('CreateUser', 'credentials', 'ExpiredToken') },
  { fromMs: -1 * dayMs + 5 * hourMs, forMs: 40 * minuteMs, kind: { is: 'throttled' } },
  { fromMs: -8 * hourMs, forMs: 2 * minuteMs, kind: { is: 'interrupted' } },
];

interface RehearseOptions {
  /** No run starts at or after this time. Epoch, UTC. */
  readonly endMs: number;
  readonly days: number;
  /** @default 120 */
  readonly intervalSecs?: number;
  readonly mode?: RunMode;
  readonly instance?: string;
  readonly incidents?: readonly Incident[];
}

/** The runs of some days, the same each time, in the order of the history. */
export function* rehearseRuns(options: RehearseOptions): Generator<RunRecord> {
  const {
    endMs,
    days,
    intervalSecs = 120,
    mode = 'live',
    instance = 'us-east-1',
    incidents: wrong = incidents,
  } = options;
  const random = randomNumbers(7);
  const startMs = endMs - days * dayMs;
  for (let index = 0; startMs + index * intervalSecs * 1000 < endMs; index += 1) {
    const atMs = startMs + index * intervalSecs * 1000 + Math.round(random() * 1500);
    const active = wrong
      .filter(({ fromMs, forMs }) => {
        const fromStartMs = fromMs < 0 ? endMs + fromMs : startMs + fromMs;
        return atMs >= fromStartMs && atMs < fromStartMs + forMs;
      })
      .map(({ kind }) => kind);
    if (active.some(({ is }) => is === 'silent')) continue;
    yield { ...rehearseRun(index, atMs, active, random), mode, instance, intervalSecs };
  }
}

function rehearseRun(
  index: number,
  atMs: number,
  active: readonly Incident['kind'][],
  random: () => number,
): RunRecord {
  const steps: StepResult[] = [];
  let startMs = atMs;
  let state: RunRecord['state'] = 'passed';
  let reason = '';
  for (const [name, median] of Object.entries(medianMs)) {
    if (state !== 'passed') {
      steps.push({ state: 'blocked', name, reason });
      continue;
    }
    const slow = active.find((kind) => kind.is === 'slow')?.factor ?? 1;
    const isThrottled = active.some(({ is }) => is === 'throttled') && random() < 0.2;
    // Times of a service have a long tail.
    const answerMs =
      median * slow * Math.exp((random() + random() + random() - 1.5) * 0.45) * (random() < 0.01 ? 4 : 1);
    const propagationMs = name === 'AddUserToGroup' && random() < 0.04 ? 400 + Math.round(random() * 2200) : 0;
    const retryDelayMs = isThrottled ? 90 + Math.round(random() * 200) : 0;
    const attempts = 1 + (isThrottled ? 1 : 0) + (propagationMs > 0 ? 2 : 0);
    const durationMs = Math.round((answerMs * (1 + retryDelayMs / 400) + propagationMs + retryDelayMs) * 1000) / 1000;
    const ran = {
      name,
      startedAt: new Date(startMs).toISOString(),
      durationMs,
      evidence: {
        requestId: `rehearsed-${index}-${steps.length + 1}`,
        httpStatus: 200,
        attempts,
        retryDelayMs,
        ...(propagationMs > 0 && { propagationMs }),
        lastAttemptMs: Math.round(answerMs * 1000) / 1000,
        ...(attempts > 1 && {
          tries: rehearseTries(`rehearsed-${index}-${steps.length + 1}`, isThrottled, attempts, durationMs),
        }),
      },
    };
    const fault = active.find((kind) => kind.is === 'fails' && kind.step === name);
    if (fault?.is === 'fails') {
      state = 'failed';
      reason = `${name} failed`;
      steps.push(failed(ran, fault));
    } else if (active.some(({ is }) => is === 'interrupted') && name === 'DeleteGroup') {
      state = 'interrupted';
      reason = `${name} was interrupted`;
      steps.push({ state: 'interrupted', ...ran, reason: 'the run was interrupted (SIGTERM)' });
    } else {
      steps.push({ state: 'passed', ...ran });
    }
    startMs += Math.ceil(durationMs) + 1;
  }
  const hasLeftovers = state === 'failed' && index % 25 === 0;
  return {
    schema: 1,
    monitor: 'awsiam',
    version: '0.1.0',
    mode: 'live',
    namespace: 'prod',
    region: 'us-east-1',
    account: '123456789012',
    testUser: `testuser-prod-${index}`,
    startedAt: new Date(atMs).toISOString(),
    durationMs: startMs - atMs,
    state,
    steps,
    problems: [],
    leftovers: hasLeftovers ? [{ entity: `user testuser-prod-${index}`, reason: 'DeleteUser: ServiceFailure' }] : [],
    swept: hasLeftovers ? 0 : index % 500 === 0 ? 1 : 0,
    sweptRemaining: 0,
    ...(index % 700 === 699 && { skippedBeats: 2 }),
    warnings: [],
    intervalSecs: 120,
    frontEnd: 'vitest',
  };
}

/** The attempts of a step, the last of which succeeded, spread over its time. */
function rehearseTries(requestId: string, isThrottled: boolean, count: number, durationMs: number): readonly Attempt[] {
  return Array.from({ length: count }, (_, index): Attempt => {
    const time = { offsetMs: (durationMs / count) * index, durationMs: durationMs / count / 2 };
    if (index === count - 1) return { ...time, httpStatus: 200, requestId };
    const refused = { ...time, requestId: `${requestId}-try-${index + 1}` };
    return isThrottled && index === 0
      ? { ...refused, httpStatus: 400, code: 'Throttling', throttled: true, wait: 'retry' }
      : { ...refused, httpStatus: 404, code: 'NoSuchEntity', wait: 'propagation' };
  });
}

function fails(step: keyof typeof medianMs, verdict: Verdict, code: string): Incident['kind'] {
  return { is: 'fails', step, verdict, code };
}

function failed(
  ran: Omit<Extract<StepResult, { state: 'passed' }>, 'state'>,
  { verdict, code }: { readonly verdict: Verdict; readonly code: string },
): StepResult {
  const httpStatus = verdict === 'service' ? 500 : verdict === 'credentials' ? 403 : undefined;
  const { httpStatus: _, ...evidence } = ran.evidence;
  const status = httpStatus === undefined ? '' : ` (HTTP ${httpStatus})`;
  return {
    state: 'failed',
    ...ran,
    evidence: { ...evidence, ...(httpStatus !== undefined && { httpStatus }) },
    error: {
      verdict,
      code,
      message: `${ran.name} failed: ${code}${status}: rehearsed`,
      advice: verdict === 'credentials' ? 'Renew the key that the monitor uses.' : 'Check the AWS Health Dashboard.',
    },
  };
}

/** Numbers from 0 to 1 that are the same for the same seed (mulberry32). */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
