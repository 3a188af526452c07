import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, onTestFinished, test, type TestContext, vi } from 'vitest';
import type { IamCall } from '../../../mocks/iam/endpoint.ts';
import { listEntities } from '../../../mocks/iam/seeding.ts';
import type { IamServer } from '../../../mocks/iam/server.ts';
import { longestEndMs } from '../../../runner/stop-signals.ts';
import { need } from '../../../runner/testing/needs.ts';
import { parseJunit } from '../../harness/parse-junit.ts';
import { liveEnv, projectDir } from '../../harness/run.ts';
import { arrival, startIam } from '../../harness/servers.ts';
import { startSystemd } from '../../harness/systemd.ts';

/** The units in `deploy/systemd/`, as systemd reads them and, where this machine can boot one, under a real systemd. */

const execute = promisify(execFile);
const deployDir = path.join(projectDir, 'deploy/systemd');
const services = ['awsiam.service', 'awsiam-watch.service'];
const patience = { timeout: 60_000, interval: 50 };
const units = (await readdir(deployDir)).filter((name) => /\.(service|timer)$/.test(name));

/** The highest exposure that `systemd-analyze security` may find, in tenths of its points: 100 is the worst. */
const mostExposure = 12;

/** The lines `Name=value` of a unit. */
async function readUnit(name: string): Promise<readonly string[]> {
  const lines = (await readFile(path.join(deployDir, name), 'utf8')).split('\n');
  return lines.filter((line) => /^[A-Z]\w*=/.test(line));
}

/** Copies the units to a directory. The programs that they start are not on this machine; `true` stands for them. */
async function copyUnits(context: Pick<TestContext, 'skip'>): Promise<string> {
  need(
    context,
    await execute('systemd-analyze', ['--version']).catch(() => undefined),
    "systemd-analyze, from Debian's systemd",
  );
  const dir = await mkdtemp(path.join(os.tmpdir(), 'awsiam-units-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  for (const name of units) {
    const text = await readFile(path.join(deployDir, name), 'utf8');
    await writeFile(path.join(dir, name), text.replace(/^(ExecStart=)\/opt\/\S+/m, '$1/bin/true'));
  }
  return dir;
}

test('deploy/systemd/ has two services and a timer', () => {
  expect(units.toSorted()).toEqual(['awsiam-watch.service', 'awsiam.service', 'awsiam.timer']);
});

test('systemd finds no fault in the units', async (context) => {
  const dir = await copyUnits(context);
  const { stdout, stderr } = await execute('systemd-analyze', ['verify', ...units], { cwd: dir });
  expect(`${stdout}${stderr}`).toBe('');
});

test.for(services)('systemd finds that %s is well shielded', async (service, context) => {
  const dir = await copyUnits(context);
  const args = ['security', '--no-pager', '--offline=true', `--threshold=${mostExposure}`, `./${service}`];
  const { stdout } = await execute('systemd-analyze', args, { cwd: dir });
  expect(stdout).toContain('OK');
});

describe('what the units say', () => {
  test.for(services)('%s gives a stopped run time to end by itself', async (service) => {
    const lines = await readUnit(service);
    const stopSecs = Number(lines.find((line) => line.startsWith('TimeoutStopSec='))?.split('=')[1]);
    expect(stopSecs * 1000).toBeGreaterThan(longestEndMs);
    // SIGTERM goes to the program alone, and the exit code after it is no failure.
    expect(lines).toEqual(expect.arrayContaining(['KillMode=mixed', 'SuccessExitStatus=143']));
  });

  test('both services shield the process in the same way', async () => {
    const shields = await Promise.all(
      services.map(async (service) => {
        const lines = await readUnit(service);
        return lines.slice(lines.indexOf('NoNewPrivileges=yes')).filter((line) => !line.startsWith('WantedBy='));
      }),
    );
    expect(shields[0]?.length).toBeGreaterThan(20);
    expect(shields[1]).toEqual(shields[0]);
  });
});

describe.concurrent('under a real systemd', () => {
  test('awsiam.service does a whole run, writes to its two directories, and starts from compiled code the next time', async (context) => {
    const iam = await startIam('', context);
    const env = { ...liveEnv, AWS_ENDPOINT_URL_IAM: iam.url };
    const { root, systemctl, show, log } = await startSystemd(context, { units: ['awsiam.service'], env });
    for (const runs of [1, 2]) {
      const started = await systemctl('start', 'awsiam.service');
      expect(started, await log()).toEqual({ code: 0, output: '' });
      expect(await log()).toContain('8 passed');
      const results = path.join(root, 'var/lib/awsiam');
      expect(parseJunit(await readFile(path.join(results, 'junit.xml'), 'utf8'))).toMatchObject({
        tests: 8,
        failures: 0,
      });
      const [day = ''] = await readdir(path.join(results, 'runs'));
      const history = await readFile(path.join(results, 'runs', day), 'utf8');
      expect(history.trim().split('\n')).toHaveLength(runs);
      // Only the user and its group can read the results, and only the user the compiled code.
      expect((await stat(path.join(results, 'junit.xml'))).mode & 0o777).toBe(0o640);
      expect((await stat(path.join(root, 'var/cache/awsiam'))).mode & 0o777).toBe(0o700);
      expect(await readdir(path.join(root, 'var/cache/awsiam'))).not.toEqual([]);
    }
    expect(await show('awsiam.service', 'ActiveState')).toBe('inactive');
    expect(listEntities(iam.state)).toEqual({ users: [], groups: [] });
  });

  test('a stopped awsiam.service removes what its run made and has not failed', async (context) => {
    const iam = await startIam('AddUserToGroup=hang', context);
    const env = { ...liveEnv, AWS_ENDPOINT_URL_IAM: iam.url };
    const { systemctl, show, log } = await startSystemd(context, { units: ['awsiam.service'], env });
    const arrived = arrival(iam, 'AddUserToGroup');
    await systemctl('start', '--no-block', 'awsiam.service');
    await arrived;
    await systemctl('stop', 'awsiam.service');
    expect(await log()).toContain('SIGTERM: stopping');
    expect(await show('awsiam.service', 'ActiveState')).toBe('inactive');
    expect(listEntities(iam.state)).toEqual({ users: [], groups: [] });
  });

  /** The timer, with a time of its own: once a second. */
  async function startTimer(context: TestContext, iam: IamServer) {
    return await startSystemd(context, {
      units: ['awsiam.service', 'awsiam.timer'],
      env: { ...liveEnv, AWS_ENDPOINT_URL_IAM: iam.url },
      timer: ['OnCalendar=', 'OnCalendar=*:*:*'],
    });
  }

  test('awsiam.timer starts one run after the other, and none while one is running', async (context) => {
    const iam = await startIam('AddUserToGroup=slow:2500', context);
    let [inFlight, most] = [0, 0];
    iam.events.on('call', ({ operation }: IamCall) => {
      if (operation === 'CreateUser') most = Math.max(most, ++inFlight);
      if (operation === 'DeleteUser') inFlight--;
    });
    const { systemctl, log } = await startTimer(context, iam);
    expect((await systemctl('start', 'awsiam.timer')).code).toBe(0);
    await vi.waitFor(async () => expect((await log()).match(/8 passed/g)).toHaveLength(2), patience);
    expect(most).toBe(1);
    // Nor did a second run start and give way to the first.
    expect(await log()).not.toContain('is running');
  });

  test('a shutdown of a host with awsiam.timer in the middle of a run leaves nothing behind', async (context) => {
    const iam = await startIam('AttachUserPolicy=hang-after:1', context);
    const { systemctl, show, log } = await startTimer(context, iam);
    const arrived = arrival(iam, 'AttachUserPolicy');
    await systemctl('start', 'awsiam.timer');
    await arrived;
    // All units conflict with this target, so it stops them, and waits until they have ended.
    await systemctl('start', 'shutdown.target');
    expect(await log()).toContain('SIGTERM: stopping');
    expect(await show('awsiam.service', 'Result')).toBe('success');
    expect(await show('awsiam.timer', 'ActiveState')).toBe('inactive');
    expect(listEntities(iam.state)).toEqual({ users: [], groups: [] });
  });

  /** awsiam-watch.service with this command line, and with a port that nobody else has. */
  async function startWatch(context: TestContext, iam: IamServer, args: string, override: readonly string[] = []) {
    const env = { ...liveEnv, AWS_ENDPOINT_URL_IAM: iam.url };
    const command = (await readUnit('awsiam-watch.service')).find((line) => line.startsWith('ExecStart='));
    return await startSystemd(context, {
      units: ['awsiam-watch.service'],
      env,
      override: ['ExecStart=', `${command} --listen 127.0.0.1:0 ${args}`, ...override],
    });
  }

  test('awsiam-watch.service runs, serves its pages, and ends in good order', async (context) => {
    const iam = await startIam('', context);
    const { root, systemctl, show, log } = await startWatch(context, iam, '--every 2s');
    expect((await systemctl('start', 'awsiam-watch.service')).code, await log()).toBe(0);
    await vi.waitFor(async () => expect(await log()).toContain('8 passed'), patience);
    const [url = ''] = /http:\S+/.exec(await log()) ?? [];
    expect((await fetch(new URL('healthz', url))).status).toBe(200);
    expect(await (await fetch(new URL('metrics', url))).text()).toContain('awsiam_runs_total');
    // The report is made by a child process, which has to be able to lower its priority.
    expect(await (await fetch(url)).text()).toContain('</html>');
    expect(await readdir(path.join(root, 'var/lib/awsiam'))).toContain('runs');
    await arrival(iam, 'AddUserToGroup');
    await systemctl('stop', 'awsiam-watch.service');
    expect(await log()).toContain('SIGTERM: stopping');
    expect(await show('awsiam-watch.service', 'ActiveState')).toBe('inactive');
    expect(listEntities(iam.state)).toEqual({ users: [], groups: [] });
  });

  test('a killed awsiam-watch.service starts again and goes on', async (context) => {
    const iam = await startIam('', context);
    const { systemctl, show, log } = await startWatch(context, iam, '--every 1h', ['RestartSec=100ms']);
    await systemctl('start', 'awsiam-watch.service');
    for (const runs of [1, 2]) {
      await vi.waitFor(async () => expect((await log()).match(/8 passed/g)).toHaveLength(runs), patience);
      if (runs === 1) await systemctl('kill', '--signal=KILL', 'awsiam-watch.service');
    }
    expect(await show('awsiam-watch.service', 'NRestarts')).toBe('1');
  });

  test('a wrong option ends awsiam-watch.service for good', async (context) => {
    const { systemctl, show, log } = await startWatch(context, await startIam('', context), '--every often', [
      'RestartSec=100ms',
    ]);
    await systemctl('start', 'awsiam-watch.service');
    await vi.waitFor(async () => expect(await show('awsiam-watch.service', 'ActiveState')).toBe('failed'), patience);
    expect(await show('awsiam-watch.service', 'NRestarts')).toBe('0');
    expect(await log()).toContain('--every');
  });
});
