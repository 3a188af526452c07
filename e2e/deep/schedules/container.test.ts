import { execFile } from 'node:child_process';
import { chown, lstat, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, onTestFinished, test, type TestContext } from 'vitest';
import { parse } from 'yaml';
import { listEntities } from '../../../mocks/iam/seeding.ts';
import { need } from '../../../runner/testing/needs.ts';
import { buildImage, type Image, startContainer } from '../../harness/container.ts';
import { parseJunit } from '../../harness/parse-junit.ts';
import { liveEnv, projectDir, secrets } from '../../harness/run.ts';
import { arrival, startIam } from '../../harness/servers.ts';

/** The image of `deploy/Containerfile`: built, and run as Docker and Kubernetes would, with the command lines of the manifests. */

const execute = promisify(execFile);

/** The build packs the executable, which takes most of the time. */
const buildMs = 300_000;

let built: Promise<Image> | undefined;

/** The image, which all tests share. */
async function theImage(context: Pick<TestContext, 'skip'>): Promise<Image> {
  need(context, process.getuid?.() === 0 ? true : undefined, 'root, to build an image');
  for (const program of ['buildah', 'mmdebstrap']) {
    const found = await execute(program, ['--version']).catch(() => undefined);
    need(context, found, `${program} (Debian package ${program})`);
  }
  built ??= buildImage({ '.env': `METRIST_AWS_SECRET_ACCESS_KEY=${secrets.secretAccessKey}\n` });
  return await built;
}

afterAll(async () => await (await built?.catch(() => undefined))?.remove(), 60_000);

/** A directory for the volume, which belongs to the user of the image. */
async function makeVolume({ config }: Image): Promise<string> {
  const dir = await mkdtemp(path.join(os.tmpdir(), 'awsiam-volume-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  const [uid = Number.NaN, gid = Number.NaN] = config.User.split(':').map(Number);
  await chown(dir, uid, gid);
  return dir;
}

/** What is in the image besides its base. */
async function ownFiles({ rootDir }: Image): Promise<readonly string[]> {
  const dirs = ['usr/local', 'opt', 'srv', 'src', 'home', 'root', 'var/lib/awsiam'];
  const lists = dirs.map(async (dir) => {
    const names = await readdir(path.join(rootDir, dir), { recursive: true }).catch(() => []);
    const files = names.map((name) => path.join(dir, name));
    const isFile = await Promise.all(files.map(async (file) => !(await lstat(path.join(rootDir, file))).isDirectory()));
    return files.filter((_, index) => isFile[index]);
  });
  return (await Promise.all(lists)).flat();
}

test(
  'the image has only the executable and one library beyond its base, and the user is a number that is not root',
  { timeout: buildMs },
  async (context) => {
    const image = await theImage(context);
    const ownMb = (image.bytes - image.baseBytes) / 1e6;
    console.log(`the image has ${(image.bytes / 1e6).toFixed(0)} MB, ${ownMb.toFixed(0)} of them are its own`);
    expect(await ownFiles(image)).toEqual(['usr/local/bin/awsiam', 'usr/local/lib/libatomic.so.1']);
    expect(ownMb).toBeLessThan(165);
    expect(image.config).toMatchObject({ User: '10001:10001', Entrypoint: ['awsiam'] });
    const { uid, mode } = await stat(path.join(image.rootDir, 'var/lib/awsiam'));
    expect([uid, mode & 0o777]).toEqual([10_001, 0o750]);
  },
);

test(
  'an offline run passes in a container, which cannot write beside its volume',
  { timeout: buildMs },
  async (context) => {
    const image = await theImage(context);
    const volumeDir = await makeVolume(image);
    const { Entrypoint } = image.config;
    const run = await startContainer(image, { command: [...Entrypoint, 'run', '--offline'], volumeDir }).ended;
    expect(run).toMatchObject({ code: 0, stderr: '' });
    expect(run.stdout).toContain('8 passed');
    expect(await readdir(volumeDir)).toContain('junit.xml');
    const writing = 'for dir in / /tmp /usr/local/bin /etc; do (: >"$dir/file") 2>&1 || true; done';
    const written = await startContainer(image, { command: ['bash', '-c', writing], volumeDir }).ended;
    expect(written.stdout.match(/Read-only file system/g)).toHaveLength(4);
  },
);

test('a live run passes in a container and leaves its reports in the volume', { timeout: buildMs }, async (context) => {
  const image = await theImage(context);
  const volumeDir = await makeVolume(image);
  const iam = await startIam();
  const env = { ...liveEnv, AWS_ENDPOINT_URL_IAM: iam.url };
  const run = await startContainer(image, { command: [...image.config.Entrypoint, 'run'], env, volumeDir }).ended;
  expect(run).toMatchObject({ code: 0, stderr: '' });
  const junit = path.join(volumeDir, 'junit.xml');
  expect(parseJunit(await readFile(junit, 'utf8'))).toMatchObject({ tests: 8, failures: 0 });
  expect((await stat(junit)).uid).toBe(10_001);
  expect(listEntities(iam.state)).toEqual({ users: [], groups: [] });
});

test(
  'a watch serves its pages from a container, and the health check of the image tells whether it does',
  { timeout: buildMs },
  async (context) => {
    const image = await theImage(context);
    const volumeDir = await makeVolume(image);
    const iam = await startIam();
    const { Cmd, Entrypoint, Healthcheck } = image.config;
    expect(Cmd).toEqual(['watch', '--listen', '0.0.0.0:9464']);
    const container = startContainer(image, {
      command: [...Entrypoint, ...onAnyPort(Cmd), '--every', '1s'],
      env: { ...liveEnv, AWS_ENDPOINT_URL_IAM: iam.url },
      volumeDir,
    });
    const port = await container.said(/(?<=http:\/\/0\.0\.0\.0:)\d+/);
    await container.said(/8 passed/);
    const get = async (page: string): Promise<string> => {
      const response = await fetch(`http://127.0.0.1:${port}${page}`);
      expect(response.status).toBe(200);
      return await response.text();
    };
    expect(await get('/healthz')).toContain('the last run ended');
    expect(await get('/metrics')).toContain('awsiam_runs_total');
    // A child process makes it.
    expect(await get('/')).toContain('</html>');

    const [kind, ...check] = Healthcheck.Test;
    expect(kind).toBe('CMD');
    const checkHealth = async (): Promise<number | null> => {
      const command = check.map((word) => word.replace('/9464 ', `/${port} `));
      expect(command).not.toEqual(check);
      return (await startContainer(image, { command, volumeDir }).ended).code;
    };
    expect(await checkHealth()).toBe(0);
    process.kill(await container.firstProcess(), 'SIGTERM');
    expect(await container.ended).toMatchObject({ code: 143 });
    expect(await checkHealth()).not.toBe(0);
  },
);

describe('when Kubernetes stops a pod in the middle of a run', () => {
  test.for(['CronJob', 'Deployment'] as const)(
    'the %s removes what its run made, well within its grace period',
    { timeout: buildMs },
    async (kind, context) => {
      const image = await theImage(context);
      const volumeDir = await makeVolume(image);
      const iam = await startIam('AddUserToGroup=hang');
      const { terminationGracePeriodSeconds, containers } = await readPod(kind);
      const args = containers[0]?.args ?? [];
      const container = startContainer(image, {
        command: [...image.config.Entrypoint, ...onAnyPort(args).map((arg) => (arg === '2m' ? '0s' : arg))],
        env: { ...liveEnv, AWS_ENDPOINT_URL_IAM: iam.url },
        volumeDir,
      });
      await arrival(iam, 'AddUserToGroup');
      expect(listEntities(iam.state)).toMatchObject({ users: [expect.anything()], groups: [expect.anything()] });
      const pid = await container.firstProcess();
      // It is the first process of its container, and has no privileges and no way to get any.
      const status = await readFile(`/proc/${pid}/status`, 'utf8');
      expect(status).toMatch(/^NSpid:\t\d+\t1$/m);
      expect(status).toMatch(/^Uid:\t10001\t10001\t10001\t10001$/m);
      expect(status).toMatch(/^CapPrm:\t0+$/m);
      expect(status).toMatch(/^NoNewPrivs:\t1$/m);
      // There is no preStop hook, so this is all that Kubernetes does.
      process.kill(pid, 'SIGTERM');
      const kill = setTimeout(() => process.kill(pid, 'SIGKILL'), terminationGracePeriodSeconds * 1000);
      const { code, stderr } = await container.ended;
      clearTimeout(kill);
      expect(stderr).toContain('SIGTERM: stopping');
      expect(code).toBe(143);
      expect(listEntities(iam.state)).toEqual({ users: [], groups: [] });
    },
  );
});

/** The same command line, but another test or program may have the port. */
function onAnyPort(args: readonly string[]): readonly string[] {
  return args.map((arg) => arg.replace(/:9464$/, ':0'));
}

/** The pod of a manifest in `deploy/kubernetes/`. */
async function readPod(kind: 'CronJob' | 'Deployment'): Promise<PodSpec> {
  const file = { CronJob: 'run/cron-job.yaml', Deployment: 'watch/deployment.yaml' }[kind];
  const manifest = parse(await readFile(path.join(projectDir, 'deploy/kubernetes', file), 'utf8')) as Manifest;
  return (manifest.spec.jobTemplate ?? manifest).spec.template.spec;
}

interface Manifest {
  readonly spec: { readonly template: { readonly spec: PodSpec }; readonly jobTemplate?: Manifest };
}

interface PodSpec {
  readonly terminationGracePeriodSeconds: number;
  readonly containers: readonly { readonly args: readonly string[] }[];
}
