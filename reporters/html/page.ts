import type { Overview } from '../../history/overview.ts';
import { formatDuration } from '../../text/duration.ts';
import { formatPart, formatPercent } from '../../text/number.ts';
import { headlineOf } from '../state-text.ts';
import { sharedDefinitions } from './chart.ts';
import { renderFailure } from './failure.ts';
import { renderCalendar, renderDistribution } from './grids.ts';
import { html, type Part } from './html.ts';
import { renderHeader } from './header.ts';
import { renderGroups, renderIncidents, renderNotes, renderSlowest, renderStates, renderSteps } from './lists.ts';
import { readReportData } from './series.ts';
import { stateSpans } from './states.ts';
import { styleElement } from './style.ts';
import { renderMiniTimelines, renderRetries, renderTimelines } from './timelines.ts';

export interface ReportOptions {
  /** When the page is made. Epoch, UTC. */
  readonly generatedMs: number;
  /** The version of this product. */
  readonly version: string;
  /** The service's name of each step's call, where it differs from the step's. */
  readonly operations: Readonly<Record<string, string>>;
}

/**
 * Renders the report as one self-contained HTML page, which is well-formed XML, too. It has no script, and nothing in it is
 * loaded from elsewhere. Its pictures are SVG with presentation attributes, so they stay intact where a content-security
 * policy forbids CSS.
 *
 * ```html
 * <!doctype html>
 * <html lang="en"><head>…<title>IAM is up: awsiam at us-east-1</title>…</head>
 * <body>…<h1>IAM is up</h1>
 * <p class="lead">The 8 steps work. Up since 2026-11-20 04:36 UTC (2 days 7 h).</p>…
 * ```
 */
export function renderReport(overview: Overview, options: ReportOptions): string {
  const { mode, instance, table, window, lastRun } = overview;
  const isRehearsal = mode === 'offline';
  const data = readReportData(overview);
  const spans = stateSpans(overview);
  const failure = renderFailure(overview, options.operations);
  const title = `${isRehearsal ? 'Rehearsal: ' : ''}${headlineOf(overview)}: ${lastRun?.monitor ?? 'awsiam'}${instance === undefined ? '' : ` at ${instance}`}`;
  const describeStep = (step: string): string => {
    const { availability, medianMs, p95Ms } = data.figures.get(step) ?? table.figures(step, window);
    const times =
      medianMs === undefined || p95Ms === undefined
        ? 'no run passed'
        : `median ${formatDuration(medianMs)}, p95 ${formatDuration(p95Ms)}`;
    return `${times}, availability ${formatPercent(availability)} (${formatPart(availability)})`;
  };
  const charts: readonly (readonly [id: string, title: string, body: Part])[] =
    table.stepNames.length === 0
      ? []
      : [
          ['incidents', 'Incidents', renderIncidents(spans, overview)],
          ['steps', 'Steps', renderSteps(overview, data.figures, renderMiniTimelines(data.steps, data.frame))],
          ['timelines', 'Each step over time', renderTimelines(data.steps, data.frame, spans, describeStep)],
          ['calendar-section', 'Availability and coverage', renderCalendar(table, window)],
          ['distribution-section', 'How long the steps take', renderDistribution(data.steps)],
          ['slowest', 'Slowest runs', renderSlowest(data.slowest)],
          ['failures', 'Failures by kind', renderGroups(table.failureGroups)],
          ['retries-section', 'Retries and throttling', renderRetries(data.steps, data.frame)],
        ];
  const sections = [...charts, ['notes', 'Notes', renderNotes(overview, data.frame)] as const];
  const links = [...(failure === undefined ? [] : [['failure', 'Failure'] as const]), ...sections];
  return `<!doctype html>
${
  html`<html lang="en">
    <head>
      <meta charset="utf-8" />
      <meta name="viewport" content="width=device-width, initial-scale=1" />
      <title>${title}</title>
      ${styleElement}
    </head>
    <body>
      ${
        isRehearsal &&
        html`<aside class="rehearsal" aria-label="Rehearsal">
          <b>This is a rehearsal.</b> Its runs were offline, over a mock. It says nothing about AWS.
        </aside>`
      }
      <div class="wrap">
        ${renderHeader(overview, options.generatedMs, table.stepNames.length > 0 && renderStates(spans, overview))}${sharedDefinitions}
        <nav aria-label="Sections">
          <ul>
            ${links.map(([id, name]) => html`<li><a href="#${id}">${name}</a></li> `)}
          </ul>
        </nav>
        <main>
          ${failure}${sections.map(
            ([id, name, body]) =>
              html`<section aria-labelledby="${id}">
                <h2 id="${id}">${name}</h2>
                ${body}
              </section> `,
          )}
        </main>
        <footer>Made by awsiam ${options.version}. All times are UTC.</footer>
      </div>
    </body>
  </html> `.markup
}`;
}
