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

/** One line of `results/runs/<UTC day>.ndjson`: a run, and what reports need later. The schema is in docs/history.md. */
export interface RunRecord extends MonitorRun {
  /** Version of this schema. */
  readonly schema: 1;
  /** `AWSIAM_INTERVAL_SECS`: the expected time from the start of one run to the start of the next. */
  readonly intervalSecs: number;
  readonly frontEnd: FrontEnd;
}

/** What drove a run. */
export type FrontEnd = 'vitest' | 'orchestrator';

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

/** Reads a value of the line, or throws. */
type Read<Value> = (value: unknown) => Value;
type Fields = Readonly<Record<string, unknown>>;

const readSchema = readOneOf([1]);
const readMode = readOneOf(['live', 'offline']);
const readFrontEnd = readOneOf(['vitest', 'orchestrator']);
const readRunState = readOneOf(['passed', 'failed', 'interrupted']);
const readStepState = readOneOf(['passed', 'failed', 'blocked', 'interrupted']);
const readVerdict = readOneOf(Object.keys(verdicts) as Verdict[]);
const readWait = readOneOf(['retry', 'propagation']);
const readProblemKind = readOneOf(['configuration', 'load', 'unhandled', 'empty', 'hook']);

const factReaders = {
  instance: readName,
  namespace: readName,
  region: readName,
  account: readAccount,
  testUser: readName,
  swept: readCount,
  sweptRemaining: readCount,
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

/** Reads those of the fields that are there. */
function readPresent<const Readers extends Readonly<Record<string, Read<unknown>>>>(
  fields: Fields,
  readers: Readers,
): { readonly [Name in keyof Readers]?: ReturnType<Readers[Name]> } {
  const present: Record<string, unknown> = {};
  // A spread for each field would take most of the time of reading a history.
  for (const name in readers) {
    const value = fields[name];
    if (value !== undefined) present[name] = readers[name]?.(value);
  }
  return present as { readonly [Name in keyof Readers]?: ReturnType<Readers[Name]> };
}

function readFields(value: unknown): Fields {
  check(typeof value === 'object' && value !== null && !Array.isArray(value), 'not an object');
  return value as Fields;
}

function readList<Value>(read: Read<Value>): Read<readonly Value[]> {
  return (value) => {
    check(Array.isArray(value), 'not a list');
    return (value as readonly unknown[]).map((item) => read(item));
  };
}

function readOneOf<const Value extends string | number>(allowed: readonly Value[]): Read<Value> {
  return (value) => {
    check(allowed.includes(value as Value), 'not one of the known values');
    return value as Value;
  };
}

function readText(value: unknown): string {
  check(typeof value === 'string', 'not a text');
  return value as string;
}

function readTrue(value: unknown): true {
  check(value === true, 'not true');
  return true;
}

const maxNameLength = 255;

function readName(value: unknown): string {
  const text = readText(value);
  check(text !== '' && text.length <= maxNameLength, 'not a name');
  return text;
}

function readAccount(value: unknown): string {
  const text = readText(value);
  check(/^\d{12}$/.test(text), 'not an account');
  return text;
}

const timePattern = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z$/;

/** Only what `Date.toISOString` writes, so that times can be compared as texts. */
function readTime(value: unknown): string {
  const text = readText(value);
  check(timePattern.test(text), 'not a time');
  // The costly check, only for days that not every month has.
  check(text.slice(8, 10) <= '28' || new Date(text).toISOString() === text, 'not a day of the month');
  return text;
}

/** JSON can hold `1e999`, which is read as `Infinity`. */
function readAmount(value: unknown): number {
  check(typeof value === 'number' && Number.isFinite(value) && value >= 0, 'not an amount');
  return value as number;
}

function readCount(value: unknown): number {
  check(Number.isSafeInteger(value) && (value as number) >= 0, 'not a count');
  return value as number;
}

function readInterval(value: unknown): number {
  const secs = readAmount(value);
  check(secs >= 1 && secs <= maxIntervalSecs, 'not an interval');
  return secs;
}

function check(isRight: boolean, problem: string): void {
  if (!isRight) throw new TypeError(problem);
}
