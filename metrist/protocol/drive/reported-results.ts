import type { MetristResult } from '../../delivery/results.ts';
import type { DriveReport, DrivenStep } from './drive-report.ts';

export interface ReportedAs {
  /** The monitor's logical name. */
  readonly monitor: string;
  /** Where the run took place, as Metrist shall show it. */
  readonly instance: string;
  /** When an error is posted. */
  readonly now: Date;
}

/**
 * What the Orchestrator would post after a run, in order: telemetry for each step that passed, an error for the one that
 * failed, with the steps that it blocks. Of steps that were lost, or never ran, it says nothing.
 */
export function toReportedResults({ steps }: Pick<DriveReport, 'steps'>, as: ReportedAs): MetristResult[] {
  return steps.flatMap((step, index): MetristResult[] => {
    switch (step.state) {
      case 'passed':
        return [{ kind: 'telemetry', body: { ...describe(step, as), value: step.durationMs, ...metadataOf(step) } }];
      case 'failed': {
        const body = {
          ...describe(step, as),
          message: step.text,
          // Six digits: with fewer Metrist answers 202 and never lists the error.
          time: as.now.toISOString().replace('Z', '000'),
          ...metadataOf(step),
          blocked_steps: steps.slice(index + 1).map(({ name }) => name),
        };
        return [{ kind: 'error', body }];
      }
      case 'blocked':
      case 'lost':
      case 'notRun':
        return [];
      default:
        return step satisfies never;
    }
  });
}

function describe({ name }: DrivenStep, { monitor, instance }: ReportedAs) {
  return { monitor_logical_name: monitor, instance_name: instance, check_logical_name: name };
}

/** The Orchestrator's own entry wins over the monitor's. */
function metadataOf({ metadata }: Extract<DrivenStep, { state: 'passed' | 'failed' }>) {
  return { metadata: { ...metadata, 'metrist.source': 'monitor' } };
}
