import { formatMinute } from '../../text/time.ts';
import { formatCount } from '../../text/number.ts';
import { scaleLinear, scaleLog } from 'd3-scale';
import { area, line } from 'd3-shape';
import { formatDuration, formatAge } from '../../text/duration.ts';
import {
  chart,
  key,
  logTicks,
  marks,
  noRunsFill,
  plot,
  px,
  table,
  tickLabel,
  timeAxis,
  timeScale,
  type Column,
} from './chart.ts';
import { html, type Html, type Part } from './html.ts';
import { markShare, type Bucket, type Frame, type MarkKind, type Series } from './series.ts';
import { shadeStates, type StateSpan } from './states.ts';
import { paint } from './style.ts';

const top = 8;
const bottom = 108;
const lanes = { failed: 120, notRun: 134 } as const;
const axis = 142;
const height = 164;

/** One picture per step, all with the same scale, so that steps can be compared. */
export function renderTimelines(
  steps: readonly Series[],
  frame: Frame,
  spans: readonly StateSpan[],
  describeStep: (step: string) => Part,
): Html {
  const y = timeDomain(steps);
  const isShaded = spans.some(({ state }) => state !== 'up' && state !== 'no fresh data');
  return html`${key([
    [html`<path d="M0 7H20" ${paint({ stroke: 'median' })} stroke-width="2" />`, 'median'],
    [html`<rect width="20" height="14" ${paint({ fill: 'band' })} />`, 'from the median to the 95th percentile'],
    [html`${marks('propagation', [[10, 7]])}`, 'longest wait for propagation'],
    [html`${marks('theirs', [[10, 7]])}`, 'failed on IAM’s side'],
    [html`${marks('ours', [[10, 7]])}`, 'failed on our side'],
    [html`${marks('blocked', [[10, 7]])}`, 'blocked'],
    [html`${marks('interrupted', [[10, 7]])}`, 'interrupted'],
    [html`<rect width="20" height="14" ${noRunsFill} />`, 'no runs'],
    ...(isShaded
      ? ([
          [
            html`<rect width="10" height="14" ${paint({ fill: 'shadeTheirs' })} /><rect
                x="10"
                width="10"
                height="14"
                ${paint({ fill: 'shadeOurs' })}
              />`,
            'shaded: an incident',
          ],
        ] as const)
      : []),
  ])}${steps.map(
    (series, index) =>
      html`<div class="head">
          <h3>${series.step}</h3>
          <p>${describeStep(series.step)}</p>
        </div>
        ${renderTimeline(series, `timeline-${index + 1}`, y, frame, spans)}`,
  )}`;
}

type DurationScale = ((ms: number) => number) & { domain(): number[] };

/** Times of all steps, on a logarithmic scale: 100 ms and 10 s can both be read. */
function timeDomain(steps: readonly Series[]): DurationScale {
  const buckets = steps.flatMap((series) => series.buckets);
  const lowest = Math.min(...buckets.map(({ medianMs }) => medianMs ?? Infinity));
  const highest = Math.max(...buckets.map(({ p95Ms = 0, propagationMs }) => Math.max(p95Ms, propagationMs)));
  const from = Number.isFinite(lowest) ? Math.max(0.01, lowest * 0.8) : 10;
  return scaleLog([from, Math.max(highest * 1.1, from * 4)], [bottom, top]);
}

function hasTimes({ medianMs }: Bucket): boolean {
  return medianMs !== undefined;
}

function renderTimeline(
  { step, buckets, marks: found }: Series,
  id: string,
  y: DurationScale,
  frame: Frame,
  spans: readonly StateSpan[],
): Html {
  const at = timeScale(frame);
  const middle = ({ fromMs, toMs }: Bucket): number => at((fromMs + toMs) / 2);
  const medianLine = line<Bucket>(middle, ({ medianMs = 1 }) => px(y(medianMs)))
    .defined(hasTimes)
    .digits(1);
  const band = area<Bucket>(
    middle,
    ({ medianMs = 1 }) => px(y(medianMs)),
    ({ p95Ms = 1 }) => px(y(p95Ms)),
  )
    .defined(hasTimes)
    .digits(1);
  const [low = 1, high = 1] = y.domain();
  const ticks = logTicks(low, high);
  const positions = (kind: MarkKind, laneY: number): [number, number][] => found[kind].map((ms) => [at(ms), laneY]);
  const last = buckets.findLast(hasTimes);
  const body = html`${shadeStates(spans, frame, top, lanes.notRun + 7)}${renderGaps(buckets, frame)}<path d="${ticks
    .map((tick) => `M${plot.left} ${px(y(tick))}H${plot.right}`)
    .join('')}"${paint({ stroke: 'line' })}/>
${timeAxis(frame, top, axis)}<g${paint({ fill: 'muted' })} text-anchor="end">${ticks.map(
    (tick) => html`<text x="${plot.left - 8}" y="${px(y(tick) + 4)}">${tickLabel(tick)}</text>`,
  )}<text x="${plot.left - 8}" y="${lanes.failed + 4}">failed</text><text x="${plot.left - 8}" y="${lanes.notRun + 4}">not run</text></g>
<path d="${band(buckets) ?? ''}"${paint({ fill: 'band', stroke: 'edge' })} stroke-width="1.5"/>
<path d="${medianLine(buckets) ?? ''}"${paint({ stroke: 'median' })} stroke-width="2" stroke-linecap="round" stroke-linejoin="round"/>
${marks(
  'propagation',
  buckets
    .filter(({ propagationMs }) => propagationMs > 0)
    .map((bucket) => [middle(bucket), px(y(Math.max(low, bucket.propagationMs)))]),
)}${marks('theirs', positions('theirs', lanes.failed))}${marks('ours', positions('ours', lanes.failed))}${marks('blocked', positions('blocked', lanes.notRun))}${marks('interrupted', positions('interrupted', lanes.notRun))}${
    last !== undefined && renderLabels(last, y)
  }<g${paint({})} pointer-events="all">${buckets.map(
    (bucket) =>
      html`<path d="M${at(bucket.fromMs)} ${top}H${at(bucket.toMs)}V${axis}H${at(bucket.fromMs)}z"
        ><title>${describeBucket(bucket)}</title></path
      >`,
  )}</g>
`;
  return chart({
    id,
    title: `${step}: times, failures and waits`,
    description: describeSeries(buckets),
    height,
    body,
    twin: bucketTable(step, buckets, frame),
    isLong: true,
  });
}

const mini = { width: 150, height: 26, linesUntil: 17, marks: 21.5 } as const;

/**
 * One small picture per step for a row of a table, all with the same scale: the median, failed runs, and time without runs.
 * The numbers are those of the step's own timeline.
 */
export function renderMiniTimelines(steps: readonly Series[], { fromMs, toMs }: Frame): ReadonlyMap<string, Html> {
  const at = (ms: number): number => px(((ms - fromMs) / Math.max(1, toMs - fromMs)) * mini.width);
  const medians = steps.flatMap(({ buckets }) => buckets.flatMap(({ medianMs }) => medianMs ?? []));
  const lowest = medians.length === 0 ? 1 : Math.max(0.01, Math.min(...medians));
  const y = scaleLog([lowest, Math.max(lowest * 4, ...medians)], [mini.linesUntil, 2]);
  const median = line<Bucket>(
    (bucket) => at((bucket.fromMs + bucket.toMs) / 2),
    ({ medianMs = 1 }) => px(y(medianMs)),
  )
    .defined(hasTimes)
    .digits(1);
  const picture = ({ buckets, marks: found }: Series): Html => {
    const positions = (kind: MarkKind): [number, number][] => found[kind].map((ms) => [at(ms), mini.marks]);
    return html`<svg
      width="${mini.width}"
      height="${mini.height}"
      viewBox="0 0 ${mini.width} ${mini.height}"
      aria-hidden="true"
    >
      ${gapsOf(buckets).map(
        (gap) =>
          html`<rect
            x="${at(gap.fromMs)}"
            width="${px(at(gap.toMs) - at(gap.fromMs))}"
            height="${mini.height}"
            ${noRunsFill}
          />`,
      )}
      <path
        d="${median(buckets) ?? ''}"
        ${paint({ stroke: 'median' })}
        stroke-width="1.5"
        stroke-linecap="round"
        stroke-linejoin="round"
      />
      ${marks('theirs', positions('theirs'))}${marks('ours', positions('ours'))}
    </svg>`;
  };
  return new Map(steps.map((series) => [series.step, picture(series)]));
}

/** Spans without runs, joined. */
function renderGaps(buckets: readonly Bucket[], frame: Frame): Part {
  const at = timeScale(frame);
  return gapsOf(buckets).map(
    ({ fromMs, toMs }) =>
      html`<rect
        x="${at(fromMs)}"
        y="${top}"
        width="${px(at(toMs) - at(fromMs))}"
        height="${lanes.notRun + 7 - top}"
        ${noRunsFill}
      /> `,
  );
}

function gapsOf(buckets: readonly Bucket[]): { readonly fromMs: number; readonly toMs: number }[] {
  const gaps: { readonly fromMs: number; toMs: number }[] = [];
  for (const { runs, fromMs, toMs } of buckets) {
    if (runs > 0) continue;
    const last = gaps.at(-1);
    if (last?.toMs === fromMs) last.toMs = toMs;
    else gaps.push({ fromMs, toMs });
  }
  return gaps;
}

/** The newest values, named at the end of their lines. */
function renderLabels({ medianMs = 1, p95Ms = 1 }: Bucket, y: DurationScale): Html {
  const medianY = Math.min(y(medianMs) + 4, bottom);
  const p95Y = Math.min(y(p95Ms) + 4, medianY - 14);
  return html`<text x="${plot.right + 8}" y="${px(p95Y)}" ${paint({ fill: 'muted' })}>p95 ${formatDuration(p95Ms)}</text
    ><text x="${plot.right + 8}" y="${px(medianY)}" ${paint({ fill: 'median' })}
      >p50 ${formatDuration(medianMs)}</text
    > `;
}

function describeBucket(bucket: Bucket): string {
  const { fromMs, runs, passed, failedTheirs, failedOurs, blocked, interrupted, medianMs, p95Ms, propagationMs } =
    bucket;
  const time = `${formatMinute(fromMs)} UTC`;
  if (runs === 0) return `${time}: no runs`;
  return [
    `${time}: ${formatCount(passed)} of ${formatCount(runs)} passed`,
    ...(medianMs === undefined || p95Ms === undefined
      ? []
      : [`median ${formatDuration(medianMs)}, p95 ${formatDuration(p95Ms)}`]),
    ...(failedTheirs > 0 ? [`${failedTheirs} failed on IAM’s side`] : []),
    ...(failedOurs > 0 ? [`${failedOurs} failed on our side`] : []),
    ...(blocked > 0 ? [`${blocked} blocked`] : []),
    ...(interrupted > 0 ? [`${interrupted} interrupted`] : []),
    ...(propagationMs > 0 ? [`longest propagation wait ${formatDuration(propagationMs)}`] : []),
  ].join('; ');
}

function describeSeries(buckets: readonly Bucket[]): string {
  const sum = (read: (bucket: Bucket) => number): string =>
    formatCount(buckets.reduce((total, bucket) => total + read(bucket), 0));
  const medians = buckets.flatMap(({ medianMs }) => medianMs ?? []);
  const range =
    medians.length === 0
      ? 'No run passed.'
      : `The median lies between ${formatDuration(Math.min(...medians))} and ${formatDuration(Math.max(...medians))}.`;
  return `${range} ${sum((each) => each.failedTheirs)} runs failed on IAM’s side, ${sum((each) => each.failedOurs)} on ours, ${sum((each) => each.blocked)} were blocked.`;
}

function bucketTable(step: string, buckets: readonly Bucket[], frame: Frame): Html {
  const columns: readonly Column<Bucket>[] = [
    { head: 'from (UTC)', cell: ({ fromMs }) => formatMinute(fromMs) },
    { head: 'runs', cell: ({ runs }) => runs },
    { head: 'passed', cell: ({ passed }) => passed },
    { head: 'median', cell: ({ medianMs }) => durationCell(medianMs) },
    { head: 'p95', cell: ({ p95Ms }) => durationCell(p95Ms) },
    { head: 'failed, IAM’s side', cell: ({ failedTheirs }) => failedTheirs },
    { head: 'failed, our side', cell: ({ failedOurs }) => failedOurs },
    { head: 'blocked', cell: ({ blocked }) => blocked },
    { head: 'interrupted', cell: ({ interrupted }) => interrupted },
    { head: 'longest propagation', cell: ({ propagationMs }) => durationCell(propagationMs || undefined) },
  ];
  return table({
    caption: `${step}, ${formatAge(frame.bucketMs)} a row. Rows without runs are left out.`,
    isFigures: true,
    columns,
    rows: buckets.filter(({ runs }) => runs > 0),
  });
}

function durationCell(ms: number | undefined): string {
  return ms === undefined ? '–' : formatDuration(ms);
}

/** What one mark stands for, as a sentence. */
export function describeMarks({ fromMs, toMs, bucketMs }: Frame): string {
  return `Each point of a line is made of ${formatAge(bucketMs)} of runs. A mark stands at the time of its run; runs of one kind that are closer than ${formatAge((toMs - fromMs) * markShare)} share a mark.`;
}

/** Requests after the first one, over all steps: throttled ones dark, others light. */
export function renderRetries(steps: readonly Series[], frame: Frame): Html {
  const at = timeScale(frame);
  const buckets = (steps[0]?.buckets ?? []).map(({ fromMs, toMs }, index) => {
    const same = steps.flatMap((series) => series.buckets[index] ?? []);
    const sum = (read: (bucket: Bucket) => number): number => same.reduce((total, bucket) => total + read(bucket), 0);
    return { fromMs, toMs, extra: sum((each) => each.extraRequests), throttled: sum((each) => each.throttled) };
  });
  const most = Math.max(1, ...buckets.map(({ extra, throttled }) => Math.max(extra, throttled)));
  const y = scaleLinear([0, most], [bottom, top]).nice(4);
  const ticks = y.ticks(4).filter(Number.isInteger);
  const bars = (read: (bucket: (typeof buckets)[number]) => number): string =>
    buckets
      .filter((bucket) => read(bucket) > 0)
      .map((bucket) => {
        const [x, end] = [at(bucket.fromMs), at(bucket.toMs)];
        return `M${x} ${bottom}V${px(y(read(bucket)))}H${px(Math.max(x + 1, end - 1))}V${bottom}z`;
      })
      .join('');
  const total = (read: (bucket: (typeof buckets)[number]) => number): string =>
    formatCount(buckets.reduce((sum, bucket) => sum + read(bucket), 0));
  const twinRows = buckets.filter(({ extra, throttled }) => extra > 0 || throttled > 0);
  return html`${key([
    [html`<rect width="20" height="14" ${paint({ fill: 'edge' })} />`, 'requests after the first of a step'],
    [html`<rect width="20" height="14" ${paint({ fill: 'theirs' })} />`, 'throttled answers'],
  ])}${chart({
    id: 'retries',
    title: 'Repeated requests and throttled answers over time',
    description: `${total(({ extra }) => extra)} requests came after the first one of a step, and ${total(({ throttled }) => throttled)} answers were throttling errors.`,
    height: bottom + 24,
    body: html`<path d="${ticks.map((tick) => `M${plot.left} ${px(y(tick))}H${plot.right}`).join('')}"${paint({ stroke: 'line' })}/>
${timeAxis(frame, top, bottom)}<g${paint({ fill: 'muted' })} text-anchor="end">${ticks.map((tick) => html`<text x="${plot.left - 8}" y="${px(y(tick) + 4)}">${formatCount(tick)}</text>`)}</g>
<path d="${bars(({ extra }) => extra)}"${paint({ fill: 'edge' })}/><path d="${bars(({ throttled }) => throttled)}"${paint({ fill: 'theirs' })}/>
`,
    twin: table({
      caption: `All steps, ${formatAge(frame.bucketMs)} a row. Rows without repeated requests are left out.`,
      isFigures: true,
      columns: [
        { head: 'from (UTC)', cell: ({ fromMs }) => formatMinute(fromMs) },
        { head: 'requests after the first', cell: ({ extra }) => formatCount(extra) },
        { head: 'throttled', cell: ({ throttled }) => formatCount(throttled) },
      ],
      rows: twinRows,
    }),
    isLong: true,
  })}`;
}
