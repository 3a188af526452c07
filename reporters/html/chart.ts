import { dayMs, formatMinute } from '../../text/time.ts';
import { scaleUtc } from 'd3-scale';
import type { Window } from '../../history/run-table.ts';
import { html, type Html, type Part } from './html.ts';
import { paint, type Colour } from './style.ts';

/** All charts have the same width, and their marks lie between these sides. */
export const chartWidth = 960;
export const plot = { left: 66, right: 862 } as const;

/** A coordinate, short: a tenth of a pixel is enough. */
export function px(value: number): number {
  return Math.round(value * 10) / 10;
}

export interface Column<Row> {
  readonly head: string;
  readonly cell: (row: Row) => Part;
}

interface TableOptions<Row> {
  readonly caption: string;
  /** The first column names the row. */
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  /** Whether all columns but the first hold numbers, which stand at the right. */
  readonly isFigures?: boolean;
  /** Whether no cell is wrapped. */
  readonly isTight?: boolean;
}

/** A table that scrolls inside its own box if it is too wide, also with the keyboard. */
export function table<Row>({ caption, columns, rows, isFigures = false, isTight = false }: TableOptions<Row>): Html {
  const cells = (row: Row): Part =>
    columns.map(({ cell }, index) =>
      index === 0 ? html`<th scope="row">${cell(row)}</th>` : html`<td>${cell(row)}</td>`,
    );
  return html`<div class="scroll" tabindex="0" role="group" aria-label="${`Table: ${caption}`}">
    <table cellpadding="5" ${isFigures && html` class="figures"`}${isTight && html` class="tight"`}>
      <caption>
        ${caption}
      </caption>
      <thead>
        <tr>
          ${columns.map(({ head }) => html`<th scope="col">${head}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (row) =>
            html`<tr>
              ${cells(row)}
            </tr> `,
        )}
      </tbody>
    </table>
  </div>`;
}

interface ChartOptions {
  /** Unique in the page. */
  readonly id: string;
  readonly title: string;
  /** What the picture shows, for a person who does not see it. */
  readonly description: string;
  readonly height: number;
  readonly body: Part;
  /** The same numbers. */
  readonly twin: Html;
  /** Whether the twin is too long to be printed. */
  readonly isLong?: boolean;
}

/** A picture, and below it the table with the same numbers, which opens without JavaScript. */
export function chart({ id, title, description, height, body, twin, isLong = false }: ChartOptions): Html {
  return html`<figure>
<div class="scroll" tabindex="0" role="group" aria-label="${`Chart: ${title}`}">
<svg width="${chartWidth}" height="${height}" viewBox="0 0 ${chartWidth} ${height}" role="img" aria-labelledby="${id}-title ${id}-desc" font-family="system-ui, -apple-system, 'Segoe UI', Roboto, Arial, sans-serif" font-size="12"><title id="${id}-title">${title}</title><desc id="${id}-desc">${description}</desc>
${body}</svg></div>
<details${isLong && html` class="long"`}><summary>Numbers of this chart<span class="hidden">: ${title}</span></summary>
${twin}</details></figure>
`;
}

export type TimeScale = (ms: number) => number;

export function timeScale({ fromMs, toMs }: Window): TimeScale {
  const scale = scaleUtc([fromMs, Math.max(toMs, fromMs + 1)], [plot.left, plot.right]);
  return (ms) => px(scale(ms));
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const;

/** A UTC day, for an axis: `22 Nov`. */
export function formatDay(ms: number): string {
  const date = new Date(ms);
  return `${date.getUTCDate()} ${months[date.getUTCMonth()] ?? ''}`;
}

/** Grid lines and labels of the time, in UTC. */
export function timeAxis({ fromMs, toMs }: Window, top: number, bottom: number): Html {
  const at = timeScale({ fromMs, toMs });
  const scale = scaleUtc([fromMs, Math.max(toMs, fromMs + 1)], [plot.left, plot.right]);
  const ticks = scale.ticks(8).map(Number);
  const isShort = toMs - fromMs <= 2 * dayMs;
  const label = (ms: number): string => (isShort && ms % dayMs !== 0 ? formatMinute(ms).slice(11) : formatDay(ms));
  return html`<path d="${ticks.map((ms) => `M${at(ms)} ${top}V${bottom}`).join('')}"${paint({ stroke: 'line' })}/>
<g${paint({ fill: 'muted' })} text-anchor="middle">${ticks.map(
    (ms) => html`<text x="${at(ms)}" y="${bottom + 16}">${label(ms)}</text>`,
  )}<text x="${plot.right + 40}" y="${bottom + 16}" text-anchor="start">UTC</text></g>
`;
}

/** A tick of a time axis: `50 ms`, `2 s`, `5 min`. */
export function tickLabel(ms: number): string {
  if (ms < 1000) return `${ms} ms`;
  return ms < 60_000 ? `${ms / 1000} s` : `${Math.round(ms / 6000) / 10} min`;
}

/** One, two and five times each power of ten in a range, or only the powers if these are enough. */
export function logTicks(fromMs: number, toMs: number): number[] {
  const powers = Array.from({ length: 12 }, (_, index) => 10 ** (index - 3));
  const inRange = (ticks: readonly number[]): number[] =>
    ticks.filter((tick) => tick >= fromMs * 0.999 && tick <= toMs * 1.001);
  const tens = inRange(powers);
  return tens.length >= 3 ? tens : inRange(powers.flatMap((power) => [power, 2 * power, 5 * power]));
}

/** Marks that differ in shape, so that nobody needs the colour. Each is centred on its position and 8 pixels wide. */
export const shapes = {
  /** A cross: failed on IAM's side. */
  theirs: (x: number, y: number) => `M${px(x - 3.5)} ${y - 3.5}l7 7m0-7l-7 7`,
  /** A diamond: failed on our side. */
  ours: (x: number, y: number) => `M${x} ${y - 4.5}l4.5 4.5l-4.5 4.5l-4.5-4.5z`,
  /** A bar: did not run. */
  blocked: (x: number, y: number) => `M${x} ${y - 4}v8`,
  /** A square: was cut off. */
  interrupted: (x: number, y: number) => `M${px(x - 3)} ${y - 3}h6v6h-6z`,
  /** A ring. */
  propagation: (x: number, y: number) => `M${px(x - 3)} ${y}a3 3 0 1 0 6 0a3 3 0 1 0-6 0`,
} as const;

export type Shape = keyof typeof shapes;

export const shapeColours = {
  theirs: 'theirs',
  ours: 'ours',
  blocked: 'blocked',
  interrupted: 'muted',
  propagation: 'propagation',
} as const satisfies Record<Shape, Colour>;

/** Several marks of one kind, as one element. */
export function marks(shape: Shape, positions: readonly (readonly [x: number, y: number])[]): Html | undefined {
  if (positions.length === 0) return undefined;
  const d = positions.map(([x, y]) => shapes[shape](x, px(y))).join('');
  const width = shape === 'theirs' ? 2 : 1.5;
  return html`<path d="${d}" ${paint({ stroke: shapeColours[shape] })} stroke-width="${width}" /> `;
}

/** The meaning of what stands in the pictures that follow. */
export function key(items: readonly (readonly [sample: Html, meaning: string])[]): Html {
  return html`<ul class="key">
    ${items.map(
      ([sample, meaning]) =>
        html`<li><svg width="20" height="14" viewBox="0 0 20 14" aria-hidden="true">${sample}</svg> ${meaning}</li> `,
    )}
  </ul> `;
}

/** A pattern of lines for time without runs. Every picture of the page can use it. */
export const sharedDefinitions = html`<svg width="0" height="0" aria-hidden="true">
  <defs>
    <pattern id="no-runs" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
      <rect width="6" height="6" ${paint({ fill: 'faint' })} />
      <path d="M0 0V6" ${paint({ stroke: 'blocked' })} stroke-width="1.6" />
    </pattern>
  </defs>
</svg>`;

export const noRunsFill = html` fill="url(#no-runs)"`;
