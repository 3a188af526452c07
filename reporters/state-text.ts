import { endOf } from '../history/looks.ts';
import type { Overview } from '../history/overview.ts';
import type { Failure } from '../history/run-table.ts';
import type { OverallState, StepState } from '../history/state.ts';
import type { MonitorRun } from '../runner/monitor-run.ts';
import { formatAge } from '../text/duration.ts';
import { oneLine } from '../text/printable.ts';
import { formatUtc, hourMs } from '../text/time.ts';

/** What the status, the report and the summary say about a state, in the same words. */
export interface StateExplanation {
  readonly meaning: string;
  /** Absent if there is nothing to do. */
  readonly advice?: string;
}

const maxNameLength = 60;

/** The state in a few words: `IAM is up`. */
export function headlineOf({
  state,
  mode,
  lastRun,
}: Pick<Overview, 'state' | 'mode'> & { readonly lastRun?: MonitorRun }): string {
  const subject = mode === 'offline' ? 'The rehearsed IAM' : 'IAM';
  const { overall } = state;
  switch (overall.state) {
    case 'up':
    case 'degraded':
    case 'down':
      return `${subject} is ${overall.state}`;
    case 'issues':
      return `${subject} has issues`;
    case 'blind':
      return 'The monitor is blind';
    case 'no fresh data':
      return lastRun === undefined ? 'There has been no run yet' : 'There is no fresh data';
    default:
      return overall.state satisfies never;
  }
}

/** `since 2026-11-20 08:14 UTC (6 days 4 h)`. Empty if that is not known. */
export function describeSince({ state, nowMs }: Overview): string {
  const { sinceMs } = state.overall;
  return sinceMs === undefined ? '' : `since ${formatUtc(sinceMs)} (${formatAge(nowMs - sinceMs)})`;
}

/** What the overall state means and what to do, one sentence each. Absent if all is well. */
export function explainState(overview: Overview): StateExplanation | undefined {
  const { state, lastRun, nowMs } = overview;
  const followBelow = 'Follow "What to do" of the failure';
  switch (state.overall.state) {
    case 'up':
      return lastRun?.state === 'failed'
        ? { meaning: 'The last run failed, but one failure alone does not change the state.' }
        : undefined;
    case 'degraded':
      return {
        meaning: `IAM works, but ${namesOf(overview, 'degraded')} took more than five times as long as usual.`,
        advice: 'Check the AWS Health Dashboard, and the retries and propagation times in the results.',
      };
    case 'issues': {
      const parts = [
        [namesOf(overview, 'down'), 'down'],
        [namesOf(overview, 'blocked'), 'blocked'],
        [namesOf(overview, 'blind'), 'not seen because of failures on our side'],
      ] as const;
      const known = parts.filter(([names]) => names !== '').map(([names, what]) => `${names} ${what}`);
      return {
        meaning: `A part of IAM does not work: ${known.join(', ')}.`,
        advice: `${followBelow}, and give its request id to AWS support.`,
      };
    }
    case 'down':
      return {
        meaning: 'IAM does not work, or the network on the way to it: every step is down or blocked.',
        advice: `${followBelow}, and give its request id to AWS support.`,
      };
    case 'blind':
      return {
        meaning: `The monitor runs, but failures on our side keep it from looking at ${namesOf(overview, 'blind')}. IAM may be up or down.`,
        advice: `${followBelow}.`,
      };
    case 'no fresh data': {
      if (lastRun === undefined) return { meaning: 'No run is on record.', advice: 'Start one.' };
      const intervalMs = lastRun.intervalSecs * 1000;
      // The state begins three intervals after the last run that says something.
      const isRunning = endOf(lastRun) > nowMs - 3 * intervalMs;
      return isRunning
        ? {
            meaning: 'The monitor starts, but its last runs were interrupted or ran no step. IAM may be up or down.',
            advice: 'Find out what stops the runs.',
          }
        : {
            meaning: `No run has ended for ${formatAge(nowMs - endOf(lastRun))}; one is due every ${formatAge(intervalMs)}. IAM may be up or down.`,
            advice: 'Find out why the monitor does not run: cron, systemd, the host.',
          };
    }
    default:
      return state.overall.state satisfies never;
  }
}

const rank: Readonly<Record<string, number>> = { up: 0, degraded: 1, issues: 2, down: 3 };

/**
 * What Metrist's rules say about the same runs, and why, if that differs from our state:
 * `Metrist's rules say down: they count failures on our side as errors.`
 */
export function explainMetristDifference({ mode, state, metrist }: Overview): string | undefined {
  const ours = state.overall.state;
  const theirs = metrist.monitor;
  // Offline runs are not sent. Without any result, both know nothing.
  if (mode === 'offline' || theirs === undefined || ours === theirs) return undefined;
  return `Metrist's rules say ${theirs}: ${whyMetristDiffers(ours, theirs)}.`;
}

function whyMetristDiffers(ours: OverallState, theirs: OverallState): string {
  if (ours === 'no fresh data') return 'for them, silence changes nothing';
  const isWorse = (rank[theirs] ?? 0) > (rank[ours] ?? 0);
  if (ours === 'blind' && !isWorse) return 'for them, only errors within one hour count';
  if (isWorse) return 'they count failures on our side as errors';
  return 'for them, the steps that passed in an interrupted run count';
}

/**
 * The failures behind the present state, in the order of the steps: the last one of each step that is down, or at which a
 * failure on our side keeps the monitor from looking.
 */
export function currentFailures({ state, table }: Overview): readonly Failure[] {
  return state.steps.flatMap(({ name, state: stepState, sinceMs }) => {
    if (stepState !== 'down' && stepState !== 'blind') return [];
    const last = table.failures.findLast(({ result }) => result.name === name);
    // An older one has nothing to do with this state.
    return last !== undefined && last.endMs > sinceMs - hourMs ? [last] : [];
  });
}

/** `CreateUser`, `CreateUser and CreateGroup`, `CreateUser, CreateGroup and DeleteUser`, `5 of 8 steps`. */
function namesOf({ state: { steps } }: Overview, ...states: readonly StepState[]): string {
  const names = steps.filter(({ state }) => states.includes(state)).map(({ name }) => oneLine(name, maxNameLength));
  if (names.length > 3 && names.length === steps.length) return `all ${steps.length} steps`;
  if (names.length > 3) return `${names.length} of ${steps.length} steps`;
  return new Intl.ListFormat('en-GB', { type: 'conjunction' }).format(names);
}
