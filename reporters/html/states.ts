import { formatMinute } from '../../text/time.ts';
import { formatAge } from '../../text/duration.ts';
import type { Overview, StateChange } from '../../history/overview.ts';
import type { Window } from '../../history/run-table.ts';
import type { OverallState, StepState } from '../../history/state.ts';
import { chart, noRunsFill, plot, px, timeAxis, timeScale } from './chart.ts';
import { html, type Html, type Part } from './html.ts';
import { paint, type Colour } from './style.ts';

export type AnyState = OverallState | StepState;

/** A time in which the overall state was the same. */
export interface StateSpan extends Window {
  readonly state: OverallState;
  /** It began before the time of the report. */
  readonly isOlder: boolean;
  readonly isCurrent: boolean;
}

/** The states of the time of the report, oldest first. */
export function stateSpans({ changes, window, nowMs, state }: Overview): StateSpan[] {
  const last = changes.at(-1);
  const { overall } = state;
  // Silence changes the state although no run does.
  const all: StateChange[] =
    last === undefined || last.state === overall.state
      ? [...changes]
      : [...changes, { state: overall.state, atMs: overall.sinceMs ?? nowMs }];
  return all.flatMap((change, index) => {
    const toMs = Math.min(all[index + 1]?.atMs ?? nowMs, window.toMs);
    const isOlder = change.atMs < window.fromMs;
    const fromMs = Math.max(change.atMs, window.fromMs);
    return toMs <= fromMs ? [] : [{ state: change.state, fromMs, toMs, isOlder, isCurrent: index === all.length - 1 }];
  });
}

/** How long a span lasted, as the minutes of its beginning and end say that stand beside it. */
export function lengthOf({ fromMs, toMs }: Window): string {
  const minutes = Math.floor(toMs / 60_000) - Math.floor(fromMs / 60_000);
  return formatAge(minutes === 0 ? toMs - fromMs : minutes * 60_000);
}

/** The colour of a state, and the one behind a chart while it lasts. */
export function stateColour(state: AnyState): { readonly strong: Colour; readonly shade?: Colour } {
  switch (state) {
    case 'up':
      return { strong: 'up' };
    case 'degraded':
      return { strong: 'degraded', shade: 'shadeDegraded' };
    case 'issues':
    case 'down':
      return { strong: 'theirs', shade: 'shadeTheirs' };
    case 'blind':
      return { strong: 'ours', shade: 'shadeOurs' };
    case 'blocked':
    case 'no fresh data':
      return { strong: 'blocked' };
    default:
      return state satisfies never;
  }
}

/** A sign for a state. Each has a shape of its own. The word always stands beside it. */
export function stateIcon(state: AnyState, size: number): Html {
  const { strong } = stateColour(state);
  return html`<svg width="${size}" height="${size}" viewBox="0 0 20 20" aria-hidden="true">
    ${iconShape(state, strong)}
  </svg>`;
}

function iconShape(state: AnyState, colour: Colour): Html {
  const ring = html`<circle cx="10" cy="10" r="8.5" ${paint({ stroke: colour })} stroke-width="2.5" />`;
  switch (state) {
    case 'up':
      return html`<circle cx="10" cy="10" r="9.5" ${paint({ fill: 'goodSign' })} /><path
          d="M5.5 10.5l3 3l6-6.5"
          ${paint({ stroke: 'page' })}
          stroke-width="2.4"
        />`;
    case 'degraded':
      return html`<path d="M10 1L19.5 18.5H.5z" ${paint({ fill: 'degraded' })} /><path
          d="M10 7v6M10 14.5v2"
          ${paint({ stroke: 'onAmber' })}
          stroke-width="2.2"
        />`;
    case 'issues':
    case 'down':
      return html`<rect x=".5" y=".5" width="19" height="19" rx="3" ${paint({ fill: 'theirs' })} /><path
          d="M5.5 5.5l9 9m0-9l-9 9"
          ${paint({ stroke: 'page' })}
          stroke-width="2.6"
        />`;
    case 'blind':
      return html`<path d="M10 .5l9.5 9.5l-9.5 9.5l-9.5-9.5z" ${paint({ fill: 'ours' })} /><path
          d="M5 10h10"
          ${paint({ stroke: 'page' })}
          stroke-width="2.6"
        />`;
    case 'blocked':
      return html`${ring}<path d="M4 16L16 4" ${paint({ stroke: colour })} stroke-width="2.5" />`;
    case 'no fresh data':
      return html`${ring}<path d="M10 5v5.5h4" ${paint({ stroke: colour })} stroke-width="2.2" />`;
    default:
      return state satisfies never;
  }
}

export function stateWord(state: AnyState): Html {
  return html`<span class="state">${stateIcon(state, 14)} ${state}</span>`;
}

/** Times in which something was wrong, behind the marks of a chart over time. */
export function shadeStates(spans: readonly StateSpan[], window: Window, top: number, bottom: number): Part {
  const at = timeScale(window);
  return spans.map(({ state, fromMs, toMs }) => {
    const { shade } = stateColour(state);
    if (shade === undefined) return undefined;
    const width = Math.max(1, at(toMs) - at(fromMs)).toFixed(1);
    return html`<rect
      x="${at(fromMs)}"
      y="${top}"
      width="${width}"
      height="${bottom - top}"
      ${paint({ fill: shade })}
    /> `;
  });
}

/**
 * The overall state over time: a thin line while IAM is up, a tall block while it is not, so that form says what colour says.
 */
export function stateChart(spans: readonly StateSpan[], window: Window, twin: Html): Html {
  const at = timeScale(window);
  const [top, bottom] = [38, 70];
  /** Where the labels of the two rows end. */
  const ends = [0, 0];
  const blocks = spans.map(({ state, fromMs, toMs }) => {
    const x = at(fromMs);
    const width = Math.max(2, Math.round((at(toMs) - x) * 10) / 10);
    const what = html`<title>
      ${state}: ${formatMinute(fromMs)} to ${formatMinute(toMs)} UTC, ${lengthOf({ fromMs, toMs })}
    </title>`;
    if (state === 'up') {
      return html`<rect x="${x}" y="${bottom - 9}" width="${width}" height="6" ${paint({ fill: 'up' })}
        >${what}</rect
      > `;
    }
    const fill = state === 'no fresh data' ? noRunsFill : paint({ fill: stateColour(state).strong });
    const text = `${state}, ${lengthOf({ fromMs, toMs })}`;
    const textWidth = text.length * 6.4 + 10;
    const textX = Math.min(x, plot.right + 60 - textWidth);
    const row = ends.findIndex((end) => textX >= end);
    if (row >= 0) ends[row] = textX + textWidth;
    return html`<rect x="${x}" y="${top}" width="${width}" height="${bottom - top}" ${fill}>${what}</rect>${
        row >= 0 && html`<text x="${px(textX)}" y="${top - 7 - row * 15}" ${paint({ fill: 'ink' })}>${text}</text>`
      } `;
  });
  return chart({
    id: 'state',
    title: 'Overall state over time',
    description: describeSpans(spans),
    height: 100,
    body: html`${timeAxis(window, top, bottom + 6)}${blocks}`,
    twin,
  });
}

function describeSpans(spans: readonly StateSpan[]): string {
  const bad = spans.filter(({ state }) => state !== 'up');
  if (spans.length === 0) return 'There is no state in this time.';
  if (bad.length === 0) return 'IAM was up all the time.';
  const [first] = bad;
  return `A line while IAM was up, and ${bad.length === 1 ? 'one block' : `${bad.length} blocks`} for other states, the first from ${formatMinute(first?.fromMs ?? 0)} UTC.`;
}
