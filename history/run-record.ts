import type { Leftover, MonitorRun, RunProblem } from '../runner/monitor-run.ts';
import {
  verdicts,
  type Attempt,
  type Evidence,
  type StepError,
  type StepResult,
  type Verdict,
} from '../runner/step-result.ts';
import { defaultHistorySettings, maxIntervalSecs } from './history-settings.ts';
import {
  check,
  readAmount,
  readCount,
  readFields,
  readList,
  readName,
  readOneOf,
  readPresent,
  readText,
  readTime,
} from './json-fields.ts';

/** One line of `results/runs/<UTC day>.ndjson`: a run, and what reports need later. The schema is in docs/history.md. */
export interface RunRecord extends MonitorRun {
  /** Version of this schema. */
  readonly schema: 1;
  /** `AWSIAM_INTERVAL_SECS`: the expected time from the start of one run to the start of the next. */
  readonly intervalSecs: number;
  readonly frontEnd: FrontEnd;
}

/** What drove a run. */
export type FrontEnd = 'vitest' | 'orchestrator' | 'run' | 'watch';

/** Makes the record of a run, which is JSON-safe and free of secrets if the run is. */
export function toRecord(run: MonitorRun, facts: Pick<RunRecord, 'intervalSecs' | 'frontEnd'>): RunRecord {
  return { schema: 1, ...run, ...facts };
}

/**
 * Reads one line of the history. Checks every field and takes over no field that it does not know. A line without a `schema`
 * is from before there was one.
 *
 * @returns `undefined` if the line is torn, foreign, or of a schema that this version does not know
 */
export function parseRecord(line: string): RunRecord | undefined {
  try {
    return readRecord(JSON.parse(line));
  } catch {
    return undefined;
  }
}

const readSchema = readOneOf([1]);
const readMode = readOneOf(['live', 'offline']);
const readFrontEnd = readOneOf(['vitest', 'orchestrator', 'run', 'watch']);
const readRunState = readOneOf(['passed', 'failed', 'interrupted']);
const readStepState = readOneOf(['passed', 'failed', 'blocked', 'interrupted']);
const readVerdict = readOneOf(Object.keys(verdicts) as Verdict[]);
const readWait = readOneOf(['retry', 'propagation']);
const readProblemKind = readOneOf(['configuration', 'load', 'unhandled', 'empty', 'hook']);

const factReaders = {
  instance: readName,
  namespace: readName,
  region: readName,
  endpoint: readName,
  account: readAccount,
  testUser: readName,
  swept: readCount,
  sweptRemaining: readCount,
  skippedBeats: readCount,
} as const;
const attemptReaders = {
  httpStatus: readCount,
  requestId: readText,
  code: readText,
  throttled: readTrue,
  wait: readWait,
} as const;
const evidenceReaders = {
  requestId: readText,
  httpStatus: readCount,
  attempts: readCount,
  retryDelayMs: readAmount,
  propagationMs: readAmount,
  connectMs: readAmount,
  lastAttemptMs: readAmount,
  resolution: readText,
  tries: readList(readAttempt),
} as const;

/** So that a foreign line cannot fill the memory with names of steps. */
const maxSteps = 100;

function readRecord(value: unknown): RunRecord {
  const fields = readFields(value);
  const isOld = fields['schema'] === undefined;
  if (!isOld) readSchema(fields['schema']);
  const record: RunRecord = {
    schema: 1,
    monitor: readName(fields['monitor']),
    version: readText(fields['version']),
    mode: readMode(fields['mode']),
    ...readPresent(fields, factReaders),
    startedAt: readTime(fields['startedAt']),
    durationMs: readAmount(fields['durationMs']),
    state: readRunState(fields['state']),
    steps: readList(readStep)(fields['steps']),
    problems: readList(readProblem)(fields['problems']),
    leftovers: readList(readLeftover)(fields['leftovers']),
    warnings: readList(readText)(fields['warnings']),
    intervalSecs: isOld ? defaultHistorySettings.intervalSecs : readInterval(fields['intervalSecs']),
    frontEnd: isOld ? 'vitest' : readFrontEnd(fields['frontEnd']),
  };
  const { state, steps } = record;
  check(steps.length <= maxSteps, 'too many steps');
  check(new Set(steps.map(({ name }) => name)).size === steps.length, 'a step stands in it twice');
  check(state !== 'passed' || steps.every((step) => step.state === 'passed' || step.state === 'blocked'), 'it passed');
  return record;
}

function readStep(value: unknown): StepResult {
  const fields = readFields(value);
  const name = readName(fields['name']);
  const state = readStepState(fields['state']);
  if (state === 'blocked') return { state, name, reason: readText(fields['reason']) };
  const ran = {
    name,
    startedAt: readTime(fields['startedAt']),
    durationMs: readAmount(fields['durationMs']),
    evidence: readEvidence(fields['evidence']),
  };
  switch (state) {
    case 'passed':
      return { state, ...ran };
    case 'failed':
      return { state, ...ran, error: readStepError(fields['error']) };
    case 'interrupted':
      return { state, ...ran, reason: readText(fields['reason']) };
    default:
      return state satisfies never;
  }
}

function readEvidence(value: unknown): Evidence {
  return readPresent(readFields(value), evidenceReaders);
}

function readAttempt(value: unknown): Attempt {
  const fields = readFields(value);
  return {
    offsetMs: readAmount(fields['offsetMs']),
    durationMs: readAmount(fields['durationMs']),
    ...readPresent(fields, attemptReaders),
  };
}

function readStepError(value: unknown): StepError {
  const fields = readFields(value);
  return {
    verdict: readVerdict(fields['verdict']),
    code: readText(fields['code']),
    message: readText(fields['message']),
    advice: readText(fields['advice']),
    ...readPresent(fields, { stack: readText }),
  };
}

function readProblem(value: unknown): RunProblem {
  const fields = readFields(value);
  return {
    kind: readProblemKind(fields['kind']),
    message: readText(fields['message']),
    ...readPresent(fields, { stack: readText }),
  };
}

function readLeftover(value: unknown): Leftover {
  const fields = readFields(value);
  return {
    entity: readText(fields['entity']),
    reason: readText(fields['reason']),
    ...readPresent(fields, { command: readText }),
  };
}

function readTrue(value: unknown): true {
  check(value === true, 'not true');
  return true;
}

function readAccount(value: unknown): string {
  const text = readText(value);
  check(/^\d{12}$/.test(text), 'not an account');
  return text;
}

function readInterval(value: unknown): number {
  const secs = readAmount(value);
  check(secs >= 1 && secs <= maxIntervalSecs, 'not an interval');
  return secs;
}
