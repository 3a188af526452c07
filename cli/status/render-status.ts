import { endOf } from '../../history/looks.ts';
import type { Overview } from '../../history/overview.ts';
import { wholeRun, type Failure, type Figures, type Share, type Window } from '../../history/run-table.ts';
import type { OverallState, StepState } from '../../history/state.ts';
import type { MonitorStatus } from '../../metrist/registration/monitor-config-api.ts';
import { describeAnswer, describeSide, summariseRun } from '../../reporters/run-text.ts';
import { currentFailures, describeSince, explainMetristDifference, explainState } from '../../reporters/state-text.ts';
import type { TerminalOptions } from '../../reporters/terminal.ts';
import type { MonitorRun } from '../../runner/monitor-run.ts';
import { formatStepError, type StepResult } from '../../runner/step-result.ts';
import { formatAge, formatDuration, formatSpan } from '../../text/duration.ts';
import { oneLine, plural, visibleText } from '../../text/printable.ts';
import { clip } from '../../text/redact.ts';
import { formatPercent } from '../../text/number.ts';
import { painter, widthOf, wrapParts, wrapText } from '../../text/terminal.ts';
import { dayMs, formatUtc, minuteMs } from '../../text/time.ts';
import { renderSparkline, sparklineLegend } from './sparkline.ts';

export interface StatusOptions extends TerminalOptions {
  /** The directory that was read, as messages show it. */
  readonly runsDir: string;
  /** Metrist's own view, if it was asked for. */
  readonly remote?: MonitorStatus;
}

type Paint = ReturnType<typeof painter>;

const indent = '  ';
const maxNameLength = 60;
const maxMessageLength = 1000;
const none = '–';

/** An older answer is out of date: Metrist's states need a result at least every 20 minutes. */
const oldMs = 20 * minuteMs;

/** The last 24 hours, and seven times as much. */
export function dayAndWeek(nowMs: number): { readonly day: Window; readonly week: Window } {
  return { day: { fromMs: nowMs - dayMs, toMs: nowMs }, week: { fromMs: nowMs - 7 * dayMs, toMs: nowMs } };
}

/**
 * Renders the status for people. Ends with a line break.
 *
 * ```text
 * awsiam: issues since 2026-11-26 11:30 UTC (30 min), instance us-east-1
 * A part of IAM does not work: 7 of 8 steps. Follow "What to do" of the failure, and give its
 * request id to AWS support.
 * last run: 2026-11-26 11:58 UTC (2 min ago) · 1 failed, 6 blocked, 1 passed in 2.02 s
 *
 * last 24 hours        state      last  median     p95  24 h ago            now
 * CreateUser           up       142 ms  141 ms  310 ms  ▂▂▂▂▂▂▂▂▂▂▂··▂▂▂▂▂▂▂▂▂▂▂
 * CreateGroup          down     failed  118 ms  244 ms  ▂▂▂▂▂▂▂▂▂▂▂··▂▂▂▂▂▂▂▂▂▂✗
 *
 * last 7 days          median     p95          availability          coverage
 * CreateUser           141 ms  312 ms   100 % of 4949 runs  97.6 % of 7 days
 *
 * last failure: CreateGroup, 2026-11-26 11:58 UTC (2 min ago)
 *   service: ServiceFailure (HTTP 500) at CreateGroup: …
 *   What to do: AWS answered with an error of its own. Check the AWS Health Dashboard.
 *   IAM's side · ServiceFailure · HTTP 500 · request 6b7f9f3e-0000-4000-8000-000000000002
 * ```
 */
export function renderStatus(overview: Overview, options: StatusOptions): string {
  const { nowMs, lastRun } = overview;
  const paint = painter(options);
  const blocks: (readonly string[])[] = [headLines(overview, options, paint)];
  if (lastRun !== undefined) {
    blocks.push(...tableBlocks(overview, options, paint));
    const failures = currentFailures(overview);
    for (const failure of failures) blocks.push(failureLines(failure, true, nowMs, options, paint));
    const [newest] = overview.table.failures.slice(-1);
    if (failures.length === 0 && newest !== undefined) blocks.push(failureLines(newest, false, nowMs, options, paint));
  }
  blocks.push(noteLines(overview, options, paint));
  return `${blocks
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`;
}

function headLines(overview: Overview, options: StatusOptions, paint: Paint): string[] {
  const { mode, nowMs, lastRun, state, instance } = overview;
  const what = mode === 'offline' ? 'awsiam, rehearsal (mock, not AWS)' : 'awsiam';
  const word = paint(['bold', styleOf(state.overall.state)], state.overall.state);
  const start = `${what}: ${word} ${describeSince(overview)}`.trimEnd();
  const where = instance === undefined ? '' : `, instance ${oneLine(instance, maxNameLength)}`;
  const lines = wrapText(`${start}${where}`, options.columns);
  const say = (text: string): void => void lines.push(...wrapText(text, options.columns));

  if (lastRun === undefined) {
    say(neverRunText(overview, options.runsDir));
  } else {
    const explanation = explainState(overview);
    if (explanation !== undefined) say([explanation.meaning, explanation.advice ?? ''].join(' ').trimEnd());
  }
  const difference = explainMetristDifference(overview);
  if (difference !== undefined) say(difference);
  if (options.remote !== undefined) say(remoteText(options.remote, nowMs));
  if (lastRun !== undefined) {
    const when = `last run: ${momentText(endOf(lastRun), nowMs)}`;
    lines.push(wrapParts(when, [summariseRun(lastRun)], { columns: options.columns, indent }));
  }
  return lines;
}

function neverRunText({ mode, instance }: Overview, runsDir: string): string {
  const whose = instance === undefined ? '' : ` of the instance ${oneLine(instance, maxNameLength)}`;
  const found = `No ${mode} run${whose} is on record in ${runsDir}.`;
  if (mode === 'offline') return `${found} Start one with: npm run offline`;
  return `${found} Start one with: npx vitest run (--mode offline shows rehearsals over the mock)`;
}

/** `2026-11-26 11:58 UTC (2 min ago)` */
export function momentText(atMs: number, nowMs: number): string {
  return `${formatUtc(atMs)} (${formatAge(nowMs - atMs)} ago)`;
}

function remoteText({ state, last_checked: lastChecked }: MonitorStatus, nowMs: number): string {
  if (lastChecked.startsWith('1970-')) return `Metrist shows ${state}, and was never told a result.`;
  const checkedMs = Date.parse(lastChecked);
  const shown = `Metrist shows ${state}, last checked ${momentText(checkedMs, nowMs)}.`;
  if (nowMs - checkedMs <= oldMs) return shown;
  return `${shown} That is old: Metrist keeps the last state when no results arrive.`;
}

interface Column {
  readonly title: string;
  /** The text of each row, all on one line. */
  readonly cells: readonly string[];
  /** @default on the left */
  readonly isRight?: boolean;
  /** @default unchanged */
  readonly paint?: (text: string, row: number) => string;
}

/** The layouts, the widest first. A terminal gets the first one that fits. */
const layouts = [
  { slots: 48, gap: 2, hasWholes: true, isOneTable: true },
  { slots: 24, gap: 2, hasWholes: true, isOneTable: true },
  { slots: 48, gap: 2, hasWholes: true, isOneTable: false },
  { slots: 24, gap: 2, hasWholes: true, isOneTable: false },
  { slots: 12, gap: 2, hasWholes: true, isOneTable: false },
  { slots: 12, gap: 1, hasWholes: true, isOneTable: false },
  { slots: 12, gap: 1, hasWholes: false, isOneTable: false },
  { slots: 0, gap: 2, hasWholes: false, isOneTable: false },
  { slots: 0, gap: 1, hasWholes: false, isOneTable: false },
] as const;
type Layout = (typeof layouts)[number];
/** How many slots a line of its own gets. */
const aloneSlots = 24;

/** The tables of the last day and of the last week, as wide as the terminal allows. */
function tableBlocks(overview: Overview, { columns }: StatusOptions, paint: Paint): string[][] {
  for (const layout of layouts) {
    const tables = tablesOf(overview, layout, paint);
    const isFitting = tables.every((table) => tableWidth(table, layout.gap) <= columns);
    if (!isFitting && layout !== layouts.at(-1)) continue;
    const legend = [...wrapList(sparklineLegend, columns), ...wrapText(sharesLegend, columns)];
    return [...tables.map((table) => tableLines(table, layout.gap, paint)), legend.map((line) => paint('dim', line))];
  }
  return [];
}

const sharesLegend =
  'Availability: runs that passed, of those that got an answer about IAM. Coverage: time in which runs could look.';

/** Joins parts with commas and breaks the lines only between parts. */
function wrapList(parts: readonly string[], columns: number): string[] {
  const list = parts.map((part) => part.replaceAll(' ', '\u00A0')).join(', ');
  return wrapText(list, columns).map((line) => line.replaceAll('\u00A0', ' '));
}

interface Row {
  readonly name: string;
  readonly step: string;
  readonly state: StepState | OverallState;
  readonly last: string;
  readonly day: Figures;
  readonly week: Figures;
}

function tablesOf(overview: Overview, layout: Layout, paint: Paint): readonly (readonly Column[])[] {
  const { state, nowMs, table, lastRun } = overview;
  const { day, week } = dayAndWeek(nowMs);
  const rowOf = (name: string, step: string, rowState: Row['state'], last: string): Row => ({
    name: oneLine(name, maxNameLength),
    step,
    state: rowState,
    last,
    day: table.figures(step, day),
    week: table.figures(step, week),
  });
  const steps =
    state.steps.length > 0 ? state.steps : table.stepNames.map((name) => ({ name, state: 'no fresh data' as const }));
  const rows = steps.map((step) => {
    const result = lastRun?.steps.find(({ name }) => name === step.name);
    return rowOf(step.name, step.name, step.state, lastText(result));
  });
  rows.push(rowOf('whole run', wholeRun, state.overall.state, lastText(lastRun)));

  const names = (title: string): Column => ({ title, cells: rows.map(({ name }) => name) });
  const times = (window: 'day' | 'week'): Column[] => [
    { title: 'median', isRight: true, cells: rows.map((row) => timeText(row[window].medianMs)) },
    { title: 'p95', isRight: true, cells: rows.map((row) => timeText(row[window].p95Ms)) },
  ];
  const now: Column[] = [
    {
      title: 'state',
      cells: rows.map((row) => row.state),
      paint: (text, row) => paint(styleOf(rows[row]?.state ?? 'up'), text),
    },
    { title: 'last', isRight: true, cells: rows.map(({ last }) => last) },
  ];
  const sparkline = (slots: number): Column => ({
    title: `24 h ago${'now'.padStart(Math.max(slots - '24 h ago'.length, 4))}`,
    cells: rows.map(({ step, week: { medianMs } }) =>
      renderSparkline(table.points(step, day), { window: day, slots, medianMs }),
    ),
    paint: (text) => text.replaceAll(/[✗?]/g, (sign) => paint(sign === '✗' ? 'red' : 'yellow', sign)),
  });
  const shares: Column[] = [
    {
      title: 'availability',
      isRight: true,
      cells: rows.map(({ week: { availability } }) => availabilityText(availability, layout.hasWholes)),
    },
    {
      title: 'coverage',
      isRight: true,
      cells: rows.map(({ week: { coverage } }) => coverageText(coverage, layout.hasWholes)),
    },
  ];
  const { slots } = layout;
  if (layout.isOneTable) {
    const ofDay = times('day').map((column) => ({ ...column, title: `${column.title}, 24 h` }));
    const ofWeek = [...times('week'), ...shares].map((column) => ({ ...column, title: `${column.title}, 7 days` }));
    return [[names('step'), ...now, ...ofDay, sparkline(slots), ...ofWeek]];
  }
  const ofDay = [names('last 24 hours'), ...now, ...times('day')];
  return [
    ...(slots > 0 ? [[...ofDay, sparkline(slots)]] : [ofDay, [names('last 24 hours'), sparkline(aloneSlots)]]),
    [names('last 7 days'), ...times('week'), ...shares],
  ];
}

/** What a step, or the whole run, did last. */
function lastText(result: StepResult | Pick<MonitorRun, 'state' | 'durationMs'> | undefined): string {
  if (result === undefined) return none;
  switch (result.state) {
    case 'passed':
      return formatDuration(result.durationMs);
    case 'failed':
      return 'failed';
    case 'blocked':
      return 'blocked';
    case 'interrupted':
      return 'cut off';
    default:
      return result satisfies never;
  }
}

function timeText(durationMs: number | undefined): string {
  return durationMs === undefined ? none : formatDuration(durationMs);
}

/** `99.96 % of 5011 runs` */
function availabilityText(share: Share, hasUnit: boolean): string {
  const { of } = share;
  return of === 0 ? none : `${formatPercent(share)} of ${hasUnit ? plural(of, 'run') : of}`;
}

/** `97.62 % of 7 days` */
function coverageText(share: Share, hasWhole: boolean): string {
  const { of } = share;
  return of === 0 ? none : `${formatPercent(share)}${hasWhole ? ` of ${formatSpan(of)}` : ''}`;
}

function tableWidth(columns: readonly Column[], gap: number): number {
  return columns.reduce((sum, column) => sum + columnWidth(column), gap * (columns.length - 1));
}

function columnWidth({ title, cells }: Column): number {
  return Math.max(...[title, ...cells].map((text) => widthOf(text)));
}

function tableLines(columns: readonly Column[], gap: number, paint: Paint): string[] {
  const line = (textOf: (column: Column) => string): string =>
    columns
      .map((column) => textOf(column))
      .join(' '.repeat(gap))
      .trimEnd();
  const pad = (column: Column, text: string): string => {
    const width = columnWidth(column);
    return column.isRight === true ? text.padStart(width) : text.padEnd(width);
  };
  const rows = columns[0]?.cells.keys() ?? [];
  return [
    paint(
      'dim',
      line((column) => pad(column, column.title)),
    ),
    ...rows.map((row) =>
      line((column) => {
        const text = pad(column, column.cells[row] ?? '');
        return column.paint?.(text, row) ?? text;
      }),
    ),
  ];
}

/** @param isCurrent whether it is a reason of the present state. What is over needs nobody's attention. */
function failureLines(
  { result, endMs }: Failure,
  isCurrent: boolean,
  nowMs: number,
  { columns }: StatusOptions,
  paint: Paint,
): string[] {
  const { error, evidence, name } = result;
  const block = (text: string): string[] =>
    wrapText(visibleText(clip(text, maxMessageLength)), Math.max(columns - indent.length, 20)).map(
      (line) => `${indent}${line}`,
    );
  const side = describeSide(error.verdict);
  const facts = [error.code, ...describeAnswer(evidence)].map((fact) => oneLine(fact, maxMessageLength));
  return [
    ...wrapText(
      `${isCurrent ? 'current' : 'last'} failure: ${oneLine(name, maxNameLength)}, ${momentText(endMs, nowMs)}`,
      columns,
    ),
    ...block(formatStepError(error)).map((line) => (isCurrent ? paint('red', line) : line)),
    ...block(`What to do: ${error.advice}`),
    paint('dim', wrapParts(`${indent}${side}`, facts, { columns, indent: `${indent}${indent}` })),
  ];
}

function noteLines(overview: Overview, { columns }: StatusOptions, paint: Paint): string[] {
  const { otherInstances, skipped, problems } = overview;
  const shown = otherInstances.map((name) => oneLine(name, maxNameLength));
  const notes = [
    ...(shown.length === 0
      ? []
      : [`There are runs of ${plural(shown.length, 'other instance')}: ${shown.join(', ')}. Choose with --instance`]),
    ...(skipped === 0 ? [] : [`${plural(skipped, 'line')} of the history could not be read as a run`]),
    ...problems.map((problem) => oneLine(problem, maxMessageLength)),
  ];
  return notes.flatMap((note) => {
    const [first = '', ...rest] = wrapText(note, Math.max(columns - indent.length, 20));
    return [`${paint('yellow', '!')} ${first}`, ...rest.map((line) => `${indent}${line}`)];
  });
}

function styleOf(state: StepState | OverallState): 'green' | 'red' | 'yellow' | 'dim' {
  switch (state) {
    case 'up':
      return 'green';
    case 'down':
    case 'issues':
      return 'red';
    case 'degraded':
    case 'blind':
    case 'no fresh data':
      return 'yellow';
    case 'blocked':
      return 'dim';
    default:
      return state satisfies never;
  }
}
