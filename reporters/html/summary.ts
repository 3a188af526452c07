import type { Overview } from '../../history/overview.ts';
import { wholeRun } from '../../history/run-table.ts';
import { verdicts } from '../../runner/step-result.ts';
import { formatDuration } from '../../text/duration.ts';
import { plural } from '../../text/printable.ts';
import { formatCount, formatLength, formatMoment, formatPercent, formatTimes } from './format.ts';
import { html, type Html, type Part } from './html.ts';
import type { ReportOptions } from './page.ts';
import { stateIcon } from './states.ts';

/** The state in a few words: `IAM is up`. */
export function headlineOf({ state, mode, lastRun }: Overview): string {
  const subject = mode === 'offline' ? 'The rehearsed IAM' : 'IAM';
  const { overall } = state;
  switch (overall.state) {
    case 'up':
      return `${subject} is up`;
    case 'degraded':
      return `${subject} is degraded`;
    case 'issues':
      return `${subject} has issues`;
    case 'down':
      return `${subject} is down`;
    case 'blind':
      return 'The monitor cannot look';
    case 'no fresh data':
      return lastRun === undefined ? 'There has been no run yet' : 'There is no fresh data';
    default:
      return overall.state satisfies never;
  }
}

/** What the state means, and since when: sentences for a tired person. */
export function explainState(overview: Overview): string {
  const { state, lastRun, nowMs } = overview;
  const { sinceMs } = state.overall;
  const since = sinceMs === undefined ? '' : ` since ${formatMoment(sinceMs)} (${formatLength(nowMs - sinceMs)})`;
  const named = (...wanted: readonly string[]): string =>
    joinNames(state.steps.filter((step) => wanted.includes(step.state)).map(({ name }) => name));
  const blocked = state.steps.filter((step) => step.state === 'blocked').length;
  const cannotRun = blocked === 0 ? '' : ` ${blocked === 1 ? 'One step' : `${blocked} steps`} after it cannot run.`;
  const down = state.steps.filter((step) => step.state === 'down').length;
  const failing = down === 0 ? 'A step fails.' : `${named('down')} ${down === 1 ? 'fails' : 'fail'}.`;
  const blind = named('blind');
  const cannotLook = blind === '' ? '' : ` Failures on our side keep the monitor from looking at ${blind}.`;
  switch (state.overall.state) {
    case 'up': {
      const steps = plural(state.steps.length, 'step');
      return lastRun?.state === 'failed'
        ? `It has been up${since}. The last run failed, but one failure alone changes nothing.`
        : `The ${steps === '1 step' ? 'one step works' : `${steps} work`}. IAM has been up${since}.`;
    }
    case 'degraded': {
      const slow = named('degraded');
      return `IAM works, but ${slow === '' ? 'a step' : slow} took more than five times as long as usual. It has been degraded${since}.`;
    }
    case 'issues':
      return `${failing}${cannotRun}${cannotLook} It has been so${since}.`;
    case 'down':
      return `${failing}${cannotRun} IAM has been down${since}.`;
    case 'blind':
      return `${describeOwnFailure(overview)} That is on our side: IAM may be up or down. It has been so${since}.`;
    case 'no fresh data':
      return sinceMs === undefined || lastRun === undefined
        ? 'Start one, and look again.'
        : `No run has ended that could tell${since}. IAM may be up or down. Find out why the monitor does not run.`;
    default:
      return state.overall.state satisfies never;
  }
}

function describeOwnFailure({ table, lastRun }: Overview): string {
  const inLastRun = lastRun?.steps.find((step) => step.state === 'failed');
  const failure =
    inLastRun !== undefined && verdicts[inLastRun.error.verdict] === 'ours'
      ? inLastRun
      : table.failures.findLast(({ result }) => verdicts[result.error.verdict] === 'ours')?.result;
  if (failure === undefined) return 'Runs fail before they can ask IAM.';
  const { code, verdict } = failure.error;
  return `${failure.name} fails with ${code} (${verdict}).`;
}

/** What Metrist's own rules say, where they differ. */
export function describeMetrist({ mode, metrist, state }: Overview): string | undefined {
  if (mode === 'offline' || metrist.monitor === undefined || metrist.monitor === state.overall.state) return undefined;
  const reason =
    state.overall.state === 'no fresh data'
      ? 'silence changes nothing there'
      : 'failures on our side count as errors there';
  return `Metrist shows “${metrist.monitor}” instead, because ${reason}.`;
}

function joinNames(names: readonly string[]): string {
  if (names.length <= 1) return names.join('');
  return `${names.slice(0, -1).join(', ')} and ${names.at(-1) ?? ''}`;
}

/** The top of the page, with a picture of the states below the sentence. */
export function renderHeader(overview: Overview, { generatedMs }: ReportOptions, states: Part): Html {
  const { instance, lastRun, window, state, table } = overview;
  const whole = table.figures(wholeRun, window);
  const { availability, coverage } = whole;
  const metrist = describeMetrist(overview);
  const where = [
    ['namespace', lastRun?.namespace],
    ['region', lastRun?.region],
    ['account', lastRun?.account],
  ] as const;
  return html`<header>
    <p class="where">
      <b>${lastRun?.monitor ?? 'awsiam'}${instance !== undefined && ` at ${instance}`}</b>${where.map(
        ([name, value]) => value !== undefined && ` · ${name} ${value}`,
      )}<br />${formatMoment(window.fromMs)} to ${formatMoment(window.toMs)} · generated
      <time datetime="${new Date(generatedMs).toISOString()}">${formatMoment(generatedMs)}</time>
    </p>
    <h1>${stateIcon(state.overall.state, 38)} ${headlineOf(overview)}</h1>
    <p class="lead">${explainState(overview)}</p>
    ${metrist !== undefined && html`<p class="lead">${metrist}</p>`} ${states}
    <dl class="key-figures">
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
        <dd>${whole.medianMs === undefined ? '–' : formatDuration(whole.medianMs)}</dd>
        <dd class="of">
          ${whole.p95Ms === undefined ? 'no run passed' : `median; p95 is ${formatDuration(whole.p95Ms)}`}
        </dd>
      </div>
      <div>
        <dt>Runs</dt>
        <dd>${formatCount(whole.runs)}</dd>
        <dd class="of">
          ${formatCount(whole.failedTheirs)} failed on IAM’s side, ${formatCount(whole.failedOurs)} on ours,
          ${formatCount(whole.interrupted)} interrupted
        </dd>
      </div>
    </dl>
  </header> `;
}
