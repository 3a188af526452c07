import { mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { filesIn } from '../metrist/testing/delivery.ts';
import { deadPort } from '../suites/awsiam/testing/http-server.ts';
import { liveEnv, onlyWaitLines, runVitest, secrets } from './harness/run.ts';
import { metristEnv, startIam, startMetrist } from './harness/servers.ts';

/** A directory of results that several runs share. */
async function sharedResults(): Promise<string> {
  const dir = await mkdtemp(path.join(os.tmpdir(), 'awsiam-delivery-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

/** The lines of the output that mention Metrist. */
const linesAboutMetrist = (stdout: string): string[] => stdout.split('\n').filter((line) => line.includes('Metrist'));

test('with Metrist down the run passes, and its last line says what was not delivered and where it is kept', async () => {
  const iam = await startIam();
  const dir = await sharedResults();
  const env = {
    ...liveEnv,
    METRIST_API_TOKEN: secrets.apiToken,
    METRIST_INSTANCE_ID: 'e2e-1',
    METRIST_RESULTS_DIR: dir,
  };
  const run = await runVitest({
    env: { ...env, METRIST_API_HOST: `http://127.0.0.1:${await deadPort()}`, AWS_ENDPOINT_URL_IAM: iam.url },
  });
  expect(run, run.everything).toMatchObject({ code: 0, stderr: onlyWaitLines });
  expect(linesAboutMetrist(run.stdout)).toEqual([
    expect.stringMatching(
      /! Metrist: 8 of 8 results not delivered \(kept in .*runs\): 127\.0\.0\.1:\d+ refused the connection/,
    ),
  ]);
  const day = new Date().toISOString().slice(0, 10);
  expect(await filesIn(dir)).toEqual([
    '.totals.lock',
    'awsiam.prom',
    'junit.xml',
    'report.html',
    `runs/${day}.ndjson`,
    'totals.json',
  ]);
  const files = await Promise.all((await filesIn(dir)).map((file) => readFile(path.join(dir, file), 'utf8')));
  for (const secret of Object.values(secrets)) expect(files.join('\n')).not.toContain(secret);
});

test('if delivery is required, a run whose results did not arrive fails, and only that run', async () => {
  const iam = await startIam();
  const metrist = await startMetrist();
  const METRIST_RESULTS_DIR = await sharedResults();
  const required = { METRIST_REQUIRE_DELIVERY: '1', METRIST_RESULTS_DIR };
  const env = { ...liveEnv, ...metristEnv(metrist), ...required, AWS_ENDPOINT_URL_IAM: iam.url };
  const failed = await runVitest({ env: { ...env, METRIST_API_TOKEN: 'somebody-elses-token' } });
  expect(failed.code, failed.everything).toBe(1);
  expect(linesAboutMetrist(failed.stdout).join('\n')).toContain('METRIST_API_TOKEN');
  const passed = await runVitest({ env });
  expect(passed.code, passed.everything).toBe(0);
});

test('an error that could not be delivered arrives with the next run, before its own results', async () => {
  const iam = await startIam('CreateGroup=AccessDenied:1');
  const metrist = await startMetrist();
  const METRIST_RESULTS_DIR = await sharedResults();
  const env = { ...liveEnv, ...metristEnv(metrist), METRIST_RESULTS_DIR, AWS_ENDPOINT_URL_IAM: iam.url };
  metrist.behave(() => ({ kind: 'answer', status: 403 }));
  const first = await runVitest({ env });
  expect(first.code, first.everything).toBe(1);
  expect(linesAboutMetrist(first.stdout).join('\n')).toMatch(
    /Metrist: 2 of 2 results not delivered \(kept in .*runs\), 1 error waits in .*outbox: HTTP 403/,
  );
  const waiting = (await filesIn(METRIST_RESULTS_DIR)).filter((file) => file.startsWith('outbox/'));
  expect(waiting).toEqual([expect.stringMatching(/^outbox\/\d{8}T\d{9}-[\da-f]{8}\.json$/)]);
  metrist.behave([]);
  const before = metrist.requests.length;
  const endOfFirst = new Date().toISOString();
  const second = await runVitest({ env });
  expect(second.code, second.everything).toBe(0);

  expect(metrist.errors).toEqual([expect.objectContaining({ check_logical_name: 'CreateGroup' })]);
  expect(String(metrist.errors[0]?.['time']) < endOfFirst).toBe(true);
  const delivered = metrist.requests.slice(before).map(({ path: asked, body }) => {
    const { check_logical_name: check } = JSON.parse(body) as { readonly check_logical_name: string };
    return `${asked.split('/').at(-1)} ${check}`;
  });
  // First the error of the first run, then the eight results of the second.
  expect(delivered.slice(0, 2)).toEqual(['error CreateGroup', 'telemetry CreateUser']);
  expect(delivered).toHaveLength(9);
  expect((await filesIn(METRIST_RESULTS_DIR)).filter((file) => file.startsWith('outbox/'))).toEqual([]);
  expect([...metrist.swallowed, ...metrist.problems]).toEqual([]);
});
