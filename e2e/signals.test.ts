import type { ChildProcess } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { listEntities } from '../mocks/iam/seeding.ts';
import { liveEnv, makeResultsDir, projectDir, runCommands, runMonitor, runProgram, runVitest } from './harness/run.ts';
import { arrival, metristEnv, startIam, startMetrist, startSilentServer } from './harness/servers.ts';

const signalled = [
  ['vitest run', 'SIGHUP', 129],
  ['vitest run', 'SIGTERM', 143],
  ['vitest run', 'SIGINT', 130],
  ['awsiam run', 'SIGTERM', 143],
] as const;

test.for(signalled)('%s: %s during a step ends the run cleanly, with code %d', async ([command, signal, code]) => {
  const iam = await startIam('AddUserToGroup=hang-after:1');
  const metrist = await startMetrist();
  const run = await runMonitor(command, {
    env: { ...liveEnv, ...metristEnv(metrist), AWS_ENDPOINT_URL_IAM: iam.url },
    onStart: (child) => void arrival(iam, 'AddUserToGroup').then(() => child.kill(signal)),
  });
  expect(run.code, run.everything).toBe(code);
  expect(listEntities(iam.state), run.everything).toEqual({ users: [], groups: [] });
  // The interrupted step is neither a success nor a failure. The steps that passed before it still count.
  expect(metrist.telemetry.map((body) => body['check_logical_name'])).toEqual(['CreateUser', 'CreateGroup']);
  expect(metrist.errors).toEqual([]);
  expect(run.junit).toMatchObject({ tests: 8, failures: 0, errors: 0, skipped: 6 });
  expect(run.junit?.cases[2]?.message).toContain(signal);
  expect(run.stderr).toContain(`${signal}: stopping`);
});

test('Ctrl-C, which a terminal sends to npx and vitest at once, ends the run cleanly', async () => {
  const iam = await startIam('AddUserToGroup=hang-after:1');
  const pressCtrlC = ({ pid = 0 }: ChildProcess): void => void process.kill(-pid, 'SIGINT');
  const run = await runProgram('npx', ['vitest', 'run'], {
    cwd: projectDir,
    env: { ...liveEnv, AWS_ENDPOINT_URL_IAM: iam.url, METRIST_RESULTS_DIR: await makeResultsDir() },
    detached: true,
    onStart: (child) => void arrival(iam, 'AddUserToGroup').then(() => pressCtrlC(child)),
  });
  // npx ends with the same signal, or with the code that a shell gives it.
  expect([130, 'SIGINT'], run.everything).toContain(run.code ?? run.signal);
  expect(run.stderr).toContain('SIGINT: stopping');
  expect(run.stdout).toContain('1 interrupted');
  expect(listEntities(iam.state), run.everything).toEqual({ users: [], groups: [] });
});

test('repeated signals do not stop teardown', async () => {
  const iam = await startIam('AddUserToGroup=hang-after:1,DeleteGroup=slow:300');
  const again = (child: ChildProcess): void => {
    void arrival(iam, 'AddUserToGroup').then(() => child.kill('SIGINT'));
    void arrival(iam, 'DeleteGroup').then(() => {
      child.kill('SIGINT');
      child.kill('SIGTERM');
    });
  };
  const run = await runVitest({ env: { ...liveEnv, AWS_ENDPOINT_URL_IAM: iam.url }, onStart: again });
  expect(run.code, run.everything).toBe(130);
  expect(listEntities(iam.state), run.everything).toEqual({ users: [], groups: [] });
});

test('a closed terminal (SIGHUP, and no output any more) ends the run cleanly', async () => {
  const iam = await startIam('AddUserToGroup=hang-after:1');
  const hangUp = (child: ChildProcess): void => {
    child.stdout?.destroy();
    child.stderr?.destroy();
    child.kill('SIGHUP');
  };
  const run = await runVitest({
    env: { ...liveEnv, AWS_ENDPOINT_URL_IAM: iam.url },
    onStart: (child) => void arrival(iam, 'AddUserToGroup').then(() => hangUp(child)),
  });
  expect(run).toMatchObject({ code: 129, junit: { tests: 8, failures: 0, errors: 0, skipped: 6 } });
  expect(listEntities(iam.state)).toEqual({ users: [], groups: [] });
});

test.for(runCommands)(
  '%s: after a second signal the run says what it is waiting for; a third ends it and names what it leaves behind',
  async (command) => {
    const iam = await startIam('AddUserToGroup=hang-after:1,RemoveUserFromGroup=hang,DeleteGroup=hang,DeleteUser=hang');
    let stderr = '';
    const onStart = async (child: ChildProcess): Promise<void> => {
      const said = new EventEmitter();
      child.stderr?.on('data', (text: Buffer) => {
        stderr += text.toString();
        said.emit('text');
      });
      /** Sends three signals at once: a run may get one Ctrl+C several times, from the terminal and from npm. */
      const press = async (answer: string): Promise<void> => {
        for (let count = 0; count < 3; count++) child.kill('SIGINT');
        while (!stderr.includes(answer)) await once(said, 'text');
      };
      await arrival(iam, 'AddUserToGroup');
      const removal = arrival(iam, 'RemoveUserFromGroup');
      await press('SIGINT: stopping');
      await removal;
      // Signals within half a second count as one.
      await delay(600);
      await press('SIGINT: still stopping');
      await delay(600);
      await press('for the third time');
    };
    const run = await runMonitor(command, {
      env: { ...liveEnv, AWS_ENDPOINT_URL_IAM: iam.url },
      onStart: (child) => void onStart(child),
    });
    expect(run, run.everything).toMatchObject({ code: null, signal: 'SIGINT' });
    const { users, groups } = listEntities(iam.state);
    expect([users.length, groups.length]).toEqual([1, 1]);
    expect(stderr.match(/SIGINT: stopping/g)).toHaveLength(1);
    expect(stderr).toMatch(
      /still stopping: removing group testgroup-.* and user testuser-.* \(\d+ s, at most \d+ s more\)/,
    );
    expect(stderr).toContain(`left behind: user ${users[0]}`);
    expect(stderr).toContain(`left behind: group ${groups[0]}`);
    expect(stderr).toContain(`aws iam delete-user --user-name ${users[0]}`);
    expect(stderr).toContain(`aws iam delete-group --group-name ${groups[0]}`);
  },
);

test.for(runCommands)('%s: after a second signal the run says that it is waiting for Metrist', async (command) => {
  const iam = await startIam();
  const { silent, url } = await startSilentServer();
  const onStart = async (child: ChildProcess): Promise<void> => {
    await once(silent, 'request');
    for (let count = 0; count < 3; count++) {
      child.kill('SIGTERM');
      // Signals within half a second count as one.
      await delay(600);
    }
  };
  const run = await runMonitor(command, {
    env: {
      ...liveEnv,
      ...metristEnv({ url }),
      AWS_ENDPOINT_URL_IAM: iam.url,
    },
    onStart: (child) => void onStart(child),
  });
  expect(run.signal, run.everything).toBe('SIGTERM');
  expect(run.stderr).toMatch(/still stopping: reporting the run: Metrist \(\d+ s, at most \d+ s more\)/);
});

test.for(runCommands)('%s: a signal before the first step stops the run before it calls IAM', async (command) => {
  const iam = await startIam();
  // A container's credentials endpoint that never answers: the run waits for it before its first step.
  const { silent, url } = await startSilentServer();
  const run = await runMonitor(command, {
    env: {
      METRIST_AWS_REGION: 'us-east-1',
      METRIST_NAMESPACE: 'e2e',
      AWS_CONTAINER_CREDENTIALS_FULL_URI: `${url}/credentials`,
      AWS_ENDPOINT_URL_IAM: iam.url,
    },
    onStart: (child) => void once(silent, 'request').then(() => child.kill('SIGTERM')),
  });
  expect(run.code, run.everything).toBe(143);
  expect(iam.calls).toEqual([]);
  expect(run.junit).toMatchObject({ tests: 8, failures: 0, errors: 0, skipped: 8 });
  expect(run.stdout).not.toContain('left behind');
});
