import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { HistoryReader } from '../../history/read-history.ts';
import type { RunRecord } from '../../history/run-record.ts';
import { startCollector, type Collector } from '../../metrics/testing/collector.ts';
import { deadPort } from '../../suites/awsiam/testing/http-server.ts';
import { completeHandshake, goodConfig, runSteps, stepNames, test as conformance } from '../harness/conformance.ts';
import { liveEnv, makeResultsDir, runVitest } from '../harness/run.ts';
import { startIam } from '../harness/servers.ts';

/** Steps with throttling, propagation and a lost answer. */
const faults = 'CreateGroup=Throttling:1,AddUserToGroup=NoSuchEntity:1,DeleteGroup=reset-after:1';

async function collect(options: Parameters<typeof startCollector>[0] = {}): Promise<Collector> {
  const collector = await startCollector(options);
  onTestFinished(() => collector.close());
  return collector;
}

async function lastRun(resultsDir: string): Promise<RunRecord> {
  let last: RunRecord | undefined;
  for await (const run of new HistoryReader({ dir: path.join(resultsDir, 'runs') })) last = run;
  if (last === undefined) throw new Error('there is no run');
  return last;
}

const nanoseconds = (ms: number): bigint => BigInt(Math.round(ms * 1000)) * 1000n;

/** What arrived must be what the history has. */
function expectSameRun({ traces, metrics, refusals }: Collector, run: RunRecord): void {
  expect(refusals).toEqual([]);
  const spans = traces.flatMap(({ items }) => items);
  const [root] = spans;
  expect(root).toMatchObject({ name: 'awsiam', startNs: nanoseconds(Date.parse(run.startedAt)) });
  expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(1);
  expect(new Set(spans.map(({ spanId }) => spanId)).size).toBe(spans.length);
  for (const step of run.steps) {
    if (step.state === 'blocked') continue;
    const span = spans.find(({ name }) => name === step.name);
    const startMs = Date.parse(step.startedAt);
    expect(span).toMatchObject({
      parentSpanId: root?.spanId,
      startNs: nanoseconds(startMs),
      endNs: nanoseconds(startMs + step.durationMs),
      attributes: { 'test.case.name': step.name, 'test.case.result.status': step.state === 'passed' ? 'pass' : 'fail' },
    });
    const { tries, requestId, httpStatus, attempts } = step.evidence;
    const sent = spans.filter(({ parentSpanId }) => parentSpanId === span?.spanId);
    expect(sent).toHaveLength(attempts ?? 0);
    for (const [index, attempt] of (tries ?? [{ requestId, httpStatus }]).entries()) {
      expect(sent[index]).toMatchObject({ kind: 3, name: expect.stringMatching(/^IAM\.\w+$/) as unknown });
      expect(sent[index]?.attributes['aws.request_id']).toBe(attempt.requestId);
      expect(sent[index]?.attributes['http.response.status_code']).toBe(attempt.httpStatus);
      expect(sent[index]?.attributes['server.address']).toBe('127.0.0.1');
      expect(sent[index]?.attributes['http.request.resend_count'] ?? 0).toBe(index);
    }
    const points = metrics
      .flatMap(({ items }) => items)
      .find(({ name }) => name === 'awsiam.step.duration')
      ?.points.filter(({ attributes }) => attributes['step'] === step.name && attributes['result'] === step.state);
    expect(points).toMatchObject([{ count: 1 }]);
    expect(points?.[0]?.sum).toBeCloseTo(step.durationMs / 1000, 6);
  }
  expect(spans.find(({ name }) => name === 'IAM.AttachUserPolicy')?.attributes['rpc.method']).toBe('AttachUserPolicy');
}

describe('a run with vitest', () => {
  test.for(['http/protobuf', 'http/json'])('sends what the history has, over %s', async (protocol) => {
    const [iam, collector] = [await startIam(faults), await collect()];
    const env = {
      ...liveEnv,
      AWS_ENDPOINT_URL_IAM: iam.url,
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
      OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip',
    };
    const run = await runVitest({ env });
    expect(run.code, run.everything).toBe(0);
    expect(run.stdout).toContain(`OTLP ${collector.url}: metrics and trace sent`);
    expectSameRun(collector, await lastRun(run.resultsDir));
  });

  test('sends totals if cumulative metrics are wanted', async () => {
    const [iam, collector, resultsDir] = [await startIam(), await collect(), await makeResultsDir()];
    const env = {
      ...liveEnv,
      AWS_ENDPOINT_URL_IAM: iam.url,
      METRIST_RESULTS_DIR: resultsDir,
      OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: `${collector.url}/v1/metrics`,
      OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: 'cumulative',
    };
    for (const _ of [1, 2]) expect((await runVitest({ env })).code).toBe(0);
    expect(collector.traces).toEqual([]);
    const runs = collector.metrics.map(({ items }) => items.find(({ name }) => name === 'awsiam.runs'));
    expect(runs.map((each) => [each?.temporality, each?.points[0]?.value])).toEqual([
      [2, 1],
      [2, 2],
    ]);
  });

  test('is not held by a dead collector, does not fail, and shows no secret', async () => {
    const iam = await startIam();
    const port = await deadPort();
    const run = await runVitest({
      env: {
        ...liveEnv,
        AWS_ENDPOINT_URL_IAM: iam.url,
        OTEL_EXPORTER_OTLP_ENDPOINT: `http://otlp-user:otlp-password@127.0.0.1:${port}/otlp-path`,
        OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20otlp-header-token',
        OTEL_EXPORTER_OTLP_TIMEOUT: '2000',
      },
    });
    expect(run.code, run.everything).toBe(0);
    expect(run.stdout).toContain(
      `OTLP http://127.0.0.1:${port}: metrics and trace not sent: the collector refused the connection`,
    );
    expect(run.everything).not.toMatch(/otlp-(password|header-token)/);
  });

  test('goes on with a wrong variable, and says what is wrong', async () => {
    const [iam, collector] = [await startIam(), await collect()];
    const env = { AWS_ENDPOINT_URL_IAM: iam.url, OTEL_EXPORTER_OTLP_ENDPOINT: collector.url };
    const run = await runVitest({ env: { ...liveEnv, ...env, OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' } });
    expect(run.code, run.everything).toBe(0);
    expect(run.stdout).toContain('OTLP not sent: OTEL_EXPORTER_OTLP_PROTOCOL is "grpc": expected http/protobuf');
    expect(collector.requests).toEqual([]);
  });

  test('sends nothing offline', async () => {
    const collector = await collect();
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url };
    const run = await runVitest({ args: ['--mode', 'offline'], env });
    expect(run.code, run.everything).toBe(0);
    expect(collector.requests).toEqual([]);
  });
});

conformance.for(['http/protobuf', 'http/json'])(
  'a run under the Orchestrator sends what the history has, over %s',
  async (protocol, { scenario }) => {
    const [iam, collector] = [await startIam(faults), await collect()];
    const resultsDir = await makeResultsDir();
    const monitor = await scenario.start(iam, {
      env: {
        METRIST_RESULTS_DIR: resultsDir,
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
        OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
      },
    });
    await completeHandshake(monitor, goodConfig);
    await runSteps(monitor, stepNames);
    monitor.send('Exit 0');
    expect(await monitor.ended).toMatchObject({ code: 0, killed: false });
    expectSameRun(collector, await lastRun(resultsDir));
  },
);
