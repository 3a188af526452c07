import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, cp, mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { buffer, text } from 'node:stream/consumers';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import yauzl from 'yauzl';
import { FrameBuffer, formatFrame } from '../../metrist/protocol/frame.ts';
import { listEntities } from '../../mocks/iam/seeding.ts';
import packageJson from '../../package.json' with { type: 'json' };
import { assetNames } from '../../packaging/load-program.ts';
import { latestFile, localExecutable, programName, zipFile } from '../../packaging/publish.ts';
import { defaultDistDir, packageExecutable } from '../../packaging/package-executable.ts';
import { outline } from '../../suites/awsiam/outline.ts';
import { nowhere } from '../harness/loopback-only.ts';
import { parseJunit } from '../harness/parse-junit.ts';
import { liveEnv, secrets } from '../harness/run.ts';
import { metristEnv, startIam, startMetrist } from '../harness/servers.ts';

const dist = (name: string): string => path.join(defaultDistDir, name);
const version = await readFile(dist(latestFile), 'utf8');

interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface Start {
  readonly executable?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Starts it as a user who owns nothing, because root may write everywhere. */
  readonly asNobody?: boolean;
}

/**
 * Lets another process write the copy of an executable. Tests in other threads start programs all the time, and such a
 * program inherits the files that this process is writing. Linux runs no file that anybody has open for writing (`ETXTBSY`).
 */
async function copyExecutable(from: string, to: string): Promise<void> {
  const [code] = (await once(spawn('install', ['-m', '755', from, to], { stdio: 'inherit' }), 'close')) as [number];
  expect(code).toBe(0);
}

/** Starts the executable with exactly this environment. */
function start(
  args: readonly string[],
  { executable = dist(programName), env = {}, cwd = os.tmpdir(), asNobody = false }: Start,
) {
  const nobody = asNobody && process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
  return spawn(executable, args, { env, cwd, stdio: ['pipe', 'pipe', 'pipe'], ...nobody });
}

async function run(args: readonly string[], options: Start = {}): Promise<Outcome> {
  const child = start(args, options);
  child.stdin.end();
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return { code: code as number | null, stdout, stderr };
}

/** Runs all steps. Returns the monitor's messages without log messages. */
async function runSteps(iamUrl: string, options: Start): Promise<{ readonly said: string[]; readonly stderr: string }> {
  const child = start([], options);
  const config = {
    AWSAccessKeyId: secrets.accessKeyId,
    AWSSecretAccessKey: secrets.secretAccessKey,
    AWSRegion: 'us-east-1',
    Namespace: 'e2e',
    EndpointUrl: iamUrl,
  };
  const answers = [
    'Version 1.1',
    `Config ${JSON.stringify(config)}`,
    ...outline.steps.map(({ name }) => `Run Step ${name}`),
    'Exit 0',
  ];
  const frames = new FrameBuffer();
  const said: string[] = [];
  child.stdout.on('data', (chunk: Buffer) => {
    frames.append(chunk);
    for (let body = frames.next(); body !== undefined; body = frames.next()) {
      const message = body.toString();
      if (message.startsWith('Log ')) continue;
      said.push(message);
      child.stdin.write(formatFrame(answers.shift() ?? 'Exit 0'));
    }
  });
  const [stderr] = await Promise.all([text(child.stderr), once(child, 'close')]);
  return { said, stderr };
}

const allPassed = [
  'Started 1.1',
  'Ready',
  'Configured',
  ...outline.steps.map(() => expect.stringMatching(/^Step Time /)),
];

async function makeDir(): Promise<string> {
  const dir = await mkdtemp(path.join(os.tmpdir(), 'awsiam-package-test-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

async function readArchive(zipPath: string): Promise<{ readonly entries: yauzl.Entry[]; readonly contents: Buffer[] }> {
  const archive = await yauzl.openPromise(zipPath);
  const entries: yauzl.Entry[] = [];
  const contents: Buffer[] = [];
  for await (const entry of archive.eachEntry()) {
    entries.push(entry);
    contents.push(await buffer(await archive.openReadStreamPromise(entry)));
  }
  return { entries, contents };
}

describe('the package', () => {
  it('is an archive of one executable with the name that the Orchestrator expects', async () => {
    const { entries, contents } = await readArchive(dist(zipFile(version, process)));
    expect(entries.map(({ fileName }) => fileName)).toEqual(['awsiam']);
    expect(((entries[0]?.externalFileAttributes ?? 0) >>> 16).toString(8)).toBe('100755');
    expect(contents[0]?.equals(await readFile(dist(programName)))).toBe(true);
  });

  it('is the only archive, and has the version in its name', async () => {
    const files = await readdir(defaultDistDir);
    expect(files.filter((name) => name.endsWith('.zip'))).toEqual([zipFile(version, process)]);
    expect(version).toMatch(new RegExp(`^${packageJson.version}-\\d{14}-(nogit-)?[\\da-f]+(-modified-[\\da-f]{8})?$`));
  });

  it('is made only once, and complete, if two processes make it at the same time', async () => {
    const distDir = await makeDir();
    const code = `import { packageExecutable } from './packaging/package-executable.ts';
      const { isReused, version } = await packageExecutable({ distDir: ${JSON.stringify(distDir)}, reuse: true });
      console.log(JSON.stringify({ isReused, version }));`;
    const makers = [1, 2].map(() =>
      spawn(process.execPath, ['--input-type=module', '--eval', code], {
        cwd: path.dirname(defaultDistDir),
        stdio: ['ignore', 'pipe', 'inherit'],
      }),
    );
    const made = (await Promise.all(makers.map(({ stdout }) => text(stdout)))).map(
      (line) => JSON.parse(line) as { readonly isReused: boolean; readonly version: string },
    );
    // Without git the version is the time, so the second one makes a package of its own.
    if (!version.includes('-nogit-')) expect(made.filter(({ isReused }) => isReused)).toHaveLength(1);
    const latest = await readFile(path.join(distDir, latestFile), 'utf8');
    expect(made.map((each) => each.version)).toContain(latest);
    expect((await readdir(distDir)).toSorted()).toEqual(
      [programName, zipFile(latest, process), latestFile, 'local'].toSorted(),
    );
    const { contents } = await readArchive(path.join(distDir, zipFile(latest, process)));
    for (const name of [programName, localExecutable]) {
      expect(contents[0]?.equals(await readFile(path.join(distDir, name)))).toBe(true);
    }
  });

  it('is not made again if the sources are unchanged', async () => {
    const copy = await makeDir();
    await cp(defaultDistDir, copy, { recursive: true });
    const isReproducible = !version.includes('-nogit-');
    expect(await packageExecutable({ distDir: copy, reuse: true })).toMatchObject({ isReused: isReproducible });
  });

  it.for([programName, localExecutable])('can be started as dist/%s and shows its version', async (name) => {
    const { code, stdout, stderr } = await run(['--version'], { executable: dist(name) });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const [, commit = '', modified] = /-\d{14}-(?:nogit-)?([\da-f]+)(-modified)?/.exec(version) ?? [];
    expect(stdout).toContain(packageJson.version);
    if (!version.includes('-nogit-')) expect(stdout).toMatch(new RegExp(`\\b${commit}[\\da-f]*${modified ?? ''}\\b`));
    expect((await stat(dist(name))).mode & 0o777).toBe(0o755);
  });
});

describe('the executable', () => {
  it('runs with an empty environment, in a directory that it cannot write, without a home', async () => {
    const iam = await startIam();
    const dir = await makeDir();
    const executable = path.join(dir, programName);
    await copyExecutable(dist(programName), executable);
    await chmod(dir, 0o555);
    const options = { executable, cwd: dir, asNobody: true };
    expect((await run(['--version'], options)).code).toBe(0);
    const { said, stderr } = await runSteps(iam.url, options);
    expect(said).toEqual(allPassed);
    expect(stderr).toBe('');
    expect(iam.calls.length).toBeGreaterThanOrEqual(outline.steps.length);
  });

  it('needs neither a home nor a temporary directory', async () => {
    const iam = await startIam();
    const env = { HOME: '/nonexistent/home', TMPDIR: '/nonexistent/tmp', PATH: '/nonexistent/bin' };
    expect((await runSteps(iam.url, { env })).said).toEqual(allPassed);
  });

  it('writes no file', async () => {
    const iam = await startIam();
    const dir = await makeDir();
    const [home, tmp, cwd] = ['home', 'tmp', 'cwd'].map((name) => path.join(dir, name)) as [string, string, string];
    await Promise.all([home, tmp, cwd].map((name) => mkdir(name)));
    const env = { HOME: home, TMPDIR: tmp, TMP: tmp, TEMP: tmp, XDG_CACHE_HOME: home };
    expect((await runSteps(iam.url, { env, cwd })).said).toEqual(allPassed);
    expect((await readdir(dir, { recursive: true })).toSorted()).toEqual(['cwd', 'home', 'tmp']);
  });

  it.for([
    ['NODE_OPTIONS', '--require /nonexistent.cjs'],
    ['NODE_OPTIONS', '--max-lazy --no-opt'],
    ['NODE_COMPILE_CACHE', '/nonexistent/cache'],
  ] as const)('ignores %s=%s', async ([name, value]) => {
    const iam = await startIam();
    const { said, stderr } = await runSteps(iam.url, { env: { [name]: value } });
    expect({ said, stderr }).toEqual({ said: allPassed, stderr: '' });
  });

  describe.each([
    ['for the Orchestrator', assetNames.orchestratorCode, assetNames.commandCode],
    ['for commands', assetNames.commandCode, assetNames.orchestratorCode],
  ] as const)('with compiled code %s of another V8 version', (_what, broken, intact) => {
    let executable: string;

    beforeEach(async () => {
      executable = path.join(await makeDir(), programName);
      const bytes = await readFile(dist(programName));
      // In the executable, the asset follows its name and length. It begins with the magic number and the version of V8.
      const name = Buffer.from(broken);
      let at = bytes.indexOf(name);
      while (at !== -1 && bytes.readUInt16LE(at + name.length + 10) !== 0xc0de) at = bytes.indexOf(name, at + 1);
      expect(at).toBeGreaterThan(0);
      const versionAt = at + name.length + 12;
      bytes.writeUInt32LE(~bytes.readUInt32LE(versionAt) >>> 0, versionAt);
      await writeFile(`${executable}.bytes`, bytes);
      await copyExecutable(`${executable}.bytes`, executable);
    });

    it('works, and says that it is slower, unless it is started in the other way', async () => {
      const iam = await startIam();
      const { said, stderr } = await runSteps(iam.url, { executable });
      const command = await run(['--version'], { executable });
      expect([said, command.code]).toEqual([allPassed, 0]);
      const slower = 'awsiam: the compiled code in the executable cannot be used here, so the start takes longer\n';
      expect({ [assetNames.orchestratorCode]: stderr, [assetNames.commandCode]: command.stderr }).toEqual({
        [broken]: slower,
        [intact]: '',
      });
    });
  });
});

describe('awsiam run of the executable, on a host without Node and without packages', () => {
  /** An empty directory, in which the executable is started, and an environment that leads nowhere. */
  async function makeHost(): Promise<{ readonly options: Required<Pick<Start, 'cwd' | 'env' | 'executable'>> }> {
    const [programDir, cwd] = [await makeDir(), await makeDir()];
    const executable = path.join(programDir, programName);
    await copyExecutable(dist(programName), executable);
    const env = {
      PATH: '/nonexistent',
      HOME: '/nonexistent',
      AWS_ENDPOINT_URL: nowhere(),
      METRIST_API_HOST: nowhere(),
    };
    return { options: { executable, cwd, env } };
  }

  const readJunit = async (cwd: string): Promise<ReturnType<typeof parseJunit>> =>
    parseJunit(await readFile(path.join(cwd, 'results/junit.xml'), 'utf8'));

  it('passes live, and writes and sends all reports', async () => {
    const [iam, metrist, { options }] = [await startIam(), await startMetrist(), await makeHost()];
    const env = {
      ...options.env,
      ...liveEnv,
      ...metristEnv(metrist),
      AWS_ENDPOINT_URL_IAM: iam.url,
      METRIST_REQUIRE_DELIVERY: 'true',
      AWSIAM_SUMMARY: 'true',
    };
    const { code, stdout, stderr } = await run(['run'], { ...options, env });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('awsiam live · 8 passed');
    expect(iam.calls.slice(0, outline.steps.length).map(({ status }) => status)).toEqual(outline.steps.map(() => 200));
    const { cases } = await readJunit(options.cwd);
    expect(cases.map(({ name, outcome }) => [name, outcome])).toEqual(
      outline.steps.map(({ name }) => [name, 'passed']),
    );
    expect(metrist.telemetry).toHaveLength(outline.steps.length);
    expect(await readdir(options.cwd)).toEqual(['results']);
    expect(await readdir(path.join(options.cwd, 'results'))).toEqual(
      expect.arrayContaining(['awsiam.prom', 'junit.xml', 'report.html', 'runs', 'summary.md']),
    );
    const status = await run(['status', '--json'], { ...options, env });
    expect(JSON.parse(status.stdout)).toMatchObject({ state: 'up' });
  });

  it('fails live if a step fails, and says which and why', async () => {
    const [iam, { options }] = [await startIam('AddUserToGroup=AccessDenied'), await makeHost()];
    const env = { ...options.env, ...liveEnv, AWS_ENDPOINT_URL_IAM: iam.url };
    const { code, stdout } = await run(['run'], { ...options, env });
    expect(code).toBe(1);
    expect(stdout).toMatch(/✗ AddUserToGroup .*\n.*permission: AccessDenied/);
    expect(listEntities(iam.state)).toEqual({ users: [], groups: [] });
  });

  it('runs offline over its own mock, without any settings', async () => {
    const { options } = await makeHost();
    const { code, stdout, stderr } = await run(['run', '--offline'], options);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('awsiam offline · 8 passed');
    const { cases } = await readJunit(options.cwd);
    expect(cases.map(({ outcome }) => outcome)).toEqual(outline.steps.map(() => 'passed'));
  });

  it.for([
    [[], false],
    [['--offline'], true],
  ] as const)('with the options %j calls code of the mock: %j', async ([args, isMocked]) => {
    const { options } = await makeHost();
    const coverageDir = path.join(options.cwd, 'coverage');
    const env = { ...options.env, ...liveEnv, AWSIAM_MOCK_SEED: '2', NODE_V8_COVERAGE: coverageDir };
    const { code, stdout } = await run(['run', ...args], { ...options, env });
    expect(code).toBe(isMocked ? 0 : 1);
    // A live run without an endpoint fails. It never falls back to the mock.
    if (!isMocked) expect(stdout).toMatch(/✗ CreateUser .*\n.*network: ECONNREFUSED/);
    const called = await readCalledFunctions(coverageDir);
    expect(called).toContain('runAndReport');
    const ofMock = ['openOfflineIam', 'forbidNetwork', 'divertRequests', 'IamEndpoint', 'createIamState', 'operation'];
    expect(ofMock.filter((name) => called.has(name))).toEqual(isMocked ? ofMock : []);
  });
});

/** The names of the functions of the program that a process called. */
async function readCalledFunctions(coverageDir: string): Promise<ReadonlySet<string>> {
  const [file = ''] = await readdir(coverageDir);
  const { result } = JSON.parse(await readFile(path.join(coverageDir, file), 'utf8')) as {
    readonly result: readonly {
      readonly url: string;
      readonly functions: readonly {
        readonly functionName: string;
        readonly ranges: readonly { readonly count: number }[];
      }[];
    }[];
  };
  const program = result.find(({ url }) => url === 'awsiam.js');
  const called = (program?.functions ?? []).filter(({ ranges }) => (ranges[0]?.count ?? 0) > 0);
  return new Set(called.map(({ functionName }) => functionName));
}
