import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { expect, test, type TestContext } from 'vitest';
import { need } from '../../runner/testing/needs.ts';
import { liveEnv, makeResultsDir, projectDir } from '../harness/run.ts';
import { startIam } from '../harness/servers.ts';
import { RunningWatch } from '../harness/watch.ts';

/** A running watch, as the programs of the Debian package prometheus read it. */

const programOf = (name: string): string | undefined =>
  spawnSync(name, ['--version']).error === undefined ? name : undefined;

/** Starts a Prometheus that scrapes a target every second and evaluates the alerts in deploy/. Returns a function that asks it. */
async function startPrometheus(context: TestContext, target: string): Promise<(request: string) => Promise<unknown>> {
  const program = need(context, programOf('prometheus'), 'prometheus (Debian package prometheus)');
  const dir = await mkdtemp(path.join(os.tmpdir(), 'awsiam-prometheus-'));
  context.onTestFinished(() => rm(dir, { recursive: true, force: true }));
  const config = {
    global: { scrape_interval: '1s', evaluation_interval: '1s' },
    rule_files: [path.join(projectDir, 'deploy/prometheus/alerts.yml')],
    scrape_configs: [{ job_name: 'awsiam', static_configs: [{ targets: [target] }] }],
  };
  // JSON is YAML too.
  await writeFile(path.join(dir, 'prometheus.yml'), JSON.stringify(config));
  const child = spawn(
    program,
    ['--config.file=prometheus.yml', '--storage.tsdb.path=data', '--web.listen-address=127.0.0.1:0'],
    { cwd: dir, stdio: ['ignore', 'ignore', 'pipe'] },
  );
  const ended = once(child, 'exit');
  context.onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  const { promise: listening, resolve, reject } = Promise.withResolvers<string>();
  createInterface(child.stderr).on('line', (line) => {
    const [, address] = /msg="Listening on" address=(\S+)/.exec(line) ?? [];
    if (address !== undefined) resolve(address);
  });
  child.once('exit', () => reject(new Error('prometheus ended before it listened')));
  const address = await listening;
  return async (request) =>
    ((await (await fetch(`http://${address}/api/v1/${request}`)).json()) as { readonly data: unknown }).data;
}

interface Rule {
  readonly name: string;
  readonly health: string;
  readonly lastError?: string;
  readonly alerts?: readonly { readonly state: string; readonly labels: Readonly<Record<string, string>> }[];
}

test('Prometheus scrapes a running watch, evaluates the shipped alerts, and alerts when IAM is down', async (context) => {
  const iam = await startIam('CreateGroup=ServiceFailure');
  const watch = new RunningWatch({
    env: {
      ...liveEnv,
      AWS_ENDPOINT_URL_IAM: iam.url,
      METRIST_RESULTS_DIR: await makeResultsDir(),
      METRIST_INSTANCE_ID: 'us-east-1',
    },
    args: ['--every', '5s', '--listen', '127.0.0.1:0'],
    onTestFinished: context.onTestFinished,
  });
  await watch.runs(1);
  const [url = ''] = /http:\S+\//.exec(watch.stdout) ?? [];

  const promtool = need(context, programOf('promtool'), 'promtool (Debian package prometheus)');
  const input = await (await fetch(`${url}metrics`)).text();
  expect(input).toContain('awsiam_last_run_result{monitor_instance="us-east-1",result="failed"} 1\n');
  const checked = spawnSync(promtool, ['check', 'metrics'], { input, encoding: 'utf8' });
  expect({ status: checked.status, said: `${checked.stdout}${checked.stderr}` }).toEqual({ status: 0, said: '' });

  const ask = await startPrometheus(context, new URL(url).host);
  const patience = { timeout: 60_000, interval: 100 };
  const valueOf = async (query: string): Promise<readonly string[]> =>
    ((await ask(`query?query=${encodeURIComponent(query)}`)) as { result: { value: [number, string] }[] }).result.map(
      ({ value }) => value[1],
    );
  await expect.poll(() => valueOf('up{job="awsiam"}'), patience).toEqual(['1']);
  await expect.poll(() => valueOf('awsiam_state{state=~"issues|down"} == 1'), patience).toEqual(['1']);
  const rulesOf = async (): Promise<readonly Rule[]> =>
    ((await ask('rules')) as { groups: { rules: Rule[] }[] }).groups.flatMap(({ rules }) => rules);
  await expect
    .poll(async () => (await rulesOf()).filter(({ health }) => health !== 'ok').map(({ name }) => name), patience)
    .toEqual([]);
  await expect
    .poll(
      async () =>
        (await rulesOf()).flatMap(({ name, alerts = [] }) =>
          alerts.map(({ labels }) => [name, labels['monitor_instance']]),
        ),
      patience,
    )
    .toContainEqual(['AwsIamIssues', 'us-east-1']);
});
