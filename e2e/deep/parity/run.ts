import type { RunRecord } from '../../../history/run-record.ts';
import type { MetristResult } from '../../../metrist/delivery/results.ts';
import type { DrivenStep } from '../../../metrist/protocol/drive/drive-report.ts';
import type { Metadata } from '../../../metrist/result-text.ts';
import type { Leftover } from '../../../runner/monitor-run.ts';
import type { Evidence, StepResult } from '../../../runner/step-result.ts';

/** The results that must be the same in all ways of running a scenario. */
export interface ParityRun {
  /** Whether the exit code says that all is well. */
  readonly isGood: boolean;
  readonly steps: readonly ParityStep[];
  /** One line for each leftover, as in the Orchestrator's log. */
  readonly leftovers: readonly string[];
  readonly warnings: readonly string[];
  /** What went wrong outside the steps. */
  readonly problems: readonly string[];
}

/** What must also be the same in the ways that call the mock's server. */
export interface LiveParityRun extends ParityRun {
  /** What is left in the account. */
  readonly account: { readonly users: readonly string[]; readonly groups: readonly string[] };
  readonly reported: readonly MetristResult[];
  /** The line in the history. */
  readonly record: RunRecord;
}

type ParityStep =
  | { readonly state: 'passed'; readonly name: string; readonly evidence: Evidence | Metadata }
  | {
      readonly state: 'failed';
      readonly name: string;
      readonly evidence: Evidence | Metadata;
      readonly error: {
        readonly verdict: unknown;
        readonly code: unknown;
        readonly message: string;
        readonly advice: string;
      };
    }
  | { readonly state: 'blocked'; readonly name: string }
  | { readonly state: 'interrupted' | 'lost' | 'notRun'; readonly name: string };

/** A step in the results of vitest's reporters. */
export function fromStepResult(step: StepResult): ParityStep {
  switch (step.state) {
    case 'passed':
      return { state: 'passed', name: step.name, evidence: flatOf(step.evidence) };
    case 'failed': {
      const { verdict, code, message, advice } = step.error;
      const evidence = flatOf(step.evidence);
      return { state: 'failed', name: step.name, evidence, error: { verdict, code, message, advice } };
    }
    case 'blocked':
    case 'interrupted':
      return { state: step.state, name: step.name };
    default:
      return step satisfies never;
  }
}

/** The evidence that Metrist and the Orchestrator's protocol carry as well. */
function flatOf(evidence: Evidence): Evidence {
  const { tries: _, ...flat } = evidence;
  return flat;
}

/** A step in the results of the Orchestrator. */
export function fromDrivenStep(step: DrivenStep): ParityStep {
  switch (step.state) {
    case 'passed':
      return { state: 'passed', name: step.name, evidence: step.metadata };
    case 'failed': {
      const { verdict, code, ...evidence } = step.metadata;
      const [, first = '', message = '', advice = ''] =
        /^(\w+): ([^]*)\nWhat to do: ([^]*)$/.exec(step.text) ?? ([] as string[]);
      // The text and the metadata of a failure must name the same verdict.
      const shown = first === verdict ? verdict : `${first} in the text, ${verdict} in the metadata: ${step.text}`;
      return { state: 'failed', name: step.name, evidence, error: { verdict: shown, code, message, advice } };
    }
    case 'blocked':
    case 'lost':
    case 'notRun':
      return { state: step.state, name: step.name };
    default:
      return step satisfies never;
  }
}

export const leftoverPrefix = 'left behind: ';

/** A leftover as in the Orchestrator's log, without the prefix. */
export function describeLeftover({ entity, reason, command }: Leftover): string {
  return `${entity} (${reason}); remove it with: ${command}`;
}
