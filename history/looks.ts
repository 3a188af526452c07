import type { MonitorRun } from '../runner/monitor-run.ts';
import { verdicts } from '../runner/step-result.ts';

/**
 * What a run says about IAM at one step: `passed` and `failed` are answers. `unreached` is one too, because IAM failed at an
 * earlier step. `blind`: a failure on our side, here or earlier, kept us from looking. `interrupted`: so did something outside.
 */
export type Look = 'passed' | 'failed' | 'unreached' | 'blind' | 'interrupted';

/** What a run says about each step, in the order of its steps. */
export function looksOf(run: MonitorRun): ReadonlyMap<string, Look> {
  const looks = new Map<string, Look>();
  /** What the next blocked step is blocked by. Without a cause, as for a step that was not selected, nobody looked. */
  let whenBlocked: Look = 'interrupted';
  for (const step of run.steps) {
    switch (step.state) {
      case 'passed':
        looks.set(step.name, 'passed');
        break;
      case 'failed': {
        const isOurs = verdicts[step.error.verdict] === 'ours';
        looks.set(step.name, isOurs ? 'blind' : 'failed');
        whenBlocked = isOurs ? 'blind' : 'unreached';
        break;
      }
      case 'interrupted':
        looks.set(step.name, 'interrupted');
        whenBlocked = 'interrupted';
        break;
      case 'blocked':
        looks.set(step.name, whenBlocked);
        break;
      default:
        step satisfies never;
    }
  }
  return looks;
}

/** Whether we know more about IAM after this look. */
export function couldLook(look: Look): boolean {
  return look === 'passed' || look === 'failed' || look === 'unreached';
}

/** When the last step of a run ended. Epoch, UTC. */
export function endOf(run: MonitorRun): number {
  return Date.parse(run.startedAt) + run.durationMs;
}
