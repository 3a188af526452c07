import { readdir, readFile } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { parseRecord } from '../../history/run-record.ts';
import { rehearseRuns } from '../../history/testing/rehearsal.ts';
import { writeRuns } from '../../history/testing/write-runs.ts';
import { updateTotals } from '../../history/totals.ts';
import { startCollector, type Collector } from '../../metrics/testing/collector.ts';
import { traceOf } from '../../metrics/trace.ts';
import { renderJunit } from '../../reporters/junit.ts';
import { renderSummary } from '../../reporters/summary.ts';
import { byId, rowsOf, type PageElement } from '../../reporters/html/testing/parse-page.ts';
import { parseJunit } from '../harness/parse-junit.ts';
import { liveEnv, makeResultsDir, preload, runAwsiam, runProgram, projectDir, vitestFile } from '../harness/run.ts';
import { startIam } from '../harness/servers.ts';
import { Comparison } from './one-story/comparison.ts';
import {
  between,
  countersOf,
  CoveredSeconds,
  type Covered,
  endOf,
  expectedChanges,
  failureOf,
  figuresOf,
  quantile,
  readLines,
  sideOf,
  startOf,
  stepNames,
  whole,
  type Run,
  type Step,
} from './one-story/figures.ts';
import {
  readCount,
  readCsv,
  readKeyFigures,
  readPair,
  readPercent,
  readPrometheus,
  readReport,
  readStatusTable,
  readSummary,
  readTime,
} from './one-story/views.ts';

/** Every view of a history of 30 days against figures that are computed from its lines without the product's code. */

const dayMs = 86_400_000;
const minuteMs = 60_000;
/** The end of the rehearsed history: its last run was a minute ago, and the next one is not due yet. */
const endMs = Date.now() + minuteMs;
const instance = 'us-east-1';
const names = [...stepNames, whole] as const;

// What a program prints is compared, not trusted.
// oxlint-disable-next-line typescript/no-explicit-any
type Json = any;

const minute = (ms: number): string => new Date(ms).toISOString().slice(0, 16).replace('T', ' ');
const percentDown = (part: number, of: number): number => Math.floor((part * 10_000) / of + 1e-9) / 100;

/** Computes the figures of some days before a moment. */
class Story {
  readonly runs: readonly Run[];
  readonly #covered: ReadonlyMap<string, CoveredSeconds>;

  constructor(runs: readonly Run[]) {
    this.runs = runs;
    this.#covered = new Map(names.map((name) => [name, new CoveredSeconds(runs, name)]));
  }

  figures(name: string, fromMs: number, toMs: number) {
    const figures = figuresOf(between(this.runs, fromMs, toMs), name);
    const answered = figures.passed + figures.failedTheirs;
    return {
      ...figures,
      medianMs: quantile(figures.timesMs, 50),
      p95Ms: quantile(figures.timesMs, 95),
      answered,
      covered: this.#covered.get(name)?.between(fromMs, toMs) ?? { partMs: NaN, ofMs: NaN, toleranceMs: 0 },
    };
  }
}

const counts = ['runs', 'passed', 'failedTheirs', 'failedOurs', 'blocked', 'interrupted'] as const;

function compareStatusJson(all: Comparison, story: Story, json: Json, nowMs: number): void {
  const view = 'awsiam status --json';
  for (const name of names) {
    const shown = name === whole ? json.run : json.steps.find((step: Json) => step.name === name);
    for (const [span, days] of [
      ['day', 1],
      ['week', 7],
    ] as const) {
      const fromMs = nowMs - days * dayMs;
      const computed = story.figures(name, fromMs, nowMs);
      const at = `${name}, last ${span}: `;
      for (const count of counts) all.same(view, `${at}${count}`, shown[span][count], computed[count]);
      all.same(view, `${at}failedBy`, sorted(shown[span].failedBy), sorted(computed.failedBy));
      all.near(view, `${at}medianMs`, shown[span].medianMs, computed.medianMs, 0.0005);
      all.near(view, `${at}p95Ms`, shown[span].p95Ms, computed.p95Ms, 0.0005);
      const { availability, coverage } = shown[span];
      all.same(view, `${at}availability`, [availability.part, availability.of], [computed.passed, computed.answered]);
      all.same(view, `${at}time to cover`, coverage.of, computed.covered.ofMs);
      all.near(view, `${at}coverage`, coverage.part, computed.covered.partMs, computed.covered.toleranceMs);
    }
    if (name === whole) continue;
    const failed = between(story.runs, nowMs - 7 * dayMs, nowMs).findLast((run) => failureOf(run)?.name === name);
    compareFailure(all, view, `last failure of ${name}`, shown.lastFailure, failed);
    const last = story.runs.at(-1)?.steps.find((step) => step.name === name);
    all.same(view, `${name}: last`, shown.last, { state: last?.state, durationMs: last?.durationMs ?? null });
  }
  const newest = story.runs.findLast((run) => failureOf(run) !== undefined);
  compareFailure(all, view, 'last failure', json.lastFailure, newest);
}

function compareFailure(all: Comparison, view: string, what: string, shown: Json, run: Run | undefined): void {
  const failure = run && failureOf(run);
  if (failure?.error === undefined) {
    all.same(view, what, shown, null);
    return;
  }
  const { verdict, code, message } = failure.error;
  all.same(
    view,
    what,
    [shown?.step, shown?.startedAt, shown?.verdict, shown?.side, shown?.code, shown?.message, shown?.requestId],
    [failure.name, failure.startedAt, verdict, sideOf(verdict), code, message, failure.evidence?.requestId ?? null],
  );
}

const sorted = (record: Readonly<Record<string, number>>) =>
  Object.entries(record).toSorted(([a], [b]) => a.localeCompare(b));

function compareStatusText(all: Comparison, story: Story, text: string, nowMs: number): void {
  const view = 'the table of awsiam status';
  for (const [title, days, at] of [
    ['last 24 hours', 1, 2],
    ['last 7 days', 7, 0],
  ] as const) {
    const rows = readStatusTable(text, title);
    for (const name of names) {
      const cells = rows.get(name) ?? [];
      const computed = story.figures(name, nowMs - days * dayMs, nowMs);
      const figure = `${name}, ${title}: `;
      all.near(view, `${figure}median`, readTime(cells[at] ?? ''), computed.medianMs);
      all.near(view, `${figure}p95`, readTime(cells[at + 1] ?? ''), computed.p95Ms);
      if (days === 1) continue;
      const [availability = '', coverage = ''] = cells.slice(2);
      all.same(
        view,
        `${figure}availability`,
        readPercent(availability),
        percentDown(computed.passed, computed.answered),
      );
      all.same(
        view,
        `${figure}runs of the availability`,
        Number(/of (\d+)/.exec(availability)?.[1]),
        computed.answered,
      );
      compareCoverage(all, view, `${figure}coverage`, coverage, computed.covered);
    }
  }
}

/** Percent are rounded down, and the computed seconds are rounded, too. */
function compareCoverage(
  all: Comparison,
  view: string,
  figure: string,
  shown: string,
  { partMs, ofMs, toleranceMs }: Covered,
): void {
  all.near(view, figure, readPercent(shown), (partMs / ofMs) * 100, 0.0101 + (toleranceMs / ofMs) * 100);
  const unit = / (h|min)$/.exec(shown)?.[1];
  if (unit === undefined) return;
  const unitMs = unit === 'h' ? 60 * minuteMs : minuteMs;
  const [part, of] = readPair(shown);
  all.near(view, `${figure} in ${unit}`, part, partMs / unitMs, 0.0501 + toleranceMs / unitMs);
  all.near(view, `${figure}, of how many ${unit}`, of, ofMs / unitMs, 0.0501);
}

function compareReport(
  all: Comparison,
  view: string,
  story: Story,
  page: PageElement,
  { nowMs, days }: { readonly nowMs: number; readonly days: number },
): void {
  const fromMs = nowMs - days * dayMs;
  const run = story.figures(whole, fromMs, nowMs);
  const key = readKeyFigures(page);
  const available = key.get('Availability of whole runs');
  all.same(
    view,
    'availability of whole runs',
    readPercent(available?.figure ?? ''),
    percentDown(run.passed, run.answered),
  );
  all.same(view, 'runs of that availability', readPair(available?.of ?? ''), [run.passed, run.answered]);
  const coverageTexts = key.get('Coverage');
  compareCoverage(all, view, 'coverage', `${coverageTexts?.figure} ${coverageTexts?.of}`, run.covered);
  const time = key.get('Time of a whole run');
  all.near(view, 'median of whole runs', readTime(time?.figure ?? ''), run.medianMs);
  all.near(view, 'p95 of whole runs', readTime(/p95 is (.*)$/.exec(time?.of ?? '')?.[1] ?? ''), run.p95Ms);
  all.same(view, 'runs', readCount(key.get('Runs')?.figure), run.runs);
  const bySide = [...(key.get('Runs')?.of ?? '').matchAll(/\d[\d,]*(?= )/g)].map(([text]) => readCount(text));
  all.same(view, 'failed and interrupted runs', bySide, [run.failedTheirs, run.failedOurs, run.interrupted]);

  const steps = rowsOf(page, 'Each step now');
  const distribution = rowsOf(page, 'Times of the runs that passed');
  const calendar = rowsOf(page, 'Availability, and coverage below it');
  for (const name of stepNames) {
    const computed = story.figures(name, fromMs, nowMs);
    const row = steps.find(({ step }) => step === name) ?? {};
    all.near(view, `${name}: median`, readTime(row['median'] ?? ''), computed.medianMs);
    all.near(view, `${name}: p95`, readTime(row['p95'] ?? ''), computed.p95Ms);
    const [availability = '', coverage = ''] = [row['availability'], row['coverage']];
    all.same(view, `${name}: availability`, readPercent(availability), percentDown(computed.passed, computed.answered));
    all.same(view, `${name}: its runs`, readPair(availability.replace(/^.*%/, '')), [
      computed.passed,
      computed.answered,
    ]);
    compareCoverage(all, view, `${name}: coverage`, coverage, computed.covered);
    const failed = (side: string): number =>
      readCount(new RegExp(`([\\d,]+) failed on ${side}`).exec(row['over time'] ?? '')?.[1] ?? '0');
    all.same(view, `${name}: failed`, [failed('IAM'), failed('our')], [computed.failedTheirs, computed.failedOurs]);

    const spread = distribution.find(({ step }) => step === name) ?? {};
    all.same(view, `${name}: runs that passed`, readCount(spread['runs']), computed.passed);
    for (const [head, percent] of [
      ['shortest', 0],
      ['median (p50)', 50],
      ['p95', 95],
      ['p99', 99],
      ['longest (max)', 100],
    ] as const) {
      all.near(view, `${name}: ${head}`, readTime(spread[head] ?? ''), quantile(computed.timesMs, percent));
    }

    const buckets = rowsOf(page, `${name}, `);
    const sum = (head: string): number => buckets.reduce((total, each) => total + readCount(each[head]), 0);
    const shown = ['runs', 'passed', 'failed, IAM’s side', 'failed, our side', 'blocked', 'interrupted'].map(sum);
    all.same(
      view,
      `${name}: counts of its timeline`,
      shown,
      counts.map((count) => computed[count]),
    );
  }
  for (const row of calendar) {
    const dayFrom = Math.max(fromMs, Date.parse(row['day'] ?? ''));
    const dayTo = Math.min(nowMs, Date.parse(row['day'] ?? '') + dayMs);
    for (const name of names) {
      const computed = story.figures(name, dayFrom, dayTo);
      const figure = `${name} on ${row['day']}: `;
      const cell = row[name] ?? '';
      all.same(view, `${figure}availability`, readPair(cell.replace(/^\S+ %/, '')), [
        computed.passed,
        computed.answered,
      ]);
      const [, , coverage = ''] = /^(.*? of [\d,]+) (.*)$/.exec(cell) ?? [];
      compareCoverage(all, view, `${figure}coverage`, coverage, computed.covered);
    }
  }
  all.same(view, 'days', calendar.length, Math.ceil(nowMs / dayMs) - Math.floor(fromMs / dayMs));

  const retried = between(story.runs, fromMs, nowMs).flatMap((each) => each.steps);
  const retries = rowsOf(page, 'All steps, ');
  const total = (head: string): number => retries.reduce((sum, each) => sum + readCount(each[head]), 0);
  const extra = retried.reduce((sum, { evidence }) => sum + Math.max(0, (evidence?.attempts ?? 0) - 1), 0);
  all.same(view, 'requests after the first', total('requests after the first'), extra);
  const throttled = retried.flatMap(({ evidence }) => evidence?.tries ?? []).filter((attempt) => attempt.throttled);
  all.same(view, 'throttled answers', total('throttled'), throttled.length);
  const slowest = rowsOf(page, 'The slowest runs').map((row) => `${row['run (UTC)']}`);
  const slow = between(story.runs, fromMs, nowMs)
    .filter(({ state }) => state === 'passed')
    .toSorted((a, b) => b.durationMs - a.durationMs)
    .slice(0, 10)
    .map(({ startedAt }) => startedAt.slice(0, 19).replace('T', ' '));
  all.same(view, 'the slowest runs', slowest, slow);
}

function compareChanges(all: Comparison, view: string, page: PageElement, story: Story): void {
  const shown = rowsOf(page, 'All states, oldest first');
  const expected = expectedChanges(story.runs, endMs);
  all.same(
    view,
    'the states',
    shown.map(({ state }) => state),
    expected.map(({ state }) => state),
  );
  for (const [index, { state, fromMs, toMs }] of expected.entries()) {
    const from = shown[index]?.['from (UTC)'] ?? '';
    const isThen = from >= minute(fromMs) && from <= minute(toMs);
    // The first one began before the time of the report.
    if (index > 0) all.same(view, `when IAM became ${state}`, isThen ? minute(fromMs) : from, minute(fromMs));
  }
}

function compareGroups(all: Comparison, view: string, page: PageElement, runs: readonly Run[]): void {
  const groups = new Map<string, { count: number; last: string }>();
  for (const run of runs) {
    const { name, error, evidence } = failureOf(run) ?? {};
    if (error === undefined) continue;
    const group = [name, error.verdict, sideOf(error.verdict) === 'ours' ? 'ours' : 'IAM’s', error.code].join(' ');
    groups.set(group, { count: (groups.get(group)?.count ?? 0) + 1, last: evidence?.requestId ?? 'none' });
  }
  const shown = rowsOf(page, 'Failures by step').map((row) =>
    [
      [row['step'], row['verdict'], row['whose side'], row['code']].join(' '),
      readCount(row['runs']),
      row['last request id'],
    ].join(', '),
  );
  all.same(
    view,
    'failures by kind',
    shown.toSorted(),
    [...groups].map(([group, { count, last }]) => [group, count, last].join(', ')).toSorted(),
  );
}

function compareCsv(all: Comparison, text: string, runs: readonly Run[]): void {
  const view = 'awsiam report --csv';
  const rows = readCsv(text);
  const expected = runs.flatMap((run) => run.steps.map((step) => ({ run, step })));
  all.same(view, 'number of rows', rows.length, expected.length);
  for (const [index, { run, step }] of expected.entries()) {
    const row = rows[index] ?? {};
    const { error, evidence = {} } = step;
    const cells = {
      run_started_at: run.startedAt,
      run_state: run.state,
      step: step.name,
      step_state: step.state,
      duration_ms: step.durationMs,
      attempts: evidence.attempts,
      propagation_ms: evidence.propagationMs,
      http_status: evidence.httpStatus,
      request_id: evidence.requestId,
      verdict: error?.verdict,
      side: error && sideOf(error.verdict),
      code: error?.code,
      reason: step.reason,
    };
    const shown = Object.keys(cells).map((name) => row[name]);
    const computed = Object.values(cells).map((value) => String(value ?? ''));
    if (shown.join('\n') !== computed.join('\n')) {
      all.same(view, `row ${index + 1}`, shown, computed);
      break;
    }
  }
}

/** The series of a metric that are in `countersOf`, by the same keys. */
function keyOfSample(name: string, labels: Readonly<Record<string, string>>): string | undefined {
  const { step = '', result = '', verdict, side, le } = labels;
  switch (name) {
    case 'awsiam_runs_total':
      return ['runs', result, side].filter(Boolean).join(' ');
    case 'awsiam_step_results_total':
      return ['results', step, result, verdict, side].filter(Boolean).join(' ');
    case 'awsiam_step_duration_seconds_bucket':
      return `bucket ${step} ${result} ${le === '+Inf' ? 'Infinity' : le}`;
    case 'awsiam_step_duration_seconds_count':
      return `count ${step} ${result}`;
    case 'awsiam_step_duration_seconds_sum':
      return `sum ${step} ${result}`;
    case 'awsiam_step_attempts_total':
      return `attempts ${step}`;
    case 'awsiam_step_propagation_time_seconds_total':
      return `propagation ${step}`;
    case 'awsiam_leftovers_total':
      return 'leftovers';
    case 'awsiam_swept_total':
      return 'swept';
    case 'awsiam_skipped_beats_total':
      return 'skipped beats';
    default:
      return undefined;
  }
}

function compareCounters(
  all: Comparison,
  view: string,
  shown: ReadonlyMap<string, number>,
  runs: readonly Run[],
): void {
  const computed = countersOf(runs);
  all.same(view, 'the series', [...shown.keys()].toSorted(), [...computed.keys()].toSorted());
  for (const [key, value] of computed) all.near(view, key, shown.get(key) ?? NaN, value, 1e-6);
}

function comparePrometheus(all: Comparison, text: string, { runs }: Story): void {
  const view = 'awsiam.prom';
  const samples = readPrometheus(text);
  const shown = new Map<string, number>();
  for (const { name, labels, value } of samples) {
    const key = keyOfSample(name, labels);
    if (key !== undefined) shown.set(key, value);
    all.same(view, `monitor_instance of ${name}`, labels['monitor_instance'], instance);
  }
  compareCounters(all, view, shown, runs);
  const last = runs.at(-1);
  const remaining = runs.findLast(({ sweptRemaining }) => sweptRemaining !== undefined)?.sweptRemaining;
  const gauge = (name: string): number | undefined => samples.find((sample) => sample.name === name)?.value;
  const one = (name: string, label: string, step?: string): (string | undefined)[] =>
    samples
      .filter(({ name: each, labels, value }) => each === name && value === 1 && labels['step'] === step)
      .map(({ labels }) => labels[label]);
  all.near(
    view,
    'time of the last run',
    gauge('awsiam_last_run_timestamp_seconds') ?? NaN,
    last ? endOf(last) / 1000 : NaN,
  );
  all.near(
    view,
    'time of the last look',
    gauge('awsiam_last_look_timestamp_seconds') ?? NaN,
    last ? endOf(last) / 1000 : NaN,
  );
  all.same(view, 'interval', gauge('awsiam_interval_seconds'), last?.intervalSecs);
  all.same(view, 'undelivered', gauge('awsiam_undelivered_total'), 0);
  all.same(view, 'sweep remaining', gauge('awsiam_sweep_remaining'), remaining);
  all.same(view, 'result of the last run', one('awsiam_last_run_result', 'result'), [last?.state]);
  all.same(view, 'state', one('awsiam_state', 'state'), ['up']);
  for (const step of stepNames) all.same(view, `state of ${step}`, one('awsiam_step_state', 'state', step), ['up']);
}

function compareOtlp(all: Comparison, collector: Collector, last: Run): void {
  const view = 'the OTLP metrics of the last run';
  all.same(view, 'refusals of the collector', collector.refusals, []);
  const shown = new Map<string, number>();
  for (const { name, kind, temporality, points } of collector.metrics.flatMap(({ items }) => items)) {
    if (kind !== 'gauge') all.same(view, `temporality of ${name}`, temporality, 1);
    const base = name.replaceAll('.', '_');
    for (const { attributes, value = NaN, count, sum = 0, buckets = [], limits = [] } of points) {
      const labels = attributes as Record<string, string>;
      const set = (suffix: string, number: number, le?: string): void => {
        const key = keyOfSample(`${base}${suffix}`, { ...labels, ...(le !== undefined && { le }) });
        if (key !== undefined) shown.set(key, number);
      };
      if (kind === 'sum') set(name.endsWith('_time') ? '_seconds_total' : '_total', value);
      if (kind !== 'histogram') continue;
      set('_seconds_count', count ?? NaN);
      set('_seconds_sum', sum);
      let upTo = 0;
      for (const [index, inBucket] of buckets.entries()) {
        upTo += inBucket;
        set('_seconds_bucket', upTo, limits[index] === undefined ? '+Inf' : String(limits[index]));
      }
    }
  }
  // A delta may leave out what did not happen.
  for (const [key, value] of countersOf([last])) all.near(view, key, shown.get(key) ?? 0, value, 1e-6);
}

/** One run in the three views of a single run. */
interface RunViews {
  readonly junit: string;
  readonly summary: string;
  readonly spans: readonly Span[];
}

interface Span {
  readonly name: string;
  readonly id: string;
  readonly parent: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: Readonly<Record<string, unknown>>;
}

function compareRun(all: Comparison, run: Run, { junit, summary, spans }: RunViews): void {
  const failure = failureOf(run);
  const verdict = failure?.error?.verdict;
  const side = verdict === undefined ? undefined : sideOf(verdict);
  const inState = (state: Step['state']): number => run.steps.filter((step) => step.state === state).length;

  const xml = 'the JUnit document of a run';
  const suite = parseJunit(junit);
  all.same(
    xml,
    'tests, failures, errors, skipped',
    [suite.tests, suite.failures, suite.errors, suite.skipped],
    [run.steps.length, Number(side === 'theirs'), Number(side === 'ours'), inState('blocked') + inState('interrupted')],
  );
  all.same(xml, 'its time', suite.timestamp, run.startedAt);
  all.near(
    xml,
    'its duration',
    Number(/<testsuite [^>]*\btime="([\d.]+)"/.exec(junit)?.[1]),
    run.durationMs / 1000,
    0.00051,
  );

  const markdown = 'the Markdown summary of a run';
  const { headline, steps } = readSummary(summary);
  const outcome = {
    passed: /^✓ IAM: all 8 steps passed/,
    failed:
      side === 'theirs'
        ? new RegExp(`^✗ IAM failed at ${failure?.name}: ${verdict} \\(IAM's side\\)$`)
        : new RegExp(`^✗ The monitor could not look: ${verdict} at ${failure?.name} \\(our side\\)$`),
    interrupted: /^! Not finished: the run was interrupted/,
  }[run.state];
  all.same(markdown, 'verdict and side in its headline', outcome.test(headline) ? run.state : headline, run.state);

  const trace = 'the trace of a run';
  const root = spans.find(({ name }) => name === 'awsiam');
  const status = { passed: 'success', failed: 'failure', interrupted: 'aborted' }[run.state];
  all.same(trace, 'result', root?.attributes['test.suite.run.status'], status);
  all.same(
    trace,
    'verdict and side',
    [root?.attributes['awsiam.verdict'], root?.attributes['awsiam.side']],
    [verdict, side],
  );
  all.near(trace, 'start', root?.startMs ?? NaN, startOf(run), 0.01);
  all.near(trace, 'duration', (root?.endMs ?? NaN) - (root?.startMs ?? NaN), run.durationMs, 1.01);
  all.same(trace, 'number of steps', spans.filter(({ parent }) => parent === root?.id).length, 8 - inState('blocked'));

  for (const step of run.steps) {
    const { name, state, durationMs = 0, evidence = {} } = step;
    const testCase = suite.cases.find((each) => each.name === name);
    const skipped = state === 'blocked' || state === 'interrupted';
    const asCase = state === 'passed' ? 'passed' : skipped ? 'skipped' : side === 'theirs' ? 'failure' : 'error';
    all.same(xml, `${name}: result`, [testCase?.outcome, testCase?.verdict], [asCase, step.error?.verdict]);
    all.near(xml, `${name}: duration`, testCase?.timeSecs ?? NaN, durationMs / 1000, 0.00051);
    all.same(xml, `${name}: request id`, testCase?.properties['requestId'], evidence.requestId);

    const [result = '', time = '', attempts = '', propagation = '', requestId = ''] = steps.get(name) ?? [];
    const word = state === 'failed' ? `failed: ${verdict} (${side === 'theirs' ? "IAM's side" : 'our side'})` : state;
    all.same(
      markdown,
      `${name}: result`,
      state === 'passed' || state === 'failed' ? result : result.split(':')[0],
      word,
    );
    const span = spans.find((each) => each.name === name);
    all.same(trace, `${name}: whether it ran`, span !== undefined, state !== 'blocked');
    if (state === 'blocked') continue;
    all.near(markdown, `${name}: duration`, readTime(time), durationMs);
    all.same(markdown, `${name}: attempts`, attempts, String(evidence.attempts ?? ''));
    if (evidence.propagationMs)
      all.near(markdown, `${name}: propagation`, readTime(propagation), evidence.propagationMs);
    else all.same(markdown, `${name}: propagation`, propagation, '');
    all.same(markdown, `${name}: request id`, requestId, evidence.requestId ?? '');

    const caseStatus = { passed: 'pass', failed: 'fail', interrupted: 'aborted' }[state];
    all.same(trace, `${name}: result`, span?.attributes['test.case.result.status'], caseStatus);
    all.same(trace, `${name}: verdict`, span?.attributes['awsiam.verdict'], step.error?.verdict);
    all.near(trace, `${name}: start`, span?.startMs ?? NaN, Date.parse(step.startedAt ?? ''), 0.01);
    all.near(trace, `${name}: duration`, (span?.endMs ?? NaN) - (span?.startMs ?? NaN), durationMs, 0.01);
    const sent = spans.filter(({ parent }) => parent === span?.id);
    all.same(trace, `${name}: attempts`, sent.length, evidence.attempts);
    const ids = evidence.tries?.map((attempt) => attempt.requestId) ?? [evidence.requestId];
    all.same(
      trace,
      `${name}: request ids`,
      sent.map(({ attributes }) => attributes['aws.request_id']),
      ids,
    );
  }
}

/** Every run that is not like most, and every hundredth that is. */
function compareSingleRuns(all: Comparison, lines: readonly string[]): Record<string, number> {
  const kinds: Record<string, number> = {};
  for (const [index, line] of lines.entries()) {
    const run = JSON.parse(line) as Run;
    const tries = run.steps.flatMap(({ evidence }) => evidence?.tries ?? []);
    const verdict = failureOf(run)?.error?.verdict;
    const kind =
      verdict !== undefined
        ? sideOf(verdict)
        : run.state === 'interrupted'
          ? 'interrupted'
          : tries.some(({ throttled }) => throttled)
            ? 'throttled'
            : tries.length > 0
              ? 'propagation'
              : 'passed';
    const isUsual = kind === 'passed' || kind === 'propagation' || kind === 'throttled';
    kinds[kind] = (kinds[kind] ?? 0) + 1;
    if (isUsual && (kinds[kind] ?? 0) % 100 !== 1) continue;
    const record = parseRecord(line);
    if (record === undefined) {
      all.same('the history', `line ${index + 1}`, 'no run', kind);
      continue;
    }
    const spans = traceOf(record, { randomBytes }).map((span) => ({
      ...span,
      id: span.spanId,
      parent: span.parentSpanId ?? '',
    }));
    const views = { junit: renderJunit(record), summary: renderSummary(record, { earlier: [] }), spans };
    compareRun(all.about(`the run of ${run.startedAt} (${kind})`), run, views);
  }
  return kinds;
}

/** Runs a command at a moment. It must succeed. */
async function awsiam(args: readonly string[], resultsDir: string, nowMs: number, columns = '100'): Promise<string> {
  const env = {
    METRIST_RESULTS_DIR: resultsDir,
    COLUMNS: columns,
    E2E_DATE_FIXED_MS: String(nowMs),
    ...preload('fake-date.ts'),
  };
  const ended = await runAwsiam(args, env);
  expect(ended.code, ended.everything).toBe(0);
  return ended.stdout;
}

/** What the state must be in the middle of each incident: our own, and Metrist's, which counts our failures. */
const moments = [
  { what: 'while the host was off', agoMs: 5 * dayMs - 4 * 60 * minuteMs, state: 'no fresh data', metrist: 'up' },
  { what: 'in the hour of HTTP 500', agoMs: 4 * dayMs - 10.5 * 60 * minuteMs, state: 'issues', metrist: 'issues' },
  { what: 'in the slow afternoon', agoMs: 3 * dayMs - 12.5 * 60 * minuteMs, state: 'degraded', metrist: 'degraded' },
  { what: 'while the key was expired', agoMs: 2 * dayMs - 4 * 60 * minuteMs, state: 'blind', metrist: 'down' },
] as const;

async function compareMoments(all: Comparison, runs: readonly Run[]): Promise<void> {
  await Promise.all(
    moments.map(async ({ what, agoMs, state, metrist }) => {
      const nowMs = endMs - agoMs;
      const resultsDir = await makeResultsDir();
      await writeRuns(
        resultsDir,
        runs.filter((run) => endOf(run) <= nowMs && startOf(run) > nowMs - 8 * dayMs) as never,
      );
      const json: Json = JSON.parse(await awsiam(['status', '--json'], resultsDir, nowMs));
      all.same('awsiam status --json', `the state ${what}`, json.state, state);
      all.same('awsiam status --json', `Metrist's answer ${what}`, json.metrist.state, metrist);
    }),
  );
}

test('a history of 30 days tells the same story in every view', async () => {
  const all = new Comparison();
  const resultsDir = await makeResultsDir();
  await writeRuns(resultsDir, rehearseRuns({ endMs, days: 30, instance }));
  // However slow the machine is, the run below finds totals that are complete but for itself.
  const startedAt = new Date(endMs).toISOString();
  const folded = await updateTotals({ resultsDir, run: { mode: 'live', instance, startedAt }, catchUpMs: Infinity });
  expect(folded.state).toBe('updated');

  const iam = await startIam('CreateUser=Throttling:1,AddUserToGroup=NoSuchEntity:1,DeleteGroup=ServiceFailure:3');
  const collector = await startCollector();
  onTestFinished(() => collector.close());
  const jobSummary = path.join(await makeResultsDir(), 'job.md');
  const live = await runProgram(process.execPath, [vitestFile, 'run'], {
    cwd: projectDir,
    env: {
      ...liveEnv,
      AWS_ENDPOINT_URL_IAM: iam.url,
      METRIST_RESULTS_DIR: resultsDir,
      METRIST_INSTANCE_ID: instance,
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      GITHUB_STEP_SUMMARY: jobSummary,
      AWSIAM_SUMMARY: 'true',
    },
  });
  expect(live.code, live.everything).toBe(1);
  const inResults = async (name: string): Promise<string> => await readFile(path.join(resultsDir, name), 'utf8');

  const runs = await readLines(resultsDir);
  const last = runs.at(-1);
  if (last === undefined || last.namespace !== 'e2e') throw new Error('the last run is not in the history');
  const story = new Story(runs);
  const nowMs = Math.ceil(endOf(last)) + 1000;
  const month = between(runs, nowMs - 30 * dayMs, nowMs);

  const [json, text, page, csv] = await Promise.all([
    awsiam(['status', '--json'], resultsDir, nowMs),
    awsiam(['status'], resultsDir, nowMs),
    awsiam(['report', '--days', '30', '--out', '-'], resultsDir, nowMs),
    awsiam(['report', '--days', '30', '--csv'], resultsDir, nowMs),
    compareMoments(all, runs),
  ]);
  const status: Json = JSON.parse(json);
  const up = expectedChanges(runs, endMs).at(-1);
  const since = new Date(up?.fromMs ?? NaN).toISOString();
  all.same('awsiam status --json', 'state', [status.state, status.since, status.metrist.state], ['up', since, 'up']);
  compareStatusJson(all, story, status, nowMs);
  all.same(
    'the table of awsiam status',
    'state',
    /^awsiam: (.*) UTC/.exec(text)?.[1],
    `up since ${minute(up?.fromMs ?? NaN)}`,
  );
  compareStatusText(all, story, text, nowMs);
  const { name: failedStep, error, evidence } = failureOf(last) ?? {};
  const [, shownStep, shownFacts = ''] = /failure: (\w+), ([^]*?)\n(?:\n|$)/.exec(text) ?? [];
  const facts = [
    failedStep,
    `IAM's side · ${error?.code} · HTTP ${evidence?.httpStatus} · request ${evidence?.requestId}`,
  ];
  const ofFailure = shownFacts.split('\n').at(-1)?.trim();
  all.same('the table of awsiam status', 'the last failure', [shownStep, ofFailure], facts);

  const monthly = readReport(page);
  compareReport(all, 'awsiam report', story, monthly, { nowMs, days: 30 });
  compareChanges(all, 'awsiam report', monthly, story);
  compareGroups(all, 'awsiam report', monthly, month);
  const weekly = readReport(await inResults('report.html'));
  compareReport(all, 'report.html of the last run', story, weekly, { nowMs: endOf(last), days: 7 });
  const requestId = failureOf(last)?.evidence?.requestId ?? 'none';
  all.same(
    'report.html of the last run',
    'request id',
    byId(weekly, 'failure').name === 'h2' && weekly.text.includes(requestId),
    true,
  );

  compareCsv(all, csv, month);
  comparePrometheus(all, await inResults('awsiam.prom'), story);
  compareOtlp(all, collector, last);
  const spans = collector.traces
    .flatMap(({ items }) => items)
    .map(({ name, spanId: id, parentSpanId: parent, startNs, endNs, attributes }) => {
      const [startMs, lastMs] = [Number(startNs / 1000n) / 1000, Number(endNs / 1000n) / 1000];
      return { name, id, parent, startMs, endMs: lastMs, attributes };
    });
  const summary = await inResults('summary.md');
  compareRun(all.about('the last run'), last, { junit: await inResults('junit.xml'), summary, spans });
  all.same('the summary of the GitHub job', 'its text', await readFile(jobSummary, 'utf8'), summary);

  const files = (await readdir(path.join(resultsDir, 'runs'))).toSorted();
  const lines = await Promise.all(files.map(async (name) => (await inResults(`runs/${name}`)).trimEnd().split('\n')));
  const kinds = compareSingleRuns(all, lines.flat());

  expect(all.disagreements).toBe('');
  // The history had everything that can happen.
  for (const kind of ['passed', 'theirs', 'ours', 'interrupted', 'throttled', 'propagation']) {
    expect(kinds[kind], kind).toBeGreaterThan(0);
  }
  expect(all.compared).toBeGreaterThan(2000);
});
