import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { startCollector, type CollectorAnswer } from '../../../metrics/testing/collector.ts';
import { deadPort } from '../../../suites/awsiam/testing/http-server.ts';
import type { Values } from '../../../runner/monitor.ts';
import { examine } from '../testing/examine.ts';

async function collectorOf(answer?: CollectorAnswer) {
  const collector = await startCollector(answer === undefined ? {} : { answer: () => answer });
  onTestFinished(() => collector.close());
  return collector;
}

async function check(values: Values, ...args: string[]) {
  const { found } = await examine(values, ['--only', 'telemetry', ...args]);
  return found.telemetry ?? [];
}

test('is skipped if nothing is sent', async () => {
  const [otlp, textfile] = await check({});
  expect(otlp).toMatchObject({
    state: 'skipped',
    what: expect.stringContaining('no OTEL_EXPORTER_OTLP_ENDPOINT') as unknown,
  });
  expect(textfile).toMatchObject({
    state: 'skipped',
    what: expect.stringContaining('no live run has written it yet') as unknown,
  });
});

test.for(['http/protobuf', 'http/json'])(
  'sends an export without data over %s, which every collector takes',
  async (protocol) => {
    const { url, requests, refusals, metrics, traces } = await collectorOf();
    const findings = await check({ OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_EXPORTER_OTLP_PROTOCOL: protocol });
    expect(findings.slice(0, 2)).toEqual([
      { state: 'ok', what: `${url} takes metrics (${protocol})` },
      { state: 'ok', what: `${url} takes traces (${protocol})` },
    ]);
    expect(requests.map((request) => request.path)).toEqual(['/v1/metrics', '/v1/traces']);
    expect(refusals).toEqual([]);
    expect([...metrics, ...traces]).toEqual([]);
  },
);

test('sends nothing with --offline, and says so', async () => {
  const { url, requests } = await collectorOf();
  const findings = await check({ OTEL_EXPORTER_OTLP_ENDPOINT: url }, '--offline');
  expect(findings.map(({ state }) => state)).toEqual(['skipped', 'skipped', 'skipped']);
  expect(requests).toEqual([]);
});

test('does not wait a second time for an endpoint that gave no answer', async () => {
  const url = `http://127.0.0.1:${await deadPort()}`;
  const [, traces] = await check({ OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_EXPORTER_OTLP_TIMEOUT: '300' });
  expect(traces).toEqual({
    state: 'skipped',
    what: `whether ${url} takes traces: not checked, because it gave no answer to metrics`,
  });
});

describe('names the cause and the fix', () => {
  test('of an endpoint where nobody listens', async () => {
    const url = `http://127.0.0.1:${await deadPort()}`;
    const values = { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${url}/v1/traces`, OTEL_EXPORTER_OTLP_TIMEOUT: '500' };
    const [finding] = await check(values);
    expect(finding).toMatchObject({
      state: 'failure',
      what: expect.stringMatching(`^${url} does not take traces: `) as unknown,
      fix: 'Check OTEL_EXPORTER_OTLP_TRACES_ENDPOINT.',
    });
  });

  test.for([
    [{ status: 401 }, 'the collector answered HTTP 401: check OTEL_EXPORTER_OTLP_HEADERS'],
    [{ status: 404 }, 'the collector answered HTTP 404: check the path in OTEL_EXPORTER_OTLP_METRICS_ENDPOINT'],
  ] as const)('of the answer %o', async ([answer, reason]) => {
    const { url } = await collectorOf(answer);
    const [finding] = await check({ OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: `${url}/v1/metrics` });
    expect(finding).toMatchObject({ state: 'failure', what: `${url} does not take metrics: ${reason}` });
  });

  test('of something that is no collector', async () => {
    const { url } = await collectorOf({ status: 200, body: '<p>Welcome</p>' });
    const [finding] = await check({ OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: `${url}/v1/metrics` });
    expect(finding).toMatchObject({
      state: 'failure',
      what: `${url} does not take metrics: the answer is not that of an OTLP collector`,
      fix: 'Check the endpoint.',
    });
  });

  test('of a wrong variable', async () => {
    const [finding] = await check({
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1',
      OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
    });
    expect(finding).toMatchObject({
      state: 'failure',
      what: expect.stringContaining('OTEL_EXPORTER_OTLP_PROTOCOL is "grpc"') as unknown,
    });
  });

  test('without the secrets of the endpoint', async () => {
    const port = await deadPort();
    const values = {
      OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: `http://me:hunter2hunter2@127.0.0.1:${port}/v1/metrics`,
      OTEL_EXPORTER_OTLP_TIMEOUT: '300',
    };
    expect(JSON.stringify(await check(values))).not.toContain('hunter2');
  });
});

test("shows Prometheus' textfile", async () => {
  const dir = await mkdtemp(path.join(os.tmpdir(), 'awsiam-doctor-'));
  onTestFinished(() => rm(dir, { recursive: true }));
  await writeFile(path.join(dir, 'awsiam.prom'), '');
  const findings = await check({ METRIST_RESULTS_DIR: dir });
  expect(findings.at(-1)?.what).toMatch(/^Prometheus' textfile .*awsiam\.prom was written \d+ s ago$/);
});
