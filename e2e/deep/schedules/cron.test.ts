import { execFile } from 'node:child_process';
import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test, vi } from 'vitest';
import { listEntities } from '../../../mocks/iam/seeding.ts';
import { need } from '../../../runner/testing/needs.ts';
import { startCron } from '../../harness/cron.ts';
import { parseJunit } from '../../harness/parse-junit.ts';
import { liveEnv, projectDir } from '../../harness/run.ts';
import { arrival, startIam } from '../../harness/servers.ts';

/** `deploy/cron/`, with Debian's cron and logrotate. */

const execute = promisify(execFile);
const patience = { timeout: 60_000, interval: 50 };

/**
 * A shutdown's grace between SIGTERM and SIGKILL: ten seconds with Debian's sysvinit. systemd gives ninety, or less if
 * `DefaultTimeoutStopSec` says so.
 */
const shutdownGraceMs = 10_000;

test("Debian's crontab accepts the file, which runs every two minutes and mails nobody", async (context) => {
  const file = path.join(projectDir, 'deploy/cron/crontab');
  const checked = await execute('crontab', ['-n', file]).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  need(context, checked, "Debian's cron");
  const lines = (await readFile(file, 'utf8')).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  expect(lines).toContain('MAILTO=""');
  const page = await readFile(path.join(projectDir, 'docs/deploy.md'), 'utf8');
  expect(page).toContain(`\`\`\`crontab\n${lines.join('\n')}\n\`\`\``);
  expect(lines.filter((line) => !/^\w+=/.test(line))).toEqual([expect.stringMatching(/^\*\/2 \* \* \* \* /)]);
});

describe.concurrent("under Debian's cron", () => {
  test('a run writes everything to its two directories, and nothing to /tmp', async (context) => {
    const { expect: check } = context;
    const iam = await startIam('', context);
    const { resultsDir, tmpDir, countProcesses } = await startCron(context, {
      env: { ...liveEnv, AWS_ENDPOINT_URL_IAM: iam.url },
    });
    const logFile = path.join(resultsDir, 'run.log');
    await vi.waitFor(async () => check(await readFile(logFile, 'utf8')).toContain('8 passed'), patience);
    await vi.waitFor(async () => check(await countProcesses()).toBe(0), patience);
    check(parseJunit(await readFile(path.join(resultsDir, 'junit.xml'), 'utf8'))).toMatchObject({
      tests: 8,
      failures: 0,
    });
    check(await readdir(resultsDir)).toEqual(check.arrayContaining(['runs', 'run-e2e.lock']));
    check(await readdir(path.join(path.dirname(resultsDir), 'cache'))).not.toEqual([]);
    check(await readdir(tmpDir)).toEqual([]);
    check(listEntities(iam.state)).toEqual({ users: [], groups: [] });
  });

  test('a shutdown of the host in the middle of a run leaves nothing behind', async (context) => {
    const { expect: check } = context;
    const iam = await startIam('AddUserToGroup=hang-after:1', context);
    const arrived = arrival(iam, 'AddUserToGroup');
    const { resultsDir, run, countProcesses } = await startCron(context, {
      env: { ...liveEnv, AWS_ENDPOINT_URL_IAM: iam.url },
    });
    await arrived;
    // To all processes but the first and the sender.
    await run('sh', '-c', 'kill -TERM -1');
    await vi.waitFor(async () => check(await countProcesses()).toBe(0), { timeout: shutdownGraceMs, interval: 50 });
    check(listEntities(iam.state)).toEqual({ users: [], groups: [] });
    check(await readFile(path.join(resultsDir, 'run.log'), 'utf8')).toContain('SIGTERM: stopping');
    check(parseJunit(await readFile(path.join(resultsDir, 'junit.xml'), 'utf8'))).toMatchObject({
      tests: 8,
      failures: 0,
    });
  });

  test('logrotate loses no line of a run that is writing to the log', async (context) => {
    const { expect: check } = context;
    const iam = await startIam('AddUserToGroup=slow:1500:1', context);
    const arrived = arrival(iam, 'AddUserToGroup');
    const host = await startCron(context, { env: { ...liveEnv, AWS_ENDPOINT_URL_IAM: iam.url } });
    const logrotate = await host.run('sh', '-c', 'command -v logrotate').catch(() => undefined);
    need(context, logrotate, "Debian's logrotate");
    const rotate = async () =>
      await host.run('logrotate', '-f', '-s', '/run/state', '/opt/awsiam/deploy/cron/logrotate');
    const fileOf = (name: string): string => path.join(host.resultsDir, name);
    await arrived;
    await rotate();
    check((await stat(fileOf('run.log'))).mode & 0o777).toBe(0o640);
    check((await stat(fileOf('run.log'))).uid).not.toBe(0);
    await vi.waitFor(async () => check(await host.countProcesses()).toBe(0), patience);
    const first = await readFile(fileOf('run.log.1'), 'utf8');
    check(first).toContain('8 passed');
    await host.run('sh', '-c', 'echo the next run >>/var/lib/awsiam/run.log');
    await rotate();
    check(gunzipSync(await readFile(fileOf('run.log.2.gz'))).toString()).toBe(first);
    check(await readFile(fileOf('run.log.1'), 'utf8')).toBe('the next run\n');
  });
});
