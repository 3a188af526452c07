import { describe, expect, test } from 'vitest';
import { noonMs, runRecord } from '../history/testing/builders.ts';
import { Totals } from '../history/totals.ts';
import { metrics, metricsOf } from './model.ts';
import { prometheusNameOf, renderPrometheus, type PrometheusFormat } from './prometheus.ts';

const dayMs = 24 * 3_600_000;

/** What an instance of this name shows after a run that failed on their side. */
function render(instances: readonly (string | undefined)[], format?: PrometheusFormat): string {
  return renderPrometheus(
    instances.map((instance) => {
      const totals = new Totals();
      totals.add(runRecord(noonMs, { kind: 'passed', durationMs: 25 }, { instance, region: 'eu-west-1' }));
      totals.add(
        runRecord(noonMs + 120_000, { kind: 'theirs', at: 1 }, { instance, sweptRemaining: 2, skippedBeats: 5 }),
      );
      const [found] = totals.instances('live');
      if (found === undefined) throw new Error('there is no such run');
      const own = metricsOf(found, { nowMs: noonMs + 120_300, outboxErrors: 1 });
      return { metrics: own, ...(instance !== undefined && { instance }) };
    }),
    format,
  );
}

describe('renderPrometheus', () => {
  test('writes HELP and TYPE, base units, cumulative buckets, and a zero for what has not happened yet', () => {
    const text = render(['us-east-1']);
    expect(text).toContain(
      [
        '# HELP awsiam_runs_total Runs by result',
        '# TYPE awsiam_runs_total counter',
        'awsiam_runs_total{monitor_instance="us-east-1",result="passed"} 1',
        'awsiam_runs_total{monitor_instance="us-east-1",result="failed",side="theirs"} 1',
        'awsiam_runs_total{monitor_instance="us-east-1",result="failed",side="ours"} 0',
        'awsiam_runs_total{monitor_instance="us-east-1",result="interrupted"} 0',
        '',
      ].join('\n'),
    );
    const lines = text.split('\n');
    const durations = lines.filter((line) => /^awsiam_step_duration_seconds.*"CreateUser",result="passed"/.test(line));
    expect(durations.map((line) => [/le="([^"]*)"/.exec(line)?.[1], line.split(' ').at(-1)])).toEqual([
      ['0.025', '1'],
      ['0.05', '1'],
      ['0.1', '2'],
      ...['0.25', '0.5', '1', '2.5', '5', '10', '30', '60', '120', '300', '900', '+Inf'].map((le) => [le, '2']),
      [undefined, '0.125'],
      [undefined, '2'],
    ]);
    for (const line of [
      'awsiam_step_results_total{monitor_instance="us-east-1",step="CreateGroup",result="failed",verdict="service",side="theirs"} 1',
      'awsiam_step_results_total{monitor_instance="us-east-1",step="DeleteUser",result="blocked"} 1',
      'awsiam_sweep_remaining{monitor_instance="us-east-1"} 2',
      'awsiam_skipped_beats_total{monitor_instance="us-east-1"} 5',
      'awsiam_outbox_errors{monitor_instance="us-east-1"} 1',
      'awsiam_last_run_timestamp_seconds{monitor_instance="us-east-1"} 1795348920.3',
      'awsiam_last_run_result{monitor_instance="us-east-1",result="failed"} 1',
      'awsiam_last_run_result{monitor_instance="us-east-1",result="passed"} 0',
      'awsiam_interval_seconds{monitor_instance="us-east-1"} 120',
      'awsiam_state{monitor_instance="us-east-1",state="up"} 1',
      'awsiam_state{monitor_instance="us-east-1",state="no fresh data"} 0',
      'awsiam_step_state{monitor_instance="us-east-1",step="CreateGroup",state="up"} 1',
      'awsiam_info{monitor_instance="us-east-1",version="0.1.0"} 1',
    ]) {
      expect(lines).toContain(line);
    }
    expect(text.endsWith('\n')).toBe(true);
  });

  test('has no label for an instance without a name', () => {
    const text = render([undefined]);
    expect(text).toContain('awsiam_leftovers_total 0\n');
    expect(text).not.toContain('monitor_instance');
  });

  test('puts the series of all instances under one HELP', () => {
    const text = render(['a', 'b']);
    expect(text.match(/# HELP awsiam_state /g)).toHaveLength(1);
    expect(text).toContain(
      'awsiam_leftovers_total{monitor_instance="a"} 0\nawsiam_leftovers_total{monitor_instance="b"} 0\n',
    );
  });

  test('escapes what an instance is called, and never writes a series twice', () => {
    const text = render(['a"b\\c\nd', '\uD800', '\uD801', 'é😀']);
    expect(text).toContain(String.raw`awsiam_leftovers_total{monitor_instance="a\"b\\c\nd"} 0`);
    expect(text).toContain('awsiam_leftovers_total{monitor_instance="é😀"} 0');
    const series = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    const names = series.map((line) => line.slice(0, line.lastIndexOf(' ')));
    expect(new Set(names).size).toBe(names.length);
  });

  test('leaves out what is not known', () => {
    const totals = new Totals();
    totals.add(runRecord(noonMs, { kind: 'ours', at: 0 }));
    const [found] = totals.instances('live');
    const text = renderPrometheus([{ metrics: found === undefined ? [] : metricsOf(found, { nowMs: noonMs }) }]);
    for (const name of ['sweep_remaining', 'outbox_errors', 'last_look']) expect(text).not.toContain(`awsiam_${name}`);
    expect(renderPrometheus([])).toBe('');
  });

  test('shows the state at the moment that is asked for', () => {
    const totals = new Totals();
    totals.add(runRecord(noonMs, { kind: 'passed' }));
    const [found] = totals.instances('live');
    const text = renderPrometheus([
      { metrics: found === undefined ? [] : metricsOf(found, { nowMs: noonMs + dayMs }) },
    ]);
    expect(text).toContain('awsiam_state{state="no fresh data"} 1\n');
    expect(text).toContain('awsiam_step_state{step="CreateUser",state="no fresh data"} 1\n');
  });
});

describe('renderPrometheus with OpenMetrics', () => {
  test('names counters without _total above their series, names the unit, and ends with EOF', () => {
    const text = render(['us-east-1'], 'openmetrics');
    for (const lines of [
      ['# HELP awsiam_runs Runs by result', '# TYPE awsiam_runs counter', 'awsiam_runs_total{monitor_instance='],
      [
        '# TYPE awsiam_step_propagation_time_seconds counter',
        '# UNIT awsiam_step_propagation_time_seconds seconds',
        'awsiam_step_propagation_time_seconds_total{monitor_instance=',
      ],
      [
        '# TYPE awsiam_step_duration_seconds histogram',
        '# UNIT awsiam_step_duration_seconds seconds',
        'awsiam_step_duration_seconds_bucket{monitor_instance=',
      ],
      ['# TYPE awsiam_sweep_remaining gauge', 'awsiam_sweep_remaining{monitor_instance='],
    ]) {
      expect(text).toContain(lines.join('\n'));
    }
    expect(text.endsWith('\n# EOF\n')).toBe(true);
    expect(text.match(/# EOF/g)).toHaveLength(1);
    expect(renderPrometheus([], 'openmetrics')).toBe('# EOF\n');
  });

  test('writes the limits of buckets as floats', () => {
    const limits = [...render(['a'], 'openmetrics').matchAll(/le="([^"]*)"/g)].map(([, le]) => le);
    expect(new Set(limits)).toEqual(
      new Set('0.025 0.05 0.1 0.25 0.5 1.0 2.5 5.0 10.0 30.0 60.0 120.0 300.0 900.0 +Inf'.split(' ')),
    );
  });

  test('has the series of the text format, with the same values', () => {
    const instances = ['a"b\\c\nd', '\uD800', undefined];
    const seriesOf = (text: string) =>
      text
        .split('\n')
        .filter((line) => line !== '' && !line.startsWith('#'))
        .map((line) => line.replace(/le="(\d+)\.0"/, 'le="$1"'));
    expect(seriesOf(render(instances, 'openmetrics'))).toEqual(seriesOf(render(instances)));
  });

  test('escapes quotes in help texts, too', () => {
    const metric = {
      name: 'x',
      unit: '',
      kind: 'gauge',
      description: 'a "b"\\\n',
      points: [{ attributes: {}, value: 1 }],
    } as const;
    const helpOf = (format: PrometheusFormat) => renderPrometheus([{ metrics: [metric] }], format).split('\n', 1)[0];
    expect(helpOf('text')).toBe(String.raw`# HELP x a "b"\\\n`);
    expect(helpOf('openmetrics')).toBe(String.raw`# HELP x a \"b\"\\\n`);
  });
});

test('the names for Prometheus follow from those for OpenTelemetry', () => {
  expect(Object.values(metrics).map(prometheusNameOf)).toEqual([
    'awsiam_step_duration_seconds',
    'awsiam_runs_total',
    'awsiam_step_results_total',
    'awsiam_step_attempts_total',
    'awsiam_step_propagation_time_seconds_total',
    'awsiam_leftovers_total',
    'awsiam_swept_total',
    'awsiam_sweep_remaining',
    'awsiam_undelivered_total',
    'awsiam_skipped_beats_total',
    'awsiam_outbox_errors',
    'awsiam_last_run_timestamp_seconds',
    'awsiam_last_run_result',
    'awsiam_last_look_timestamp_seconds',
    'awsiam_interval_seconds',
    'awsiam_state',
    'awsiam_step_state',
    'awsiam_info',
  ]);
});
