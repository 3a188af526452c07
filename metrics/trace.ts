import type { MonitorRun } from '../runner/monitor-run.ts';
import {
  type Attempt,
  formatStepError,
  type BlockedStep,
  type StepError,
  type StepResult,
  verdicts,
} from '../runner/step-result.ts';
import { clip } from '../text/redact.ts';
import type { TraceParent } from './otlp-settings.ts';

/** A span with real times, as plain data. */
export interface TraceSpan {
  readonly name: string;
  readonly kind: 'internal' | 'client';
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  /** Milliseconds since the epoch, with a fraction. */
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: Readonly<Record<string, string | number | boolean | readonly string[]>>;
  /** Present if it failed: why. */
  readonly failure?: string;
}

export interface TraceOptions {
  readonly parent?: TraceParent | undefined;
  /** Random bytes, for the ids. */
  readonly randomBytes: (count: number) => Uint8Array;
  /** The call that each step makes: `{ AttachPolicy: 'AttachUserPolicy' }`. A step that is not named makes a call of its own name. */
  readonly operations?: Readonly<Record<string, string>>;
}

type RanStep = Exclude<StepResult, BlockedStep>;

const maxMessageLength = 1000;

/**
 * A run as one trace: a span for the run, in it one for each step that ran, and in these one for each request to IAM, by
 * OpenTelemetry's semantic conventions 1.44. Steps that did not run are named in an attribute of the run.
 *
 * ```text
 * awsiam                    test.suite.name=awsiam test.suite.run.status=failure awsiam.steps.blocked=[DeleteUser, …]
 * ├─ CreateUser             test.case.name=CreateUser test.case.result.status=pass
 * │  └─ IAM.CreateUser      CLIENT aws.request_id=6b7f… http.response.status_code=200
 * └─ CreateGroup            test.case.result.status=fail error.type=ServiceFailure awsiam.verdict=service awsiam.side=theirs
 *    ├─ IAM.CreateGroup     CLIENT http.response.status_code=400 error.type=Throttling
 *    └─ IAM.CreateGroup     CLIENT http.response.status_code=500 error.type=ServiceFailure http.request.resend_count=1
 * ```
 *
 * Conventions: https://opentelemetry.io/docs/specs/semconv/registry/attributes/test/ and
 * https://opentelemetry.io/docs/specs/semconv/cloud-providers/aws-sdk/
 */
export function traceOf(run: MonitorRun, { parent, randomBytes, operations = {} }: TraceOptions): TraceSpan[] {
  const newId = (bytes: number): string => Buffer.from(randomBytes(bytes)).toString('hex');
  const traceId = parent?.traceId ?? newId(16);
  const rootId = newId(8);
  const startMs = Date.parse(run.startedAt);
  const spans: TraceSpan[] = [];
  for (const step of run.steps) {
    if (step.state === 'blocked') continue;
    const spanId = newId(8);
    const stepMs = Date.parse(step.startedAt);
    spans.push({
      name: step.name,
      kind: 'internal',
      traceId,
      spanId,
      parentSpanId: rootId,
      startMs: stepMs,
      endMs: stepMs + step.durationMs,
      attributes: attributesOfStep(step),
      ...(step.state === 'failed' && { failure: clip(formatStepError(step.error), maxMessageLength) }),
    });
    const operation = operations[step.name] ?? step.name;
    for (const { resends, ...attempt } of attemptsOf(step)) {
      spans.push({
        name: `IAM.${operation}`,
        kind: 'client',
        traceId,
        spanId: newId(8),
        parentSpanId: spanId,
        startMs: stepMs + attempt.offsetMs,
        endMs: stepMs + attempt.offsetMs + attempt.durationMs,
        attributes: attributesOfAttempt(attempt, { run, operation, resends }),
        ...(attempt.code !== undefined && { failure: attempt.code }),
      });
    }
  }
  const failure = failureOf(run);
  // The wall clock of the steps and the run's monotonic time can differ by a rounding.
  const endMs = Math.max(startMs + run.durationMs, ...spans.map((span) => span.endMs));
  return [
    {
      name: run.monitor,
      kind: 'internal',
      traceId,
      spanId: rootId,
      ...(parent !== undefined && { parentSpanId: parent.spanId }),
      startMs,
      endMs,
      attributes: attributesOfRun(run, failure),
      ...(failure !== undefined && { failure: clip(failure.message, maxMessageLength) }),
    },
    ...spans,
  ];
}

const suiteStatuses = { passed: 'success', failed: 'failure', interrupted: 'aborted' } as const;
/** The conventions know only `pass` and `fail`; other values are allowed. */
const caseStatuses = { passed: 'pass', failed: 'fail', interrupted: 'aborted' } as const;

interface RunFailure {
  readonly message: string;
  readonly attributes: TraceSpan['attributes'];
}

function failureOf({ state, steps, problems }: MonitorRun): RunFailure | undefined {
  if (state !== 'failed') return undefined;
  const failed = steps.find((step) => step.state === 'failed');
  if (failed !== undefined) {
    return { message: formatStepError(failed.error), attributes: attributesOfError(failed.error) };
  }
  const [problem] = problems;
  return { message: problem?.message ?? 'the run failed', attributes: { 'error.type': problem?.kind ?? '_OTHER' } };
}

function attributesOfRun(run: MonitorRun, failure: RunFailure | undefined): TraceSpan['attributes'] {
  const { monitor, state, steps, namespace, region, leftovers, swept } = run;
  const blocked = steps.filter((step) => step.state === 'blocked').map(({ name }) => name);
  return {
    'test.suite.name': monitor,
    'test.suite.run.status': suiteStatuses[state],
    'user_agent.synthetic.type': 'test',
    ...(region !== undefined && { 'cloud.region': region }),
    ...(namespace !== undefined && { 'awsiam.namespace': namespace }),
    ...failure?.attributes,
    ...(blocked.length > 0 && { 'awsiam.steps.blocked': blocked }),
    'awsiam.leftovers': leftovers.length,
    ...(swept !== undefined && { 'awsiam.swept': swept }),
  };
}

function attributesOfStep(step: RanStep): TraceSpan['attributes'] {
  const { attempts, propagationMs, resolution } = step.evidence;
  return {
    'test.case.name': step.name,
    'test.case.result.status': caseStatuses[step.state],
    ...(step.state === 'failed' && attributesOfError(step.error)),
    ...(attempts !== undefined && { 'awsiam.step.attempts': attempts }),
    ...(propagationMs !== undefined && { 'awsiam.step.propagation_time': propagationMs / 1000 }),
    ...(resolution !== undefined && { 'awsiam.step.resolution': resolution }),
  };
}

function attributesOfError({ verdict, code }: StepError): TraceSpan['attributes'] {
  return { 'error.type': code, 'awsiam.verdict': verdict, 'awsiam.side': verdicts[verdict] };
}

/** The attempts of a step. If the evidence lists none, the only one is made from what it says about the last. */
function attemptsOf(step: RanStep): (Attempt & { readonly resends: number })[] {
  const { tries, attempts = 0, lastAttemptMs, httpStatus, requestId } = step.evidence;
  if (tries !== undefined) {
    const missing = Math.max(attempts - tries.length, 0);
    // Those that are missing are between the first and the last half.
    return tries.map((attempt, index) => ({ ...attempt, resends: index < tries.length / 2 ? index : index + missing }));
  }
  if (attempts !== 1 || lastAttemptMs === undefined) return [];
  const durationMs = Math.min(lastAttemptMs, step.durationMs);
  return [
    {
      offsetMs: step.durationMs - durationMs,
      durationMs,
      ...(httpStatus !== undefined && { httpStatus }),
      ...(requestId !== undefined && { requestId }),
      ...(step.state === 'failed' && { code: step.error.code }),
      resends: 0,
    },
  ];
}

function attributesOfAttempt(
  { httpStatus, requestId, code }: Attempt,
  { run, operation, resends }: { readonly run: MonitorRun; readonly operation: string; readonly resends: number },
): TraceSpan['attributes'] {
  return {
    'rpc.system.name': 'aws-api',
    'rpc.method': operation,
    ...(run.region !== undefined && { 'cloud.region': run.region }),
    ...(run.endpoint !== undefined && { 'server.address': run.endpoint }),
    ...(requestId !== undefined && { 'aws.request_id': requestId }),
    ...(httpStatus !== undefined && { 'http.response.status_code': httpStatus }),
    ...(resends > 0 && { 'http.request.resend_count': resends }),
    ...(code !== undefined && { 'error.type': code }),
  };
}
