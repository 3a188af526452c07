import type { Overview } from '../../history/overview.ts';
import { wholeRun, type Figures } from '../../history/run-table.ts';
import { formatDuration } from '../../text/duration.ts';
import { formatCount, formatPercent } from '../../text/number.ts';
import { plural } from '../../text/printable.ts';
import { formatTimes, formatUtc } from '../../text/time.ts';
import { describeSince, explainMetristDifference, explainState, headlineOf } from '../state-text.ts';
import { html, type Html, type Part } from './html.ts';
import { stateIcon } from './states.ts';

/** What the state means, what to do, and since when: sentences for a tired person. */
function leadOf(overview: Overview): string {
  const { state } = overview;
  const { meaning, advice } = explainState(overview) ?? {
    meaning: `The ${plural(state.steps.length, 'step')} ${state.steps.length === 1 ? 'works' : 'work'}.`,
  };
  const { state: word } = state.overall;
  const since = describeSince(overview);
  return [
    meaning,
    ...(advice === undefined ? [] : [advice]),
    ...(since === '' ? [] : [`${word.charAt(0).toUpperCase()}${word.slice(1)} ${since}.`]),
  ].join(' ');
}

/** The top of the page, with a picture of the states below the sentence. */
export function renderHeader(overview: Overview, generatedMs: number, states: Part): Html {
  const { instance, lastRun, window, state, table } = overview;
  const metrist = explainMetristDifference(overview);
  const where = [
    ['namespace', lastRun?.namespace],
    ['region', lastRun?.region],
    ['account', lastRun?.account],
  ] as const;
  return html`<header>
    <p class="where">
      <b>${lastRun?.monitor ?? 'awsiam'}${instance !== undefined && ` at ${instance}`}</b>${where.map(
        ([name, value]) => value !== undefined && ` · ${name} ${value}`,
      )}<br />${formatUtc(window.fromMs)} to ${formatUtc(window.toMs)} · generated
      <time datetime="${new Date(generatedMs).toISOString()}">${formatUtc(generatedMs)}</time>
    </p>
    <h1>${stateIcon(state.overall.state, 38)} ${headlineOf(overview)}</h1>
    <p class="lead">${leadOf(overview)}</p>
    ${metrist !== undefined && html`<p class="lead">${metrist}</p>`} ${states}
    ${table.stepNames.length > 0 && renderKeyFigures(table.figures(wholeRun, window))}
  </header> `;
}

function renderKeyFigures({
  availability,
  coverage,
  runs,
  failedTheirs,
  failedOurs,
  interrupted,
  medianMs,
  p95Ms,
}: Figures): Html {
  return html`<dl class="key-figures">
    <div>
      <dt>Availability of whole runs</dt>
      <dd>${formatPercent(availability)}</dd>
      <dd class="of">
        ${formatCount(availability.part)} of ${formatCount(availability.of)} runs with IAM’s answer passed
      </dd>
    </div>
    <div>
      <dt>Coverage</dt>
      <dd>${formatPercent(coverage)}</dd>
      <dd class="of">could look for ${formatTimes(coverage)}</dd>
    </div>
    <div>
      <dt>Time of a whole run</dt>
      <dd>${medianMs === undefined ? '–' : formatDuration(medianMs)}</dd>
      <dd class="of">${p95Ms === undefined ? 'no run passed' : `median; p95 is ${formatDuration(p95Ms)}`}</dd>
    </div>
    <div>
      <dt>Runs</dt>
      <dd>${formatCount(runs)}</dd>
      <dd class="of">
        ${formatCount(failedTheirs)} failed on IAM’s side, ${formatCount(failedOurs)} on ours,
        ${formatCount(interrupted)} interrupted
      </dd>
    </div>
  </dl>`;
}
