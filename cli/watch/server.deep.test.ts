import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { expect, test, type TestContext } from 'vitest';
import { chromiumPath, startBrowser, watchPage } from '../../e2e/harness/browser.ts';
import { noonMs, overviewOf, runRecord } from '../../history/testing/builders.ts';
import { rehearseRuns } from '../../history/testing/rehearsal.ts';
import { Totals } from '../../history/totals.ts';
import { metricsOf } from '../../metrics/model.ts';
import { renderPrometheus, type PrometheusFormat } from '../../metrics/prometheus.ts';
import { renderReport } from '../../reporters/html/page.ts';
import { need } from '../../runner/testing/needs.ts';
import { startWatchServer, type Served } from './server.ts';

/** What the server serves, as a real browser and a real Prometheus of Debian read it. */

const programOf = (name: string): string | undefined =>
  spawnSync(name, ['--version']).error === undefined ? name : undefined;

async function start(context: TestContext, served: Partial<Served>): Promise<string> {
  const server = await startWatchServer(
    { host: '127.0.0.1', port: 0, isLoopback: true },
    {
      metrics: () => '',
      health: () => ({ ok: true, text: 'ok' }),
      page: async () => Buffer.of(),
      ...served,
    },
  );
  context.onTestFinished(async () => await server.close());
  return server.url;
}

/** The metrics after a run that passed and one that failed. */
function exposition(format: PrometheusFormat): string {
  const totals = new Totals();
  totals.add(runRecord(noonMs, { kind: 'passed', durationMs: 1500 }, { instance: 'quo"te\n', region: 'eu-west-1' }));
  totals.add(runRecord(noonMs + 120_000, { kind: 'theirs', at: 1 }, { instance: 'quo"te\n', sweptRemaining: 2 }));
  const instances = totals.instances('live').map((each) => ({
    instance: each.instance ?? '',
    metrics: metricsOf(each, { nowMs: noonMs + 120_300, outboxErrors: 1 }),
  }));
  return renderPrometheus(instances, format);
}

test('a browser shows the report intact under the content-security policy, and forbids all else', async (context) => {
  need(context, chromiumPath, 'chromium (Debian package chromium)');
  const overview = overviewOf([...rehearseRuns({ endMs: noonMs, days: 1 })]);
  const report = renderReport(overview, { generatedMs: noonMs, version: '0.1.0', operations: {} });
  const evil =
    '<style>h1{color:red}</style><p id="evil" style="color:red">x</p><script>document.title="evil"</script><img src="/metrics">';
  let page = report;
  let loaded = 0;
  const url = await start(context, {
    page: async () => Buffer.from(page),
    metrics: () => {
      loaded += 1;
      return '';
    },
  });
  const browser = await startBrowser();
  context.onTestFinished(async () => await browser.close());
  const tab = await browser.newPage();
  const watched = await watchPage(tab);
  const look = async (): Promise<string> => (await tab.screenshot({ fullPage: true })).toString('base64');

  await tab.setContent(report);
  const intended = await look();
  await tab.goto(url);
  expect(watched).toEqual({ complaints: [], requests: [`${url}/`] });
  expect(await look()).toBe(intended);

  page = report.replace('<main>', `<main>${evil}`);
  await tab.goto(url);
  expect(await tab.title()).not.toBe('evil');
  const colourOf = async (selector: string): Promise<string> =>
    await tab.locator(selector).evaluate((element) => {
      const { getComputedStyle } = globalThis as unknown as {
        readonly getComputedStyle: (of: unknown) => { readonly color: string };
      };
      return getComputedStyle(element).color;
    });
  expect([await colourOf('h1'), await colourOf('#evil')]).not.toContain('rgb(255, 0, 0)');
  expect(loaded).toBe(0);
  expect(watched.complaints.length).toBeGreaterThanOrEqual(4);
});

test('promtool finds nothing wrong with the text format', async (context) => {
  const promtool = need(context, programOf('promtool'), 'promtool (Debian package prometheus)');
  const url = await start(context, { metrics: exposition });
  const input = await (await fetch(`${url}/metrics`)).text();
  const { status, stdout, stderr } = spawnSync(promtool, ['check', 'metrics'], { input, encoding: 'utf8' });
  expect({ status, said: `${stdout}${stderr}` }).toEqual({ status: 0, said: '' });
});

test('a real Prometheus asks for OpenMetrics, and reads every series of it with its value', async (context) => {
  const prometheus = need(context, programOf('prometheus'), 'prometheus (Debian package prometheus)');
  const formats = new Set<PrometheusFormat>();
  const url = await start(context, {
    metrics: (format) => {
      formats.add(format);
      return exposition(format);
    },
  });
  const dir = await mkdtemp(path.join(os.tmpdir(), 'awsiam-openmetrics-'));
  context.onTestFinished(() => rm(dir, { recursive: true, force: true }));
  const config = {
    global: { scrape_interval: '1s' },
    scrape_configs: [{ job_name: 'awsiam', static_configs: [{ targets: [new URL(url).host] }] }],
  };
  // JSON is YAML too.
  await writeFile(path.join(dir, 'prometheus.yml'), JSON.stringify(config));
  const child = spawn(
    prometheus,
    ['--config.file=prometheus.yml', '--storage.tsdb.path=data', '--web.listen-address=127.0.0.1:0'],
    { cwd: dir, stdio: ['ignore', 'ignore', 'pipe'] },
  );
  const ended = once(child, 'exit');
  context.onTestFinished(async () => {
    child.kill();
    await ended;
  });
  const { promise: listening, resolve, reject } = Promise.withResolvers<string>();
  createInterface(child.stderr).on('line', (line) => {
    const [, address] = /msg="Listening on" address=(\S+)/.exec(line) ?? [];
    if (address !== undefined) resolve(address);
  });
  child.once('exit', () => reject(new Error('prometheus ended before it listened')));
  const address = await listening;
  const ask = async (request: string): Promise<unknown> =>
    ((await (await fetch(`http://${address}/api/v1/${request}`)).json()) as { readonly data: unknown }).data;

  const patience = { timeout: 60_000, interval: 100 };
  const readTarget = async () =>
    ((await ask('targets')) as { activeTargets: { health: string; lastError: string }[] }).activeTargets.map(
      ({ health, lastError }) => ({ health, lastError }),
    );
  await expect.poll(readTarget, patience).toEqual([{ health: 'up', lastError: '' }]);
  expect([...formats]).toEqual(['openmetrics']);

  type Sample = { readonly metric: Readonly<Record<string, string>>; readonly value: readonly [number, string] };
  const { result } = (await ask(`query?query=${encodeURIComponent('{__name__=~"awsiam_.+"}')}`)) as {
    readonly result: readonly Sample[];
  };
  const read = result.map(({ metric: { __name__: name = '', job: _job, instance: _instance, ...labels }, value }) => {
    const pairs = Object.entries(labels).map(([label, text]) => `${label}=${JSON.stringify(text)}`);
    return `${name}{${pairs.toSorted().join()}} ${Number(value[1])}`;
  });
  const served = exposition('openmetrics')
    .split('\n')
    .filter((line) => line.startsWith('awsiam_'))
    .map((line) => {
      const end = line.lastIndexOf(' ');
      const pairs = [...line.slice(0, end).matchAll(/\w+="(?:[^"\\]|\\.)*"/g)].map(([pair]) => pair);
      return `${line.slice(0, line.indexOf('{'))}{${pairs.toSorted().join()}} ${Number(line.slice(end + 1))}`;
    });
  expect(read.toSorted()).toEqual(served.toSorted());
  const { awsiam_step_duration_seconds: duration, ...others } = (await ask('metadata')) as Readonly<
    Record<string, readonly { readonly type: string; readonly unit: string }[]>
  >;
  expect(duration).toMatchObject([{ type: 'histogram', unit: 'seconds' }]);
  expect(others['awsiam_runs']).toMatchObject([{ type: 'counter' }]);
});
