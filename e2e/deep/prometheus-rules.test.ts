import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { expect, test, type TestContext } from 'vitest';
import { noonMs, runRecord } from '../../history/testing/builders.ts';
import { Totals } from '../../history/totals.ts';
import { type Metric, metricsOf } from '../../metrics/model.ts';
import { verdicts } from '../../runner/step-result.ts';
import { passedStep } from '../../runner/testing/builders.ts';
import { need } from '../../runner/testing/needs.ts';
import { stepNames } from '../harness/conformance.ts';
import { projectDir } from '../harness/run.ts';

const run = promisify(execFile);
const rulesDir = path.join(projectDir, 'deploy/prometheus');
const rules = await readFile(path.join(rulesDir, 'alerts.yml'), 'utf8');
const rulesTests = ['alerts.test.yml', 'vanished-host.test.yml'];

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly fieldConfig?: {
    readonly overrides: readonly { readonly matcher: { readonly id: string; options: string } }[];
  };
  readonly targets?: readonly { readonly refId: string; readonly expr: string; readonly datasource: unknown }[];
}

const dashboard = JSON.parse(await readFile(path.join(projectDir, 'deploy/grafana/awsiam.json'), 'utf8')) as {
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly definition?: string }[] };
};

/** Every query of the dashboard, with the values that Grafana puts in for its variables. */
const queries = dashboard.panels.flatMap(({ title, targets = [] }) =>
  targets.map(({ refId, expr }) => ({
    title: `${title} ${refId}`,
    expr: expr
      .replaceAll('$monitor_instance', '.*')
      .replaceAll('$__range_s', '3600')
      .replaceAll('$__range', '1h')
      .replaceAll('$__interval', '10m'),
  })),
);

/** The labels that each metric of the model has, besides monitor_instance, and their values, by its name in Prometheus. */
const metrics: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = Object.fromEntries(
  everyMetric().map((metric) => {
    const unit = metric.unit === 's' ? '_seconds' : '';
    const name = `${metric.name.replaceAll('.', '_')}${unit}${metric.kind === 'counter' ? '_total' : ''}`;
    const labels: Record<string, string[]> = {};
    for (const { attributes } of metric.points) {
      for (const [label, value] of Object.entries(attributes)) (labels[label] ??= []).push(value);
    }
    return [name, labels];
  }),
);
const states = metrics['awsiam_state']?.['state'] ?? [];
const stepStates = [...new Set(metrics['awsiam_step_state']?.['state'])];

/** What the model makes of a run. It has a point for each result, verdict and state, also for those that never occurred. */
function everyMetric(): readonly Metric[] {
  const totals = new Totals();
  const steps = stepNames.map((name) => passedStep({ name }));
  totals.add(
    runRecord(noonMs, { kind: 'passed' }, { steps, namespace: 'test', region: 'us-east-1', sweptRemaining: 0 }),
  );
  const [source] = totals.instances('live');
  if (source === undefined) throw new Error('the run of the builder is not a live one');
  return metricsOf(source, { nowMs: noonMs + 1000, outboxErrors: 0 });
}

/** Names in rules and queries that no metric has: a metric, a label of a metric, or a value of a label. */
function unknownNames(text: string): string[] {
  const unknown: string[] = [];
  for (const [, name = ''] of text.matchAll(/\b(awsiam_\w+)/g)) {
    if (metrics[name.replace(/_(bucket|sum|count)$/, '')] === undefined) unknown.push(name);
  }
  for (const [, name = '', matchers = ''] of text.matchAll(/(awsiam_\w+?)(?:_bucket)?(?::\w+)?\{([^}]*)\}/g)) {
    for (const [matcher, label = '', value = ''] of matchers.matchAll(/(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)"/g)) {
      if (['monitor_instance', 'instance', 'le', 'version', 'namespace', 'region'].includes(label)) continue;
      const values = metrics[name]?.[label];
      if (values === undefined || value.split('|').some((each) => !values.includes(each))) {
        unknown.push(`${name}{${matcher}}`);
      }
    }
  }
  const labels = new Set([
    'monitor_instance',
    'instance',
    'alertname',
    'le',
    ...Object.values(metrics).flatMap(Object.keys),
  ]);
  const groupings = text.matchAll(/\b(?:by|on|group_left) \(([^)]*)\)|\$labels\.(\w+)|\{\{(\w+)\}\}/g);
  for (const [, list, ofTemplate, ofLegend] of groupings) {
    const names = (list ?? ofTemplate ?? ofLegend ?? '').split(',').map((name) => name.trim());
    unknown.push(...names.filter((name) => name !== '' && !labels.has(name)));
  }
  return unknown;
}

async function temporaryDir({ onTestFinished }: TestContext): Promise<string> {
  const dir = await mkdtemp(path.join(os.tmpdir(), 'awsiam-prometheus-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

async function promtool(context: TestContext, ...args: readonly string[]): Promise<string> {
  const version = await run('promtool', ['--version']).catch(() => undefined);
  need(context, version, 'promtool (Debian package prometheus)');
  const { stdout } = await run('promtool', args, { cwd: rulesDir });
  return stdout;
}

test('promtool accepts the alert rules', async (context) => {
  expect(await promtool(context, 'check', 'rules', 'alerts.yml')).toContain('SUCCESS: 9 rules found');
});

test('each alert fires when it must, waits, recovers and keeps quiet otherwise', async (context) => {
  expect(await promtool(context, 'test', 'rules', ...rulesTests)).not.toContain('FAILED');
});

test('rules, their tests and dashboard name only metrics, labels and values that exist', async () => {
  const tests = await Promise.all(rulesTests.map((file) => readFile(path.join(rulesDir, file), 'utf8')));
  const legends = dashboard.panels.flatMap(({ targets = [] }) =>
    targets.map((target) => Object.values(target).join(' ')),
  );
  const texts = [
    rules,
    ...tests,
    ...queries.map(({ expr }) => expr),
    ...legends.map((each) => each.replaceAll('$monitor_instance', '.*')),
  ];
  const served = exposition('eu-1', { state: 'up', endSecs: 0, runs: 1 });
  expect([...texts, served].flatMap(unknownNames)).toEqual([]);
  expect(dashboard.templating.list.map(({ definition = '' }) => definition).flatMap(unknownNames)).toEqual([]);
});

test('the check of names finds a wrong metric, label, value, grouping and legend', () => {
  const wrong = 'sum by (stepp) (awsiam_run_total) / awsiam_state{stat="up"} or awsiam_state{state="upp"} {{verdicts}}';
  expect(unknownNames(wrong)).toEqual([
    'awsiam_run_total',
    'awsiam_state{stat="up"}',
    'awsiam_state{state="upp"}',
    'stepp',
    'verdicts',
  ]);
});

test('the dashboard shows every metric', () => {
  const text = queries.map(({ expr }) => expr).join('\n');
  expect(Object.keys(metrics).filter((name) => !text.includes(name))).toEqual([]);
});

test('the panels of the dashboard have ids of their own, descriptions, and a place that no other panel takes', () => {
  const { panels } = dashboard;
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  expect(panels.filter(({ type, description = '' }) => type !== 'row' && !description.endsWith('.'))).toEqual([]);
  const overlaps = panels.flatMap((a, index) =>
    panels
      .slice(index + 1)
      .filter(
        ({ gridPos: b }) =>
          a.gridPos.x < b.x + b.w &&
          b.x < a.gridPos.x + a.gridPos.w &&
          a.gridPos.y < b.y + b.h &&
          b.y < a.gridPos.y + a.gridPos.h,
      )
      .map((b) => `${a.title} and ${b.title}`),
  );
  expect(overlaps).toEqual([]);
  expect(panels.filter(({ gridPos: { x, w } }) => x < 0 || w < 1 || x + w > 24)).toEqual([]);
});

test('each panel asks the chosen data source, for the chosen instances', () => {
  const targets = dashboard.panels.flatMap(({ targets: all = [] }) => all);
  expect(
    targets.filter(({ datasource }) => JSON.stringify(datasource) !== '{"type":"prometheus","uid":"${datasource}"}'),
  ).toEqual([]);
  const selectors = targets.flatMap(({ expr }) => expr.match(/awsiam_\w+(\{[^}]*\})?/g) ?? []);
  expect(selectors.filter((selector) => !selector.includes('monitor_instance=~"$monitor_instance"'))).toEqual([]);
});

test('the colours of the dashboard are for steps and verdicts that exist, and for all of them', () => {
  const overrides = dashboard.panels.flatMap(({ title, fieldConfig }) =>
    (fieldConfig?.overrides ?? []).map(({ matcher }) => ({ title, name: matcher.options })),
  );
  const namesOf = (title: string): string[] => overrides.filter((each) => each.title === title).map(({ name }) => name);
  expect(namesOf('Median time of each step')).toEqual(stepNames);
  expect(namesOf('Wait for propagation')).toEqual(stepNames);
  const all = Object.entries(verdicts).map(([verdict, side]) => `${verdict} (${side})`);
  expect(namesOf('Steps that failed, by verdict').toSorted()).toEqual(all.toSorted());
});

test('every query of the dashboard is valid PromQL', async (context) => {
  const file = path.join(await temporaryDir(context), 'queries.yml');
  const records = queries.map(({ expr }, index) => ({ record: `query:${index}`, expr }));
  // JSON is YAML too.
  await writeFile(file, JSON.stringify({ groups: [{ name: 'queries', rules: records }] }));
  expect(await promtool(context, 'check', 'rules', file)).toContain(`SUCCESS: ${queries.length} rules found`);
});

test('a real Prometheus scrapes two instances, fires their alerts, and answers every query of the dashboard', async (context) => {
  const version = await run('prometheus', ['--version']).catch(() => undefined);
  need(context, version, 'prometheus (Debian package prometheus)');
  const api = await startPrometheus(context, await startTarget(context));

  const firing = async (): Promise<string[]> => {
    const { alerts } = (await api('alerts')) as { alerts: { state: string; labels: Record<string, string> }[] };
    return alerts
      .filter(({ state }) => state === 'firing')
      .map(({ labels }) => `${labels['alertname']} ${labels['monitor_instance']}`)
      .toSorted();
  };
  await expect.poll(firing, patience).toEqual(['AwsIamDown eu-1', 'AwsIamNoFreshData us-1']);

  const answers = async (expr: string): Promise<Record<string, number>> => {
    const { result } = (await api(`query?query=${encodeURIComponent(expr)}`)) as {
      result: { metric: Record<string, string>; value: [number, string] }[];
    };
    return Object.fromEntries(
      result.map(({ metric, value }) => [Object.values(metric).toSorted().join(' '), Number(value[1])]),
    );
  };
  for (const { title, expr } of queries) {
    await expect
      .poll(async () => Object.values(await answers(expr)).filter(Number.isFinite), { ...patience, message: title })
      .not.toEqual([]);
  }
  const answersOf = (title: string): Promise<Record<string, number>> =>
    answers(queries.find((query) => query.title === title)?.expr ?? '');
  const [down, noFreshData, stepDown] = [4, 6, 4];
  expect(await answersOf('IAM now A')).toEqual({ 'eu-1': down, 'us-1': noFreshData });
  // With both instances selected, the steps of the one without fresh data are shown.
  expect(await answersOf('State of each step A')).toMatchObject({ CreateUser: noFreshData });
  const ofOne = queries.find(({ title }) => title === 'State of each step A')?.expr.replaceAll('.*', 'eu-1') ?? '';
  expect(await answers(ofOne)).toMatchObject({ CreateUser: stepDown });
  // Of five runs three passed, one failed on their side, and one on ours.
  expect((await answersOf('Availability A'))['eu-1']).toBeCloseTo(0.75);
  expect((await answersOf('Requests for each result A'))['CreateUser']).toBeCloseTo(2);
  expect((await answersOf('Wait for propagation A'))['CreateUser']).toBeCloseTo(0.5);
});

const patience = { timeout: 60_000, interval: 100 };

/** Starts a server with the metrics of two instances: eu-1 is down, and us-1 was blind when it stopped an hour ago. */
async function startTarget({ onTestFinished }: TestContext): Promise<number> {
  let scrapes = 0;
  const server = http.createServer((_, response) => {
    scrapes += 1;
    const nowSecs = Date.now() / 1000;
    response.setHeader('Content-Type', 'text/plain; version=0.0.4');
    response.end(
      exposition('eu-1', { state: 'down', endSecs: nowSecs, runs: scrapes }) +
        exposition('us-1', { state: 'blind', endSecs: nowSecs - 3600, runs: 1 }),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** The metrics of an instance, in Prometheus' text format. `runs` multiplies all counters. */
function exposition(
  instance: string,
  { state, endSecs, runs }: { state: string; endSecs: number; runs: number },
): string {
  const lines: string[] = [];
  const add = (name: string, value: number, labels: Readonly<Record<string, string>> = {}): void => {
    const pairs = Object.entries({ ...labels, monitor_instance: instance }).map(
      ([label, text]) => `${label}="${text}"`,
    );
    lines.push(`${name}{${pairs.join(',')}} ${value}\n`);
  };
  for (const step of stepNames) {
    for (const le of ['0.1', '0.25', '+Inf']) {
      add('awsiam_step_duration_seconds_bucket', le === '0.1' ? 0 : 3 * runs, { step, result: 'passed', le });
    }
    add('awsiam_step_results_total', 3 * runs, { step, result: 'passed' });
    add('awsiam_step_results_total', runs, { step, result: 'failed', verdict: 'service', side: 'theirs' });
    add('awsiam_step_attempts_total', 8 * runs, { step });
    add('awsiam_step_propagation_time_seconds_total', 2 * runs, { step });
    for (const each of stepStates) add('awsiam_step_state', each === state ? 1 : 0, { step, state: each });
  }
  add('awsiam_runs_total', 3 * runs, { result: 'passed' });
  add('awsiam_runs_total', runs, { result: 'failed', side: 'theirs' });
  add('awsiam_runs_total', runs, { result: 'failed', side: 'ours' });
  add('awsiam_runs_total', runs, { result: 'interrupted' });
  for (const name of [
    'awsiam_leftovers_total',
    'awsiam_swept_total',
    'awsiam_undelivered_total',
    'awsiam_skipped_beats_total',
  ])
    add(name, runs);
  add('awsiam_sweep_remaining', 0);
  add('awsiam_outbox_errors', 0);
  add('awsiam_last_run_timestamp_seconds', endSecs);
  add('awsiam_last_look_timestamp_seconds', endSecs);
  add('awsiam_interval_seconds', 120);
  for (const result of ['passed', 'failed', 'interrupted']) {
    add('awsiam_last_run_result', result === 'failed' ? 1 : 0, { result });
  }
  for (const each of states) add('awsiam_state', each === state ? 1 : 0, { state: each });
  add('awsiam_info', 1, { version: '0.1.0', namespace: 'test', region: 'us-east-1' });
  return lines.join('');
}

/** Starts Prometheus with the alerts, which wait only a second here. Gives a function that asks its API. */
async function startPrometheus(
  context: TestContext,
  targetPort: number,
): Promise<(request: string) => Promise<unknown>> {
  const dir = await temporaryDir(context);
  await writeFile(path.join(dir, 'alerts.yml'), rules.replaceAll(/for: \d+m/g, 'for: 1s'));
  const config = {
    global: { scrape_interval: '1s', evaluation_interval: '1s' },
    rule_files: ['alerts.yml'],
    scrape_configs: [{ job_name: 'awsiam', static_configs: [{ targets: [`127.0.0.1:${targetPort}`] }] }],
  };
  await writeFile(path.join(dir, 'prometheus.yml'), JSON.stringify(config));
  const child = spawn(
    'prometheus',
    ['--config.file=prometheus.yml', '--storage.tsdb.path=data', '--web.listen-address=127.0.0.1:0'],
    { cwd: dir, stdio: ['ignore', 'ignore', 'pipe'] },
  );
  const ended = once(child, 'exit');
  context.onTestFinished(async () => {
    child.kill();
    await ended;
  });
  const log: string[] = [];
  const listening = new Promise<string>((resolve) => {
    createInterface(child.stderr).on('line', (line) => {
      log.push(line);
      const [, address] = /msg="Listening on" address=(\S+)/.exec(line) ?? [];
      if (address !== undefined) resolve(address);
    });
  });
  const tooEarly = ended.then((): never => {
    throw new Error(`prometheus ended before it listened:\n${log.join('\n')}`);
  });
  const address = await Promise.race([listening, tooEarly]);
  tooEarly.catch(() => {});
  return async (request) => {
    const response = await fetch(`http://${address}/api/v1/${request}`);
    const { status, data, error } = (await response.json()) as { status: string; data: unknown; error?: string };
    if (status !== 'success') throw new Error(`${request}: ${error}`);
    return data;
  };
}
