import { spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, onTestFinished, test, type TestContext } from 'vitest';
import { maySkip, mountSmallDisk } from '../../runner/testing/needs.ts';
import { listEntities } from '../../mocks/iam/seeding.ts';
import type { IamServer } from '../../mocks/iam/server.ts';
import {
  cleanEnv,
  commandLineOf,
  copyProject,
  type Ended,
  liveEnv,
  projectDir,
  runAwsiam,
  runCommands,
  runMonitor,
  runProgram,
  runVitest,
  vitestFile,
} from '../harness/run.ts';
import { parseJunit } from '../harness/parse-junit.ts';
import { metristEnv, startIam, startMetrist, startSilentServer } from '../harness/servers.ts';

/** Runs with closed streams, full disks, other users and unusual directories. */

const nobody = 65_534;

/** What every live run writes. */
const resultFiles = ['awsiam.prom', 'junit.xml', 'runs', 'totals.json'];

/** Makes Node.js say that it is too old. */
const asOld = 'data:text/javascript,Object.defineProperty(process,"version",{value:"v20.20.2"})';

/** Expects that a run carried out its steps in the account and left nothing behind. */
function expectWholeRun(iam: IamServer): void {
  expect(iam.calls.filter(({ carriedOut }) => carriedOut).map(({ operation }) => operation)).toEqual(
    expect.arrayContaining(['CreateUser', 'DetachUserPolicy', 'DeleteUser']),
  );
  expect(listEntities(iam.state)).toEqual({ users: [], groups: [] });
}

async function makeDir(cleanUp: TestContext['onTestFinished'] = onTestFinished): Promise<string> {
  const dir = await mkdtemp(path.join(os.tmpdir(), 'awsiam-surroundings-'));
  cleanUp(() => rm(dir, { recursive: true, force: true }));
  await chmod(dir, 0o777);
  return dir;
}

const liveOver = (iam: IamServer): Record<string, string> => ({ ...liveEnv, AWS_ENDPOINT_URL_IAM: iam.url });

/** Whether this user may mount file systems. Root may, and others if the kernel allows it. */
const canMount = spawnSync('unshare', ['--mount', 'true']).status === 0;
const isRoot = process.getuid?.() === 0;
const testMounting = test.skipIf(!(canMount && isRoot) && maySkip);

/** Runs a shell script with these arguments in its own mount namespace. */
async function runMounted(
  script: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<Ended> {
  return await runProgram('unshare', ['--mount', 'sh', '-euc', script, 'sh', ...args], { env });
}

describe('output that cannot be written', () => {
  test.for([
    ['vitest run', 'stdout'],
    ['vitest run', 'stderr'],
    ['vitest run', 'stdout and stderr'],
    ['awsiam run', 'stdout and stderr'],
  ] as const)('%s with a closed pipe at %s passes and writes its reports', async ([command, which]) => {
    const iam = await startIam();
    const run = await runMonitor(command, {
      env: liveOver(iam),
      onStart: ({ stdout, stderr }) => {
        if (which !== 'stderr') stdout?.destroy();
        if (which !== 'stdout') stderr?.destroy();
      },
    });
    expect(run.code).toBe(0);
    expect(run.junit).toMatchObject({ tests: 8, failures: 0, errors: 0, skipped: 0 });
    expect(await readdir(path.join(run.resultsDir, 'runs'))).toHaveLength(1);
    expectWholeRun(iam);
  });

  const redirections = ['>/dev/full', '>/dev/full 2>&1', '>&-', '>&- 2>&- <&-'];
  test.for(runCommands.flatMap((command) => redirections.map((redirection) => [command, redirection] as const)))(
    '%s with %s passes',
    async ([command, redirection]) => {
      const iam = await startIam();
      const results = await makeDir();
      const { code, stdout, stderr } = await runProgram(
        'sh',
        ['-c', `exec "$@" ${redirection}`, 'sh', ...commandLineOf(command)],
        { env: { ...liveOver(iam), METRIST_RESULTS_DIR: results } },
      );
      expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
      const said = /^stdout could not be written, so some of the output is missing: ENOSPC.*\n$/;
      expect(stderr).toMatch(redirection === '>/dev/full' ? said : /^$/);
      expect(parseJunit(await readFile(path.join(results, 'junit.xml'), 'utf8'))).toMatchObject({
        tests: 8,
        failures: 0,
      });
      expectWholeRun(iam);
    },
  );

  test.for(runCommands)(
    '%s passes if nobody reads it, its disk is full, its history is damaged and its collector hangs',
    async (command, context) => {
      const iam = await startIam();
      const results = await makeDir();
      await mountSmallDisk(context, results, '64k');
      await mkdir(path.join(results, 'runs'));
      await writeFile(path.join(results, 'runs', `${new Date().toISOString().slice(0, 10)}.ndjson`), '{"torn\n\0\n');
      await writeFile(path.join(results, 'totals.json'), 'damaged');
      await writeFile(path.join(results, 'filler'), Buffer.alloc(1024 * 1024)).catch(() => {});
      const collector = await startSilentServer();
      const { code, stderr } = await runProgram('sh', ['-c', 'exec "$@" >/dev/full', 'sh', ...commandLineOf(command)], {
        env: {
          ...liveOver(iam),
          METRIST_RESULTS_DIR: results,
          GITHUB_STEP_SUMMARY: '/dev/full',
          AWSIAM_SUMMARY: 'true',
          OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
          OTEL_EXPORTER_OTLP_TIMEOUT: '500',
        },
      });
      expect(code, stderr).toBe(0);
      // The line of the history still fits into the file that is there.
      for (const what of ['junit.xml', 'awsiam.prom', 'report.html', 'OTLP', 'GitHub job']) {
        expect(stderr).toMatch(new RegExp(`${what}[^·]* not `));
      }
      expectWholeRun(iam);
    },
  );

  test('a run whose output and reports exceed the limit of file sizes tears down and says what is missing', async () => {
    const iam = await startIam();
    const results = await makeDir();
    const log = path.join(results, 'log');
    // A limit of 512 bytes, or 1024 in some shells: only a part of the report is written.
    const script = `ulimit -f 1; exec "$@" >${log}`;
    const { code, stderr } = await runProgram(
      'sh',
      ['-c', script, 'sh', process.execPath, vitestFile, 'run', '--root', projectDir],
      { env: { ...liveOver(iam), METRIST_RESULTS_DIR: results, NODE_DISABLE_COMPILE_CACHE: '1' } },
    );
    expect(code).toBe(0);
    expect(stderr).toMatch(/^(stdout could not be written, .*EFBIG.*\n)?$/);
    expect(await readdir(results)).not.toContain('junit.xml');
    expectWholeRun(iam);
  });

  test('awsiam run --json whose output is cut off passes and writes its reports', async () => {
    const iam = await startIam();
    const results = await makeDir();
    const script = '{ "$@"; echo "exit code $?" >&2; } | head -c 10';
    const { stdout, stderr } = await runProgram('sh', ['-c', script, 'sh', ...commandLineOf('awsiam run'), '--json'], {
      env: { ...liveOver(iam), METRIST_RESULTS_DIR: results },
    });
    expect(stdout).toHaveLength(10);
    expect(stderr).toContain('exit code 0');
    expect(await readdir(results)).toEqual(expect.arrayContaining(resultFiles));
    expectWholeRun(iam);
  });

  test.for(['| head -c 10', '>/dev/full'])('awsiam drive %s drives the monitor to its end', async (destination) => {
    const iam = await startIam();
    const drive = [process.execPath, path.join(projectDir, 'cli/awsiam.js'), 'drive'];
    const script = `{ "$@"; echo "exit code $?" >&2; } ${destination}`;
    const { stderr } = await runProgram('sh', ['-c', script, 'sh', ...drive], { env: liveOver(iam) });
    expect(stderr).toContain('exit code 0');
    expectWholeRun(iam);
  });
});

describe('files that cannot be read or written', () => {
  test.for(runCommands)(
    '%s: if the results directory cannot be created, only the reports are missing',
    async (command) => {
      const iam = await startIam();
      const run = await runMonitor(command, { env: { ...liveOver(iam), METRIST_RESULTS_DIR: '/proc/x' } });
      expect(run.code).toBe(0);
      expect(run.stdout).toMatch(/! JUnit \/proc\/x\/junit\.xml could not be written: ENOENT/);
      expectWholeRun(iam);
    },
  );

  test.for(runCommands)('%s: .env that is a directory fails the first step in every report', async (command) => {
    const iam = await startIam();
    const checkout = await copyProject();
    await mkdir(path.join(checkout, '.env'));
    const run = await runMonitor(command, { cwd: checkout, env: liveOver(iam) });
    expect(run.code).toBe(1);
    expect(run.junit?.cases[0]).toMatchObject({ name: 'CreateUser', outcome: 'error', verdict: 'configuration' });
    expect(run.stdout.replaceAll(/\s+/g, ' ')).toMatch(/the file \S+\.env could not be read: it is a directory/);
    expect(run.stderr).toBe('');
    expect(iam.calls).toEqual([]);
    const cleanup = await runAwsiam(['cleanup'], liveOver(iam), { checkout });
    expect(cleanup).toMatchObject({ code: 1, stderr: expect.stringContaining('.env could not be read') });
  });

  testMounting.for(runCommands)(
    '%s: an unreadable .env of another user fails the first step and says what to do',
    async (command) => {
      const iam = await startIam();
      const checkout = await copyProject();
      await chmod(checkout, 0o755);
      await writeFile(path.join(checkout, '.env'), 'METRIST_NAMESPACE=hidden\n', { mode: 0o600 });
      const { code, stdout, stderr } = await runProgram(
        'setpriv',
        ['--reuid', `${nobody}`, '--clear-groups', ...commandLineOf(command, checkout)],
        { env: { ...liveOver(iam), METRIST_RESULTS_DIR: await makeDir() } },
      );
      expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
      expect(stdout.replaceAll(/\s+/g, ' ')).toContain('.env could not be read: permission denied; make it readable');
      expect(iam.calls).toEqual([]);
    },
  );

  test.for(['ofline', 'offline'] as const)(
    'a run in mode %s that cannot start replaces an older report',
    async (mode) => {
      const checkout = await copyProject();
      if (mode === 'offline') {
        // The packages that npm ci --omit=dev installs.
        await rm(path.join(checkout, 'node_modules'));
        await mkdir(path.join(checkout, 'node_modules'));
        for (const name of await readdir(path.join(projectDir, 'node_modules'))) {
          if (name === 'aws-sdk-client-mock' || name.startsWith('.')) continue;
          await symlink(path.join(projectDir, 'node_modules', name), path.join(checkout, 'node_modules', name));
        }
      }
      const results = await makeDir();
      await writeFile(path.join(results, 'junit.xml'), '<testsuites name="old"/>');
      const run = await runVitest({ cwd: checkout, args: ['--mode', mode], env: { METRIST_RESULTS_DIR: results } });
      expect({ code: run.code, stderr: run.stderr }).toEqual({ code: 1, stderr: '' });
      expect(run.stdout).not.toContain('    at ');
      expect(run.stdout.replaceAll(/\s+/g, ' ')).toContain(
        mode === 'ofline' ? 'unknown mode "ofline": give no --mode' : 'needs the development packages: install',
      );
      const junit = parseJunit(await readFile(path.join(results, 'junit.xml'), 'utf8'));
      expect(junit.cases[0]).toMatchObject({ name: 'CreateUser', outcome: 'error', verdict: 'configuration' });
    },
  );

  test.for([
    ['vitest run', 'cli/run/vitest-run.ts'],
    ['awsiam run', 'cli/run/run.ts'],
  ] as const)('%s: if %s is missing, one line says so, and no older report remains', async ([command, file]) => {
    const checkout = await copyProject();
    await rm(path.join(checkout, file));
    const results = await makeDir();
    await writeFile(path.join(results, 'junit.xml'), '<testsuites name="old"/>');
    const run = await runMonitor(command, { cwd: checkout, env: { METRIST_RESULTS_DIR: results } });
    expect(run).toMatchObject({ code: 1, stdout: '' });
    expect(run.stderr).toMatch(/^awsiam cannot start[,:] .*Cannot find module.*Install it again with "npm ci"\.\n$/);
    expect(await readdir(results)).toEqual([]);
  });
});

describe.concurrent('something that hangs', () => {
  test.for(runCommands)('%s ends although a report hangs, and says which', async (command, context) => {
    const { expect: check, onTestFinished: cleanUp } = context;
    const iam = await startIam('', { onTestFinished: cleanUp });
    const dir = await makeDir(cleanUp);
    const pipe = path.join(dir, 'pipe');
    // Opening it to write hangs until somebody reads it.
    spawnSync('mkfifo', [pipe]);
    const run = await runMonitor(command, {
      env: { ...liveOver(iam), GITHUB_STEP_SUMMARY: pipe },
      onTestFinished: cleanUp,
    });
    check(run).toMatchObject({ code: null, signal: 'SIGKILL' });
    check(run.stdout).toContain('! summary of the GitHub job: gave up after 10 s');
    check(run.stdout).toContain('awsiam live · 8 passed');
    check(run.junit).toMatchObject({ tests: 8, failures: 0 });
  });

  test.for(runCommands)('%s ends on a signal although a name server does not answer', async (command, context) => {
    const { expect: check, onTestFinished: cleanUp, skip } = context;
    const address = command === 'vitest run' ? '127.0.0.97' : '127.0.0.98';
    const nameServer = createSocket('udp4').bind(53, address);
    cleanUp(() => void nameServer.close());
    const isListening = await once(nameServer, 'listening').then(
      () => true,
      () => false,
    );
    if (!isListening || !canMount) skip('port 53 cannot be bound, or nothing be mounted here');
    const dir = await makeDir(cleanUp);
    await writeFile(path.join(dir, 'resolv.conf'), `nameserver ${address}\n`);
    const script = 'mount --bind "$1" /etc/resolv.conf; shift; exec "$@"';
    const mounted = ['--mount', 'sh', '-euc', script, 'sh', path.join(dir, 'resolv.conf'), ...commandLineOf(command)];
    const asked = once(nameServer, 'message');
    const run = await runProgram('unshare', mounted, {
      env: { ...liveEnv, AWS_ENDPOINT_URL_IAM: 'http://iam.invalid', METRIST_RESULTS_DIR: dir },
      onStart: (child) => void asked.then(() => child.kill('SIGTERM')),
    });
    check(run.code, run.everything).toBe(143);
    check(run.stdout).toContain('1 interrupted, 7 blocked');
    check(parseJunit(await readFile(path.join(dir, 'junit.xml'), 'utf8'))).toMatchObject({ tests: 8, skipped: 8 });
  });
});

describe('an older report is removed if the run does not start', () => {
  test('awsiam run: if the code of a report is missing, the run goes on, says so, and leaves no older report', async () => {
    const iam = await startIam();
    const checkout = await copyProject();
    await rm(path.join(checkout, 'reporters/junit.ts'));
    const results = await makeDir();
    await writeFile(path.join(results, 'junit.xml'), '<testsuites name="old"/>');
    const run = await runMonitor('awsiam run', {
      cwd: checkout,
      env: { ...liveOver(iam), METRIST_RESULTS_DIR: results },
    });
    expect(run.stdout).toMatch(/! the reports could not be written: .*reporters\/junit\.ts/);
    expect(await readdir(results)).not.toContain('junit.xml');
    expectWholeRun(iam);
  });

  test.for([
    ['vitest refuses an option', [vitestFile, 'run', '--reporter=nobody-made-it'], [], 1],
    ['Node.js is too old', ['--import', asOld, vitestFile, 'run'], [], 1],
    ['a file is missing', [vitestFile, 'run'], ['host/env-file.ts'], 1],
    ['awsiam run refuses an option', ['cli/awsiam.js', 'run', '--reporter=nobody-made-it'], [], 2],
    ['Node.js is too old for awsiam run', ['--import', asOld, 'cli/awsiam.js', 'run'], [], 1],
    ['a file of awsiam run is missing', ['cli/awsiam.js', 'run'], ['host/env-file.ts'], 1],
  ] as const)('because %s, even if .env sets the directory', async ([, args, missing, exitCode]) => {
    const checkout = await copyProject();
    for (const file of missing) await rm(path.join(checkout, file));
    const results = await makeDir();
    await writeFile(path.join(checkout, '.env'), `METRIST_RESULTS_DIR=${results}\n`);
    await writeFile(path.join(results, 'junit.xml'), '<testsuites name="old"/>');
    const { code } = await runProgram(process.execPath, args, { cwd: checkout });
    expect(code).toBe(exitCode);
    expect(await readdir(results)).not.toContain('junit.xml');
  });

  test('but stays if vitest only lists the steps', async () => {
    const results = await makeDir();
    await writeFile(path.join(results, 'junit.xml'), '<testsuites name="last"/>');
    const { code } = await runProgram(process.execPath, [vitestFile, 'list'], {
      env: { METRIST_RESULTS_DIR: results },
      cwd: projectDir,
    });
    expect(code).toBe(0);
    expect(await readFile(path.join(results, 'junit.xml'), 'utf8')).toBe('<testsuites name="last"/>');
  });
});

describe('ways to start', () => {
  test('with an empty environment all settings come from the .env of the checkout, which also gets the results', async () => {
    const iam = await startIam();
    const checkout = await copyProject();
    const settings = { ...cleanEnv(), ...liveOver(iam) };
    const lines = Object.entries(settings).map(([name, value]) => `${name}="${value}"\n`);
    await writeFile(path.join(checkout, '.env'), lines.join(''));
    const args = ['-i', process.execPath, vitestFile, 'run', '--root', checkout];
    const { code, stdout, stderr } = await runProgram('env', args, { cwd: await makeDir() });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain(`report ${checkout}/results/report.html`);
    expect(await readdir(path.join(checkout, 'results'))).toEqual(expect.arrayContaining(resultFiles));
    expectWholeRun(iam);
  });

  test.for([
    ['--watch'],
    ['--watch', '--standalone'],
    // Signals would not reach a worker of another pool, and --bail would skip teardown.
    ['--bail=1', '--pool=forks'],
  ])('with %j there is one run, which ends by itself and tears down', async (args) => {
    const iam = await startIam('AddUserToGroup=AccessDenied:1,DeleteGroup=slow:100');
    const run = await runVitest({ args, env: liveOver(iam) });
    expect(run.code, run.everything).toBe(1);
    expect(run.stderr.includes('A monitor run is not watched')).toBe(args.includes('--watch'));
    expect(run.junit?.cases.map(({ outcome, message }) => message ?? outcome).at(-1)).toBe('AddUserToGroup failed');
    expect(listEntities(iam.state), run.everything).toEqual({ users: [], groups: [] });
  });

  test.for(['dot', 'junit'])('with --reporter=%s our reports are complete as well', async (name) => {
    const [iam, metrist] = [await startIam('CreateGroup=ServiceFailure:3'), await startMetrist()];
    // vitest's own JUnit reporter writes to the checkout.
    const cwd = await copyProject();
    const run = await runVitest({
      cwd,
      args: [`--reporter=${name}`],
      env: { ...liveOver(iam), ...metristEnv(metrist) },
    });
    expect(run.code).toBe(1);
    expect(run.junit).toMatchObject({ tests: 8, failures: 1 });
    expect(metrist.errors).toHaveLength(1);
    expect(metrist.telemetry).toHaveLength(1);
    expect(run.stderr).toMatch(/awsiam live · 1 failed, 6 blocked, 1 passed/);
    expect(run.stdout).not.toContain('awsiam live ·');
    expect(listEntities(iam.state)).toEqual({ users: [], groups: [] });
  });

  test.for([[['-t', 'CreateUser']], [['-t', 'DeleteUser']], [['suites/awsiam/awsiam.suite.ts:20']]] as const)(
    'a selection of steps (%j) runs and posts nothing, because each step needs the earlier ones',
    async ([args]) => {
      const [iam, metrist] = [await startIam(), await startMetrist()];
      const run = await runVitest({ args, env: { ...liveOver(iam), ...metristEnv(metrist) } });
      expect(run.code).toBe(1);
      expect(run.stdout.replaceAll(/\s+/g, ' ')).toContain('each step needs those before it, so give no filter');
      expect(iam.calls).toEqual([]);
      expect([...metrist.telemetry, ...metrist.errors]).toEqual([]);
    },
  );

  test('--config starts a run of the checkout from another directory', async () => {
    const args = [vitestFile, 'run', '--mode', 'offline', '--config', path.join(projectDir, 'vitest.config.ts')];
    const run = await runProgram(process.execPath, args, { env: { METRIST_RESULTS_DIR: await makeDir() } });
    expect(run).toMatchObject({ code: 0, stdout: expect.stringContaining('8 passed') as unknown });
  });

  test('vitest list names the steps and calls nothing', async () => {
    const iam = await startIam();
    const { code, stdout } = await runProgram(process.execPath, [vitestFile, 'list'], {
      env: liveOver(iam),
      cwd: projectDir,
    });
    expect(code).toBe(0);
    expect(stdout.trim().split('\n')).toHaveLength(8);
    expect(iam.calls).toEqual([]);
  });

  test.for([
    ['vitest', [vitestFile, 'run']],
    ['awsiam', [path.join(projectDir, 'cli/awsiam.js'), '--version']],
  ] as const)('%s on an old Node.js says in one line which one is needed', async ([, args]) => {
    const run = await runProgram(process.execPath, ['--import', asOld, ...args], { cwd: projectDir });
    expect(run).toMatchObject({ code: 1, stdout: '' });
    expect(run.stderr).toMatch(/^awsiam needs Node\.js 24\.15 .* this is v20\.20\.2\. "npm ci" .*\n$/);
  });
});

/** Mounts the project read-only in a directory that everybody can reach, and runs it there as the user `nobody`. */
const asNobodyInReadOnlyCheckout = `
  mount --bind "$1" "$2"
  mount -o remount,bind,ro "$2"
  checkout=$2
  cd "$3"
  node="$checkout"/node_modules/.bin/node
  if [ "$4" = 'vitest run' ]; then
    set -- "$checkout"/node_modules/vitest/vitest.mjs run --root "$checkout"
  else
    set -- "$checkout"/cli/awsiam.js run
  fi
  exec setpriv --reuid ${nobody} --regid ${nobody} --clear-groups "$node" "$@"
`;

testMounting.for([
  ['vitest run', 'another directory', 0o777],
  ['vitest run', 'a directory that it may not enter', 0o700],
  ['awsiam run', 'another directory', 0o777],
  ['awsiam run', 'a directory that it may not enter', 0o700],
] as const)('%s: another user can run a read-only checkout of root from %s', async ([command, , cwdMode]) => {
  const iam = await startIam();
  const [checkout, results, cwd] = [await makeDir(), await makeDir(), await makeDir()];
  await chmod(cwd, cwdMode);
  const { code, stdout, stderr } = await runMounted(asNobodyInReadOnlyCheckout, [projectDir, checkout, cwd, command], {
    ...liveOver(iam),
    METRIST_RESULTS_DIR: results,
    HOME: '/nonexistent',
  });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toContain('8 passed');
  expect(parseJunit(await readFile(path.join(results, 'junit.xml'), 'utf8'))).toMatchObject({
    tests: 8,
    failures: 0,
  });
  expect(await readdir(results)).toEqual(expect.arrayContaining(resultFiles));
  expectWholeRun(iam);
});

testMounting('if the disk of the results is full, the run goes on, says so, and leaves no older report', async () => {
  const iam = await startIam();
  const results = await makeDir();
  const script = `
    mount -t tmpfs -o size=64k,mode=0777 none "$1"
    echo '<testsuites name="old"/>' >"$1"/junit.xml
    dd if=/dev/zero of="$1"/full bs=4k 2>/dev/null || true
    code=0
    "$2" "$3" run --root "$4" || code=$?
    ls -A "$1"
    exit $code
  `;
  const { code, stdout, stderr } = await runMounted(script, [results, process.execPath, vitestFile, projectDir], {
    ...liveOver(iam),
    METRIST_RESULTS_DIR: results,
  });
  expect(stderr).toBe('');
  expect(stdout).toContain('8 passed');
  expect(stdout).toMatch(/! JUnit .*junit\.xml could not be written: ENOSPC/);
  expect(code).toBe(0);
  expect(stdout.split('\n')).not.toContain('junit.xml');
  expectWholeRun(iam);
});

testMounting('if no directory has room for a file, the run goes on, says so, and leaves no older report', async () => {
  const iam = await startIam();
  const full = await makeDir();
  const script = `
    mount -t tmpfs -o size=64k none "$1"
    mount -t tmpfs -o size=64k none /dev/shm
    mkdir "$1"/results
    echo '<testsuites name="old"/>' >"$1"/results/junit.xml
    dd if=/dev/zero of="$1"/full bs=4k 2>/dev/null || true
    dd if=/dev/zero of=/dev/shm/full bs=4k 2>/dev/null || true
    code=0
    "$2" "$3" run --root "$4" || code=$?
    ls -A "$1"/results
    exit $code
  `;
  const { code, stdout, stderr } = await runMounted(script, [full, process.execPath, vitestFile, projectDir], {
    ...liveOver(iam),
    METRIST_RESULTS_DIR: path.join(full, 'results'),
    TMPDIR: full,
  });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toContain('8 passed');
  expect(stdout).toMatch(/! JUnit .*junit\.xml could not be written: ENOSPC/);
  expect(stdout.split('\n')).not.toContain('junit.xml');
  expectWholeRun(iam);
});

testMounting('repeated runs leave no empty files in a full temporary directory', async () => {
  const tmp = await makeDir();
  const script = `
    mount -t tmpfs -o size=1m,mode=1777 none "$1"
    dd if=/dev/zero of="$1"/full bs=4k 2>/dev/null || true
    for run in 1 2; do
      "$2" "$3" run --root "$4" --mode offline
      find "$1" | wc -l
    done
  `;
  const { code, stdout, stderr } = await runMounted(script, [tmp, process.execPath, vitestFile, projectDir], {
    METRIST_RESULTS_DIR: await makeDir(),
    TMPDIR: tmp,
  });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  // The directory, the file that fills it, and the empty directory of the cache.
  expect(stdout.match(/^\s*\d+$/gm)?.map(Number)).toEqual([3, 3]);
});
