import { formatMinute, formatSecond, formatTimes } from '../../text/time.ts';
import { formatCount, formatPart, formatPercent } from '../../text/number.ts';
import type { Overview } from '../../history/overview.ts';
import type { FailureGroup, Figures, RunTable, Share } from '../../history/run-table.ts';
import type { StateReport } from '../../history/state.ts';
import { verdicts } from '../../runner/step-result.ts';
import { formatDuration } from '../../text/duration.ts';
import { clip } from '../../text/redact.ts';
import { plural } from '../../text/printable.ts';
import { table } from './chart.ts';
import { html, type Html, type Part } from './html.ts';
import { describeMarks } from './timelines.ts';
import type { Frame, SlowRun } from './series.ts';
import { lengthOf, stateChart, stateWord, type StateSpan } from './states.ts';

const maxIncidents = 50;
const maxGroups = 50;
const maxTexts = 20;

/** The steps at a glance. */
export function renderSteps(
  { state }: Overview,
  figures: ReadonlyMap<string, Figures>,
  pictures: ReadonlyMap<string, Html>,
): Html {
  return table({
    caption: 'Each step now, and over the time of this report',
    isTight: true,
    columns: [
      { head: 'step', cell: ([name]: readonly [string, Figures]) => name },
      { head: 'state', cell: ([name]) => describeStepState(state.steps.find((step) => step.name === name)) },
      {
        head: 'over time',
        cell: ([name, { failedTheirs, failedOurs }]) =>
          html`${pictures.get(name)}<small>${describeFailedCounts(failedTheirs, failedOurs)}</small>`,
      },
      { head: 'median', cell: ([, { medianMs }]) => (medianMs === undefined ? '–' : formatDuration(medianMs)) },
      { head: 'p95', cell: ([, { p95Ms }]) => (p95Ms === undefined ? '–' : formatDuration(p95Ms)) },
      { head: 'availability', cell: ([, { availability }]) => withNumbers(availability, formatPart) },
      { head: 'coverage', cell: ([, { coverage }]) => withNumbers(coverage, formatTimes) },
    ],
    rows: [...figures],
  });
}

function describeStepState(step: StateReport['steps'][number] | undefined): Part {
  if (step === undefined) return '–';
  return html`${stateWord(step.state)}${step.sinceMs !== undefined && html`<br /><small>since ${formatMinute(step.sinceMs)}</small>`}`;
}

function withNumbers(share: Share, format: (share: Share) => string): Html {
  return html`${formatPercent(share)}<br /><small>${format(share)}</small>`;
}

function describeFailedCounts(theirs: number, ours: number): Part {
  if (theirs === 0 && ours === 0) return 'never failed';
  const parts = [
    ...(theirs > 0 ? [`${formatCount(theirs)} failed on IAM’s side`] : []),
    ...(ours > 0 ? [`${formatCount(ours)} failed on our side`] : []),
  ];
  return parts.map((part, index) => html`${index > 0 && html`<br />`}${part}`);
}

/** When the overall state was another than up, newest first. */
export function renderIncidents(spans: readonly StateSpan[], { table: runs }: Overview): Html {
  const all = spans.filter(({ state }) => state !== 'up').toReversed();
  const shown = all.slice(0, maxIncidents);
  const twin = table({
    caption:
      shown.length < all.length
        ? `The newest ${shown.length} of ${all.length} times in which IAM was not up`
        : 'Times in which IAM was not up, newest first',
    columns: [
      {
        head: 'from (UTC)',
        cell: ({ fromMs, isOlder }: StateSpan) => `${isOlder ? 'before ' : ''}${formatMinute(fromMs)}`,
      },
      { head: 'until (UTC)', cell: ({ toMs, isCurrent }) => (isCurrent ? 'now' : formatMinute(toMs)) },
      { head: 'state', cell: ({ state }) => stateWord(state) },
      { head: 'for', cell: lengthOf },
      { head: 'what failed', cell: (span) => describeFailures(runs, span) },
    ],
    rows: shown,
  });
  if (spans.length === 0) return html`<p>No state is known in this time.</p>`;
  return all.length === 0 ? html`<p>IAM was up all the time.</p>` : twin;
}

/** The overall state over time, for the top of the page. */
export function renderStates(spans: readonly StateSpan[], { window }: Overview): Part {
  return spans.length === 0 ? undefined : stateChart(spans, window, spanTable(spans));
}

/** All states of the chart, with those in which IAM was up. */
function spanTable(spans: readonly StateSpan[]): Html {
  const shown = spans.slice(-2 * maxIncidents);
  return table({
    caption:
      shown.length < spans.length ? `The newest ${shown.length} of ${spans.length} states` : 'All states, oldest first',
    columns: [
      { head: 'from (UTC)', cell: ({ fromMs }: StateSpan) => formatMinute(fromMs) },
      { head: 'state', cell: ({ state }) => state },
      { head: 'for', cell: lengthOf },
    ],
    rows: shown,
  });
}

function describeFailures(runs: RunTable, span: StateSpan): string {
  const parts = runs.stepNames.flatMap((step) =>
    Object.entries(runs.figures(step, span).failedBy).map(
      ([verdict, count]) => `${step} ${verdict}, ${plural(count, 'run')}`,
    ),
  );
  if (parts.length > 0) return parts.join('; ');
  if (span.state === 'degraded') return 'nothing: the steps were slow';
  return span.state === 'no fresh data' ? 'no runs' : 'nothing more';
}

export function renderSlowest(slowest: readonly SlowRun[]): Html {
  if (slowest.length === 0) return html`<p>No run passed.</p>`;
  return table({
    caption: 'The slowest runs that passed',
    columns: [
      { head: 'run (UTC)', cell: ({ runMs }: SlowRun) => formatSecond(runMs) },
      { head: 'whole run', cell: ({ durationMs }) => formatDuration(durationMs) },
      {
        head: 'its slowest step',
        cell: ({ slowestStep: { step, point } }) => `${step}, ${formatDuration(point.durationMs)}`,
      },
      { head: 'requests of this step', cell: ({ slowestStep: { point } }) => point.attempts },
      {
        head: 'its wait for propagation',
        cell: ({ slowestStep: { point } }) =>
          point.propagationMs === 0 ? 'none' : formatDuration(point.propagationMs),
      },
    ],
    rows: slowest,
  });
}

export function renderGroups(groups: readonly FailureGroup[]): Html {
  if (groups.length === 0) return html`<p>No step failed.</p>`;
  const shown = groups.slice(0, maxGroups);
  return table({
    caption:
      shown.length < groups.length
        ? `The ${shown.length} most frequent of ${groups.length} kinds of failures`
        : 'Failures by step, verdict and code',
    columns: [
      { head: 'step', cell: ({ step }: FailureGroup) => step },
      { head: 'verdict', cell: ({ verdict }) => verdict },
      { head: 'whose side', cell: ({ verdict }) => (verdicts[verdict] === 'theirs' ? 'IAM’s' : 'ours') },
      { head: 'code', cell: ({ code }) => html`<code>${clip(code, 80)}</code>` },
      { head: 'runs', cell: ({ count }) => formatCount(count) },
      { head: 'first (UTC)', cell: ({ first }) => formatMinute(first.runMs) },
      { head: 'last (UTC)', cell: ({ last }) => formatMinute(last.runMs) },
      {
        head: 'last request id',
        cell: ({ last }) => {
          const { requestId } = last.result.evidence;
          return requestId === undefined ? 'none' : html`<code>${clip(requestId, 80)}</code>`;
        },
      },
    ],
    rows: shown,
  });
}

/** What a reader must know to trust the figures. */
export function renderNotes({ lastRun, otherInstances, problems, skipped }: Overview, frame: Frame): Html {
  const leftovers = lastRun?.leftovers ?? [];
  const notes: Part[] = [
    ...(skipped > 0
      ? [
          `${plural(skipped, 'line')} of the history could not be read as ${skipped === 1 ? 'a run' : 'runs'} and ${skipped === 1 ? 'is' : 'are'} left out.`,
        ]
      : []),
    ...problems.slice(0, maxTexts).map((problem) => `A part of the history could not be read: ${clip(problem, 300)}.`),
    ...(otherInstances.length > 0
      ? [
          `The same history has runs of other instances, which this report leaves out: ${otherInstances
            .slice(0, maxTexts)
            .map((name) => clip(name, 80))
            .join(', ')}.`,
        ]
      : []),
    ...leftovers
      .slice(0, maxTexts)
      .map(
        ({ entity, reason, command }) =>
          html`The last run left ${clip(entity, 200)} behind
          (${clip(reason, 300)}).${command !== undefined && html` Remove it with <code>${clip(command, 500)}</code>`}`,
      ),
    ...(lastRun?.warnings ?? []).slice(0, maxTexts).map((warning) => `The last run warned: ${clip(warning, 300)}`),
    'Availability: of the runs that got IAM’s answer, those that passed. Failures on our side are in neither number.',
    'Coverage: of the time, the part that runs covered which could look. Failures on our side and missing runs lower it.',
    'Median, p95 and p99 are those of the runs that passed, by nearest rank. Blocked steps did not run, because an earlier step failed.',
    describeMarks(frame),
    html`The states and their rules are explained in <code>docs/state.md</code>, the verdicts and times in
      <code>docs/results.md</code>, the history in <code>docs/history.md</code>.`,
  ];
  return html`<ul class="notes">
    ${notes.map((note) => html`<li>${note}</li> `)}
  </ul>`;
}
