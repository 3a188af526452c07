import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import net from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parseOtlpSettings } from '../metrics/otlp-settings.ts';
import { startCollector, type Collector, type CollectorAnswer } from '../metrics/testing/collector.ts';
import type { MonitorRun } from '../runner/monitor-run.ts';
import { deadPort } from '../suites/awsiam/testing/http-server.ts';
import { OtlpReporter, renderOtlp } from './otlp.ts';
import { hostileRun, passedRun, theirFailureRun } from './testing/runs.ts';
import { testReporter } from './testing/test-reporter.ts';

function makeReporter(values: Record<string, string>): OtlpReporter {
  return new OtlpReporter({
    otlp: parseOtlpSettings({ OTEL_EXPORTER_OTLP_TIMEOUT: '1500', ...values }),
    hostname: 'host-1',
    userAgent: 'awsiam/0.1.0',
    values,
    operations: { AttachPolicy: 'AttachUserPolicy' },
    frontEnd: 'vitest',
    history: { intervalSecs: 120, historyDays: 90 },
  });
}

async function setUp(answer?: (count: number) => CollectorAnswer | undefined) {
  const collector = await startCollector(answer === undefined ? {} : { answer: (_, count) => answer(count) });
  onTestFinished(() => collector.close());
  const report = async (run: MonitorRun = passedRun, values: Record<string, string> = {}) =>
    await makeReporter({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, ...values }).report(run, []);
  return { collector, report };
}

const metricOf = ({ metrics }: Collector, name: string) =>
  metrics.flatMap(({ items }) => items).find((each) => each.name === name);

describe('OtlpReporter', () => {
  test.for(['http/protobuf', 'http/json'])('sends what is in the run, over %s', async (protocol) => {
    const { collector, report } = await setUp();
    expect(await report(theirFailureRun, { OTEL_EXPORTER_OTLP_PROTOCOL: protocol })).toEqual({
      ok: true,
      text: `OTLP ${collector.url}: metrics and trace sent`,
    });
    expect(collector.refusals).toEqual([]);
    const [batch] = collector.traces;
    expect(batch?.resource).toMatchObject({ 'service.name': 'awsiam', 'service.instance.id': 'us-east-1' });
    const [root, first, second] = batch?.items ?? [];
    expect(batch?.items.map(({ name, kind }) => [name, kind])).toEqual([
      ['awsiam', 1],
      ['CreateUser', 1],
      ['CreateGroup', 1],
    ]);
    expect(root).toMatchObject({ parentSpanId: '', status: { code: 2 } });
    expect(root?.startNs).toBe(BigInt(Date.parse(theirFailureRun.startedAt)) * 1_000_000n);
    expect((root?.endNs ?? 0n) - (root?.startNs ?? 0n)).toBe(2_020_000_000n);
    expect(root?.attributes).toMatchObject({
      'test.suite.name': 'awsiam',
      'test.suite.run.status': 'failure',
      'user_agent.synthetic.type': 'test',
      'error.type': 'ServiceFailure',
      'awsiam.steps.blocked': ['AddUserToGroup', 'DeleteUser'],
    });
    expect(first).toMatchObject({ parentSpanId: root?.spanId, traceId: root?.traceId, status: { code: 0 } });
    expect((first?.endNs ?? 0n) - (first?.startNs ?? 0n)).toBe(84_250_000n);
    expect(second?.attributes).toMatchObject({ 'awsiam.verdict': 'service', 'awsiam.side': 'theirs' });

    const duration = metricOf(collector, 'awsiam.step.duration');
    expect(duration).toMatchObject({ unit: 's', kind: 'histogram', temporality: 1 });
    const failed = duration?.points.find(
      ({ attributes }) => attributes['step'] === 'CreateGroup' && attributes['result'] === 'failed',
    );
    expect(failed).toMatchObject({ count: 1, sum: 0.3125, startNs: root?.startNs });
    expect(failed?.buckets).toHaveLength((failed?.limits?.length ?? 0) + 1);
    expect(failed?.limits?.at(-1)).toBe(900);
    expect(metricOf(collector, 'awsiam.runs')).toMatchObject({ kind: 'sum', isMonotonic: true, temporality: 1 });
    expect(metricOf(collector, 'awsiam.last_run.timestamp')?.points[0]?.value).toBeCloseTo(
      Date.parse(theirFailureRun.startedAt) / 1000 + 2.02,
      5,
    );
  });

  test('continues the trace of TRACEPARENT, and compresses and signs as the variables say', async () => {
    const { collector, report } = await setUp();
    const [traceId, spanId] = ['4bf92f3577b34da6a3ce929d0e0e4736', '00f067aa0ba902b7'];
    await report(passedRun, {
      TRACEPARENT: `00-${traceId}-${spanId}-01`,
      TRACESTATE: 'vendor=1',
      OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip',
      OTEL_EXPORTER_OTLP_HEADERS: 'x-key=a%20b',
    });
    expect(collector.traces[0]?.items[0]).toMatchObject({ traceId, parentSpanId: spanId, traceState: 'vendor=1' });
    for (const { headers } of collector.requests) {
      expect(headers).toMatchObject({ 'content-encoding': 'gzip', 'x-key': 'a b' });
      expect(headers['user-agent']).toMatch(/^awsiam\/0\.1\.0 /);
    }
  });

  const failures: readonly (readonly [title: string, answer: CollectorAnswer, reason: RegExp])[] = [
    ['refuses the data', { status: 400 }, /HTTP 400: it refused the data/],
    ['wants other credentials', { status: 401 }, /HTTP 401: check OTEL_EXPORTER_OTLP_HEADERS/],
    ['redirects', { status: 302, headers: { location: '/x' } }, /HTTP 302: check the path/],
    ['is overloaded', { status: 429 }, /HTTP 429: it is overloaded/],
    ['asks for a pause that is too long', { status: 503, headers: { 'retry-after': '60' } }, /HTTP 503/],
    ['never answers', 'hang', /no answer within 1\.5 s/],
    ['never ends its answer', 'trickle', /no answer within 1\.5 s/],
    ['closes the connection', 'close', /closed the connection without an answer/],
  ];
  test.for(failures)('a collector that %s costs only its report, within the time limit', async ([, answer, reason]) => {
    const { collector, report } = await setUp(() => answer);
    const startMs = performance.now();
    const { ok, text } = await report();
    expect(performance.now() - startMs).toBeLessThan(20_000);
    expect([ok, text]).toEqual([false, expect.stringMatching(reason)]);
    expect(text).toContain('metrics and trace not sent');
    await expect.poll(() => collector.openConnections(), { timeout: 30_000 }).toBe(0);
  });

  test('repeats what a collector asks to repeat', async () => {
    const { collector, report } = await setUp((count) =>
      count <= 2 ? { status: 503, headers: { 'retry-after': '1' } } : undefined,
    );
    // Enough time for a slow machine.
    expect(await report(passedRun, { OTEL_EXPORTER_OTLP_TIMEOUT: '30000' })).toMatchObject({ ok: true });
    expect(collector.requests).toHaveLength(4);
  });

  test('says that nobody listens', async () => {
    const url = `http://127.0.0.1:${await deadPort()}`;
    expect(await makeReporter({ OTEL_EXPORTER_OTLP_ENDPOINT: url }).report(passedRun, [])).toEqual({
      ok: false,
      text: `OTLP ${url}: metrics and trace not sent: the collector refused the connection; check OTEL_EXPORTER_OTLP_ENDPOINT`,
    });
  });

  test('says that nobody listened at first, if the collector then never answers', async () => {
    const port = await deadPort();
    const silent = net.createServer();
    const listen = (): void => {
      unsubscribe('http.client.request.error', listen);
      silent.listen(port, '127.0.0.1');
    };
    subscribe('http.client.request.error', listen);
    onTestFinished(() => void silent.close());
    const values = { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`, OTEL_EXPORTER_OTLP_TIMEOUT: '1500' };
    const { text } = await makeReporter(values).report(passedRun, []);
    expect(text).toContain('metrics and trace not sent: the collector refused the connection');
  });

  test('says what a collector rejected, and that an answer makes no sense', async () => {
    const partial = JSON.stringify({ partialSuccess: { rejectedSpans: '3', errorMessage: 'too old' } });
    const { report } = await setUp(() => ({ status: 200, body: partial }));
    const json = { OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json', OTEL_METRICS_EXPORTER: 'none' };
    expect(await report(passedRun, json)).toMatchObject({
      ok: false,
      text: expect.stringContaining('trace sent; the collector rejected 3 spans: too old') as unknown,
    });
    const garbage = await setUp(() => ({ status: 200, body: '<html>' }));
    expect((await garbage.report(passedRun, json)).text).toContain('not that of an OTLP collector');
  });

  test('an offline run sends nothing', async () => {
    const { collector, report } = await setUp();
    expect(await report({ ...passedRun, mode: 'offline' })).toMatchObject({ ok: true });
    expect(collector.requests).toEqual([]);
  });

  test('hostile text neither breaks the protocol nor the summary', async () => {
    const { collector, report } = await setUp();
    expect(await report(hostileRun)).toMatchObject({ ok: true });
    expect(collector.refusals).toEqual([]);
  });

  test('names both collectors if the signals go to different ones', () => {
    const url = 'https://user:secret@traces.example/v1/traces?key=secret';
    expect(
      renderOtlp([
        { signal: 'metrics', target: { url: 'http://a:4318/v1/metrics' }, outcome: { ok: true } },
        { signal: 'trace', target: { url }, outcome: { ok: false, reason: 'no' } },
      ]),
    ).toEqual({
      ok: false,
      text: 'OTLP: metrics sent to http://a:4318; trace not sent to https://traces.example: no',
    });
  });
});

testReporter('OtlpReporter', async () => {
  const collector = await startCollector();
  return {
    reporter: makeReporter({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url }),
    breakDestination: () => collector.close(),
    close: () => collector.close().catch(() => {}),
  };
});
