import { formatCount, formatPart, formatPercent } from '../../text/number.ts';
import { dayMs, formatMinute, formatTimes } from '../../text/time.ts';
import { scaleLog } from 'd3-scale';
import { quantileOf, wholeRun, type Figures, type RunTable, type Window } from '../../history/run-table.ts';
import { formatDuration } from '../../text/duration.ts';
import { chart, chartWidth, key, logTicks, px, table, tickLabel, formatDay } from './chart.ts';
import { html, type Html } from './html.ts';
import { spansOf, type Series } from './series.ts';
import { paint, type Colour } from './style.ts';

const nameWidth = 172;
const gridRight = 944;
const cellHeight = 34;
const headHeight = 24;
/** More days than this become weeks. */
const maxDays = 46;
/** Narrower cells hold no text. */
const minTextWidth = 58;

/** 1970 began with a Thursday. */
const firstMondayMs = 4 * dayMs;

interface GridRow {
  readonly name: string;
  readonly cells: readonly { readonly span: Window; readonly figures: Figures }[];
}

/** Availability and coverage per step and UTC day, or week if there are too many days. */
export function renderCalendar(runs: RunTable, window: Window): Html {
  const days = Math.max(1, Math.ceil((window.toMs - window.fromMs) / dayMs));
  const isDaily = days <= maxDays;
  const spanMs = isDaily ? dayMs : 7 * dayMs;
  const spans = spansOf(window, spanMs, isDaily ? 0 : firstMondayMs);
  const rows = [wholeRun, ...runs.stepNames].map((step): GridRow => ({
    name: step === wholeRun ? 'whole run' : step,
    cells: spans.map((span) => ({ span, figures: runs.figures(step, span) })),
  }));
  const unit = isDaily ? 'day' : 'week';
  return html`${key([
    ...grades.map(
      ({ colour, meaning }) => [html`<rect width="20" height="14" ${paint({ fill: colour })} />`, meaning] as const,
    ),
    [html`<rect x=".5" y=".5" width="19" height="13" ${paint({ stroke: 'line' })} />`, 'no answer'],
    [
      html`<rect y="5" width="20" height="5" ${paint({ fill: 'line' })} /><rect
          y="5"
          width="14"
          height="5"
          ${paint({ fill: 'muted' })}
        />`,
      'coverage',
    ],
  ])}${chart({
    id: 'calendar',
    title: `Availability and coverage per step and ${unit}`,
    description: describeGrid(rows, unit),
    height: headHeight + rows.length * cellHeight + 4,
    body: renderGrid(rows, spans),
    twin: table({
      caption: `Availability, and coverage below it, per step and ${unit} (UTC).`,
      isFigures: true,
      columns: [
        {
          head: isDaily ? 'day' : 'week from',
          cell: (index: number) => formatMinute(spans[index]?.fromMs ?? 0).slice(0, 10),
        },
        ...rows.map(({ name, cells }) => ({
          head: name,
          cell: (index: number) => {
            const figures = cells[index]?.figures;
            return (
              figures &&
              html`${formatPercent(figures.availability)} <small>${formatPart(figures.availability)}</small
                ><br />${formatPercent(figures.coverage)} <small>${formatTimes(figures.coverage)}</small>`
            );
          },
        })),
      ],
      rows: spans.map((_, index) => index),
    }),
  })}`;
}

interface Grade {
  readonly least: number;
  readonly colour: Colour;
  readonly text: Colour;
  readonly meaning: string;
}

const grades: readonly Grade[] = [
  { least: 1, colour: 'share100', text: 'onShare', meaning: '100 % available' },
  { least: 0.99, colour: 'share99', text: 'onShare', meaning: '99 % or more' },
  { least: 0.95, colour: 'share95', text: 'onShare', meaning: '95 % or more' },
  { least: 0.9, colour: 'share90', text: 'onBad', meaning: '90 % or more' },
  { least: 0, colour: 'share0', text: 'onBad', meaning: 'less' },
];

function renderGrid(rows: readonly GridRow[], spans: readonly Window[]): Html {
  const columnWidth = Math.min(130, (gridRight - nameWidth) / spans.length);
  const hasText = columnWidth >= minTextWidth;
  const x = (index: number): number => px(nameWidth + index * columnWidth);
  const width = px(columnWidth - (columnWidth > 12 ? 3 : 1));
  const everyLabel = Math.ceil(54 / columnWidth);
  return html`<g${paint({ fill: 'muted' })} text-anchor="middle">${spans.map(
    ({ fromMs }, index) =>
      index % everyLabel === 0 && html`<text x="${px(x(index) + width / 2)}" y="14">${formatDay(fromMs)}</text>`,
  )}</g>
${rows.map(({ name, cells }, row) => {
  const y = headHeight + row * cellHeight;
  return html`<text
      x="${nameWidth - 12}"
      y="${y + 16}"
      text-anchor="end"
      ${paint({ fill: 'ink' })}${row === 0 && html` font-weight="600"`}
      >${name}</text
    >
    ${cells.map(({ span, figures: { availability, coverage } }, index) => {
      const grade = grades.find(({ least }) => availability.of > 0 && availability.part / availability.of >= least);
      const look = grade === undefined ? paint({ stroke: 'line' }) : paint({ fill: grade.colour });
      const covered = coverage.of === 0 ? 0 : px((width * coverage.part) / coverage.of);
      const text = grade?.text ?? 'muted';
      return html`<g
        ><title>
          ${name}, ${formatMinute(span.fromMs).slice(0, 10)}: availability ${formatPercent(availability)}
          (${formatPart(availability)}), coverage ${formatPercent(coverage)} (${formatTimes(coverage)})</title
        ><rect x="${x(index)}" y="${y}" width="${width}" height="23" ${look} /><rect
          x="${x(index)}"
          y="${y + 24}"
          width="${width}"
          height="4"
          ${paint({ fill: 'line' })}
        /><rect x="${x(index)}" y="${y + 24}" width="${covered}" height="4" ${paint({ fill: 'muted' })} />${
          hasText &&
          html`<text x="${px(x(index) + width / 2)}" y="${y + 16}" text-anchor="middle" ${paint({ fill: text })}
            >${formatPercent(availability)}</text
          >`
        }</g
      > `;
    })}`;
})}`;
}

function describeGrid(rows: readonly GridRow[], unit: string): string {
  const [whole] = rows;
  const known = (whole?.cells ?? []).filter(({ figures }) => figures.availability.of > 0);
  const perfect = known.filter(({ figures }) => figures.availability.part === figures.availability.of).length;
  return `In ${perfect} of ${known.length} ${unit}s with answers from IAM, every run that got its answer passed.`;
}

const rowHeight = 46;
const binsPerDecade = 12;

/** Quantiles that the picture marks. */
interface Marked {
  readonly medianMs: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** How the times of each step are distributed, on a logarithmic scale. */
export function renderDistribution(steps: readonly Series[]): Html {
  const ends = steps.flatMap(({ sortedMs }) => (sortedMs.length === 0 ? [] : [sortedMs[0] ?? 0, sortedMs.at(-1) ?? 0]));
  const firstBin = binOf(ends.length === 0 ? 10 : Math.min(...ends));
  const lastBin = Math.max(binOf(Math.max(...ends, 0)), firstBin + 3);
  const bins = Array.from({ length: lastBin - firstBin + 1 }, (_, index) => firstBin + index);
  const counts = steps.map(({ sortedMs }) => countBins(sortedMs, firstBin, bins.length));
  const x = scaleLog([edgeOf(firstBin), edgeOf(lastBin + 1)], [nameWidth, gridRight]);
  const bottom = steps.length * rowHeight + 6;
  const ticks = logTicks(edgeOf(firstBin), edgeOf(lastBin + 1));
  const body = html`<path d="${ticks.map((tick) => `M${px(x(tick))} 4V${bottom}`).join('')}"${paint({ stroke: 'line' })}/>
<g${paint({ fill: 'muted' })} text-anchor="middle">${ticks.map((tick) => html`<text x="${px(x(tick))}" y="${bottom + 16}">${tickLabel(tick)}</text>`)}</g>
${steps.map(({ step, sortedMs }, row) => {
  const base = (row + 1) * rowHeight;
  const rowCounts = counts[row] ?? [];
  const most = Math.max(1, ...rowCounts);
  const bars = rowCounts.map((count, index) => {
    if (count === 0) return '';
    const [from, to] = [px(x(edgeOf(firstBin + index))), px(x(edgeOf(firstBin + index + 1)) - 1)];
    return `M${from} ${base}V${px(base - Math.max(1, (count / most) * (rowHeight - 18)))}H${to}V${base}z`;
  });
  return html`<text x="${nameWidth - 12}" y="${base - 4}" text-anchor="end" ${paint({ fill: 'ink' })}>${step}</text
    ><path d="M${nameWidth} ${base}H${gridRight}" ${paint({ stroke: 'line' })} /><path
      d="${bars.join('')}"
      ${paint({ fill: 'edge' })}
    />
    ${renderQuantiles(quantilesOf(sortedMs), x, base)}`;
})}`;
  return html`${chart({
    id: 'distribution',
    title: 'Distribution of the times of runs that passed',
    description: `Histograms of ${formatCount(steps.length)} steps on one logarithmic scale, with median, 95th and 99th percentile and the longest time marked.`,
    height: bottom + 26,
    body,
    twin: html`${table({
      caption: 'Times of the runs that passed',
      isFigures: true,
      columns: [
        { head: 'step', cell: ({ step }: Series) => step },
        { head: 'runs', cell: ({ sortedMs }) => formatCount(sortedMs.length) },
        { head: 'shortest', cell: ({ sortedMs }) => duration(sortedMs[0]) },
        { head: 'median (p50)', cell: ({ sortedMs }) => duration(quantilesOf(sortedMs)?.medianMs) },
        { head: 'p95', cell: ({ sortedMs }) => duration(quantilesOf(sortedMs)?.p95Ms) },
        { head: 'p99', cell: ({ sortedMs }) => duration(quantilesOf(sortedMs)?.p99Ms) },
        { head: 'longest (max)', cell: ({ sortedMs }) => duration(sortedMs.at(-1)) },
      ],
      rows: steps,
    })}${table({
      caption: 'How many runs passed in which time',
      isFigures: true,
      columns: [
        { head: 'time', cell: (bin: number) => `${formatDuration(edgeOf(bin))} to ${formatDuration(edgeOf(bin + 1))}` },
        ...steps.map(({ step }, index) => ({
          head: step,
          cell: (bin: number) => formatCount(counts[index]?.[bin - firstBin] ?? 0),
        })),
      ],
      rows: bins.filter((bin) => counts.some((row) => (row[bin - firstBin] ?? 0) > 0)),
    })}`,
  })}`;
}

function duration(ms: number | undefined): string {
  return ms === undefined ? '–' : formatDuration(ms);
}

function binOf(ms: number): number {
  return Math.floor(Math.log10(Math.max(ms, 0.001)) * binsPerDecade + 1e-9);
}

function edgeOf(bin: number): number {
  return 10 ** (bin / binsPerDecade);
}

function countBins(sortedMs: Float64Array, firstBin: number, count: number): number[] {
  const counts = Array.from({ length: count }, () => 0);
  for (const ms of sortedMs) counts[binOf(ms) - firstBin] = (counts[binOf(ms) - firstBin] ?? 0) + 1;
  return counts;
}

function quantilesOf(sortedMs: Float64Array): Marked | undefined {
  if (sortedMs.length === 0) return undefined;
  return {
    medianMs: quantileOf(sortedMs, 0.5),
    p95Ms: quantileOf(sortedMs, 0.95),
    p99Ms: quantileOf(sortedMs, 0.99),
    maxMs: sortedMs.at(-1) ?? 0,
  };
}

/** Lines of different height with their names, as far as there is room for these. */
function renderQuantiles(quantiles: Marked | undefined, x: (ms: number) => number, base: number): Html | undefined {
  if (quantiles === undefined) return undefined;
  const { medianMs, p95Ms, p99Ms, maxMs } = quantiles;
  const named = [
    { name: 'p50', ms: medianMs },
    { name: 'p95', ms: p95Ms },
    { name: 'p99', ms: p99Ms },
    { name: 'max', ms: maxMs },
  ].map(({ name, ms }) => ({ name, at: px(Math.min(x(ms), gridRight)) }));
  const isFree = named.map(({ at }, index) => index === 0 || at - (named[index - 1]?.at ?? 0) >= 28);
  return html`<path d="${named.map(({ at }) => `M${at} ${base}v-30`).join('')}"${paint({ stroke: 'median' })} stroke-width="1.5"/>
<g${paint({ fill: 'muted' })} font-size="11" text-anchor="middle">${named.map(
    ({ name, at }, index) =>
      isFree[index] === true && html`<text x="${Math.min(at, chartWidth - 14)}" y="${base - 33}">${name}</text>`,
  )}</g>
`;
}
