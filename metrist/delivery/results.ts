import type { MonitorRun } from '../../runner/monitor-run.ts';
import { describeStepError, toMetadata, toWireText, type Metadata } from '../result-text.ts';

interface ResultBody {
  readonly monitor_logical_name: string;
  readonly instance_name: string;
  readonly check_logical_name: string;
  readonly metadata: Metadata;
}

/** Body of `POST /api/agent/telemetry`. Metrist stamps it with the time of its arrival. */
export interface TelemetryBody extends ResultBody {
  /** Milliseconds. */
  readonly value: number;
}

/** Body of `POST /api/agent/error`. */
export interface ErrorBody extends ResultBody {
  /** The web application shows 30 characters of the first line, and the rest after a click. */
  readonly message: string;
  /** When the step failed: UTC with exactly six fraction digits, `2026-11-22T10:00:01.312000`. */
  readonly time: string;
  /** The steps after the failed one, in order; `[]` if there are none, never absent. */
  readonly blocked_steps: readonly string[];
}

/** One result in the form that Metrist expects. */
export type MetristResult =
  | { readonly kind: 'telemetry'; readonly body: TelemetryBody }
  | { readonly kind: 'error'; readonly body: ErrorBody };

/**
 * The results of a run, in step order: telemetry for each step that passed, an error for the one that failed, nothing for
 * a blocked or interrupted step.
 *
 * ```json
 * {"kind":"telemetry","body":{"monitor_logical_name":"awsiam","instance_name":"us-east-1",
 *   "check_logical_name":"CreateUser","value":84.25,"metadata":{"httpStatus":200,"attempts":1,"metrist.source":"monitor"}}}
 * {"kind":"error","body":{"monitor_logical_name":"awsiam","instance_name":"us-east-1","check_logical_name":"CreateGroup",
 *   "message":"service: CreateGroup failed: …\nWhat to do: …","time":"2026-11-22T10:00:01.312000",
 *   "metadata":{"verdict":"service","code":"ServiceFailure","httpStatus":500,"metrist.source":"monitor"},
 *   "blocked_steps":["AddUserToGroup","DeleteUser"]}}
 * ```
 *
 * @param instance where the run took place; Metrist shows it
 */
export function toMetristResults(run: MonitorRun, instance: string): MetristResult[] {
  return run.steps.flatMap((step, index): MetristResult[] => {
    switch (step.state) {
      case 'passed': {
        const common = commonFields(run.monitor, instance, step.name, toMetadata(step.evidence));
        return [{ kind: 'telemetry', body: { ...common, value: step.durationMs } }];
      }
      case 'failed': {
        const { verdict, code } = step.error;
        const body = {
          ...commonFields(run.monitor, instance, step.name, toMetadata(step.evidence, { verdict, code })),
          message: describeStepError(step.error),
          time: formatMetristTime(Date.parse(step.startedAt) + step.durationMs),
          blocked_steps: run.steps.slice(index + 1).map(({ name }) => toWireText(name)),
        };
        return [{ kind: 'error', body }];
      }
      case 'blocked':
      case 'interrupted':
        return [];
      default:
        return step satisfies never;
    }
  });
}

/** What every body contains. `metrist.source` marks an end-to-end test for Metrist. The Orchestrator sends it, too. */
export function commonFields(monitor: string, instance: string, check: string, metadata: Metadata): ResultBody {
  return {
    monitor_logical_name: toWireText(monitor),
    instance_name: toWireText(instance),
    check_logical_name: toWireText(check),
    metadata: { ...metadata, 'metrist.source': 'monitor' },
  };
}

/** With fewer than six fraction digits Metrist answers 202 and never lists the error. */
export function formatMetristTime(epochMs: number): string {
  return new Date(epochMs).toISOString().replace('Z', '000');
}

const timePattern = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}$/;

/**
 * Whether Metrist would store a result. To others it answers 202 and drops them, or answers 500. Source of the rules:
 * lib/domain/monitor/commands.ex, lib/domain/middleware/type_validation.ex and the projectors of Metrist-Software/backend.
 */
export function isStorable({ kind, body }: MetristResult): boolean {
  const isAddressed = [body.monitor_logical_name, body.instance_name, body.check_logical_name].every(isName);
  const hasMetadata = Object.entries(body.metadata).every(
    ([name, value]) => isCleanText(name) && (isCleanText(value) || Number.isFinite(value)),
  );
  if (!isAddressed || !hasMetadata) return false;
  if (kind === 'telemetry') return Number.isFinite(body.value);
  const { message, time, blocked_steps: blocked } = body;
  return isCleanText(message) && isTime(time) && Array.isArray(blocked) && blocked.every(isCleanText);
}

function isName(value: unknown): boolean {
  return isCleanText(value) && value !== '' && value.length <= 255;
}

function isCleanText(value: unknown): value is string {
  return typeof value === 'string' && !value.includes('\0') && value.isWellFormed();
}

function isTime(value: unknown): boolean {
  return typeof value === 'string' && timePattern.test(value) && !Number.isNaN(Date.parse(`${value.slice(0, 23)}Z`));
}
