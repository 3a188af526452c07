import { type ChildProcess, execFile } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { cp, mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { onTestFinished } from 'vitest';
import { cleanEnv, type Ended, projectDir, runProgram } from './run.ts';

const execute = promisify(execFile);

/** An image, unpacked. */
export interface Image {
  readonly rootDir: string;
  /** What the image says about itself. */
  readonly config: ImageConfig;
  readonly bytes: number;
  /** Of the image that stands for Debian's. */
  readonly baseBytes: number;
  readonly remove: () => Promise<void>;
}

interface ImageConfig {
  readonly User: string;
  readonly Env: readonly string[];
  readonly WorkingDir: string;
  readonly Entrypoint: readonly string[];
  readonly Cmd: readonly string[];
  readonly Volumes: Readonly<Record<string, unknown>>;
  readonly Healthcheck: { readonly Test: readonly string[] };
}

/** What is in the image that stands for `debian:slim`: less than in the real one. */
const basePackages = ['base-files', 'base-passwd', 'bash', 'coreutils', 'dash', 'grep', 'libc-bin', 'libstdc++6'];

/** What a checkout has that is not committed. */
const notCommitted: ReadonlySet<string> = new Set(['.git', 'node_modules', 'results', 'dist']);
const isCommitted = (file: string): boolean => !notCommitted.has(path.relative(projectDir, file));

/**
 * Builds `deploy/Containerfile` without a registry of images: this machine's kind of Debian, and the same with Node and npm,
 * stand for the two images that the file names. Packages come from npm's registry or its cache. Needs root, `buildah` and
 * `mmdebstrap`.
 *
 * @param extraFiles go into the context of the build
 * @throws Error with everything that the build printed
 */
export async function buildImage(extraFiles: Readonly<Record<string, string>> = {}): Promise<Image> {
  const dir = await mkdtemp(path.join(os.tmpdir(), 'awsiam-image-'));
  const remove = async (): Promise<void> => await rm(dir, { recursive: true, force: true });
  try {
    return { ...(await build(dir, extraFiles)), remove };
  } catch (error) {
    await remove();
    const {
      stdout = '',
      stderr = '',
      message,
    } = error as Error & { readonly stdout?: string; readonly stderr?: string };
    throw new Error(`the image could not be built: ${message}\n${stdout}\n${stderr}`, { cause: error });
  }
}

async function build(dir: string, extraFiles: Readonly<Record<string, string>>): Promise<Omit<Image, 'remove'>> {
  const at = (name: string): string => path.join(dir, name);
  const storage = ['--root', at('storage'), '--runroot', at('state'), '--storage-driver', 'vfs'];
  await writeFile(at('policy.json'), '{"default":[{"type":"insecureAcceptAnything"}]}');
  const policy = ['--signature-policy', at('policy.json')];
  const buildah: Buildah = async (command, ...args) => {
    const settings = { maxBuffer: 64 * 1024 * 1024, env: { ...process.env, TMPDIR: dir } };
    return (await execute('buildah', [...storage, command, ...args], settings)).stdout.trim();
  };

  const [, suite = ''] = /^VERSION_CODENAME=(\w+)$/m.exec(await readFile('/etc/os-release', 'utf8')) ?? [];
  const include = `--include=${basePackages.join(',')}`;
  await execute('mmdebstrap', ['--quiet', '--variant=extract', include, suite, at('base.tar')]);
  const base = await buildah('from', 'scratch');
  await buildah('add', '--quiet', base, at('base.tar'), '/');
  const baseBytes = await diskUsage(await buildah('mount', base));
  await buildah('commit', '--quiet', ...policy, base, 'localhost/base');
  await addNode(base, buildah);
  await buildah('commit', '--quiet', ...policy, base, 'localhost/node');

  await cp(projectDir, at('context'), { recursive: true, filter: isCommitted });
  for (const [name, text] of Object.entries(extraFiles)) await writeFile(path.join(at('context'), name), text);
  const cache = (await npmSetting('cache')) ?? '';
  await mkdir(cache, { recursive: true });
  const images = ['NODE_IMAGE=localhost/node', 'BASE_IMAGE=localhost/base'].flatMap((each) => ['--build-arg', each]);
  const options = ['--isolation', 'chroot', '--format', 'docker', '--tag', 'localhost/awsiam'];
  const files = ['--volume', `${cache}:/root/.npm`, '--file', path.join(projectDir, 'deploy/Containerfile')];
  await buildah('build', ...policy, ...options, ...images, ...files, at('context'));
  const rootDir = await buildah('mount', await buildah('from', ...policy, '--pull-never', 'localhost/awsiam'));
  const inspected = JSON.parse(await buildah('inspect', '--type', 'image', 'localhost/awsiam')) as {
    readonly Docker: { readonly config: ImageConfig };
  };
  return { rootDir, config: inspected.Docker.config, bytes: await diskUsage(rootDir), baseBytes };
}

type Buildah = (command: string, ...args: readonly string[]) => Promise<string>;

/** Adds the project's Node, this machine's npm, and what Node is linked with, to a container of `buildah`. */
async function addNode(container: string, buildah: Buildah): Promise<void> {
  const copy = async (from: string, to: string): Promise<string> =>
    await buildah('copy', '--quiet', container, await realpath(from), to);
  const { stdout: libraries } = await execute('ldd', [process.execPath]);
  const [libatomic = ''] = /\/\S*libatomic\S*/.exec(libraries) ?? [];
  const { stdout: npm } = await execute('which', ['npm']);
  await copy(process.execPath, '/usr/local/bin/node');
  await copy(libatomic, '/usr/local/lib/libatomic.so.1');
  await copy(path.join(await realpath(npm.trim()), '../..'), '/usr/local/lib/node_modules/npm');
  // npm in the image reaches the registry as this machine's npm does. Its cache has most packages already.
  const variables = [`NPM_CONFIG_REGISTRY=${await npmSetting('registry')}`, 'NPM_CONFIG_PREFER_OFFLINE=true'];
  const certificates = process.env['NODE_EXTRA_CA_CERTS'] ?? (await npmSetting('cafile'));
  if (certificates !== undefined) {
    await copy(certificates, '/etc/extra-ca.pem');
    variables.push('NODE_EXTRA_CA_CERTS=/etc/extra-ca.pem');
  }
  await buildah('config', ...variables.flatMap((variable) => ['--env', variable]), container);
  const finish = 'ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm && ldconfig';
  await buildah('run', '--isolation', 'chroot', container, '--', 'sh', '-c', finish);
}

/** A setting of this machine's npm. */
async function npmSetting(name: string): Promise<string | undefined> {
  const value = (await execute('npm', ['config', 'get', name])).stdout.trim();
  return value === 'null' ? undefined : value;
}

async function diskUsage(dir: string): Promise<number> {
  const { stdout } = await execute('du', ['--summarize', '--one-file-system', '--block-size=1', dir]);
  return Number.parseInt(stdout, 10);
}

/**
 * Becomes the first process of a container: namespaces of its own for files, processes, IPC and the host's name; a root
 * directory that nobody can write to, except for the volume; no privileges and no way to get any. The network is this machine's.
 */
const enter = `
  root=$1 volume=$2 mountPoint=$3 user=$4
  shift 4
  mount --make-rprivate /
  mount --bind "$root" "$root"
  mount --bind "$volume" "$root$mountPoint"
  mount -t proc proc "$root/proc"
  mount --rbind /dev "$root/dev"
  mount -o remount,bind,ro "$root"
  exec setpriv --no-new-privs chroot --userspec="$user" --groups= "$root" "$@"
`;

interface ContainerOptions {
  /** A program and its arguments. */
  readonly command: readonly string[];
  /** @default AWS and Metrist at a closed port */
  readonly env?: Readonly<Record<string, string>>;
  /** The directory for the image's volume. It has to belong to the image's user. */
  readonly volumeDir: string;
}

interface Container {
  /** Resolves when its first process has ended. */
  readonly ended: Promise<Ended>;
  /** Resolves to the first match in what it prints on stdout. Fails if it ends before. */
  readonly said: (pattern: RegExp) => Promise<string>;
  /** The number that its first process has on this machine. */
  readonly firstProcess: () => Promise<number>;
}

/** Starts a container of the image. */
export function startContainer(image: Image, { command, env = {}, volumeDir }: ContainerOptions): Container {
  const { User, Env, WorkingDir, Volumes } = image.config;
  const { PATH: _, HOME: _1, ...deadEnds } = cleanEnv();
  const variables = Object.entries({ ...deadEnds, ...env }).map(([name, value]) => `${name}=${value}`);
  const [mountPoint = ''] = Object.keys(Volumes);
  const inside = ['env', '-i', '-C', WorkingDir, ...Env, ...variables, ...command];
  const namespaces = ['--mount', '--pid', '--ipc', '--uts', '--fork', '--kill-child'];
  const args = [...namespaces, 'sh', '-euc', enter, 'sh', image.rootDir, volumeDir, mountPoint, User, ...inside];
  let outside: ChildProcess | undefined;
  const printed = new EventEmitter();
  let text = '';
  const onStart = (child: ChildProcess): void => {
    outside = child;
    onTestFinished(() => void child.kill('SIGKILL'));
    child.stdout?.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      printed.emit('text');
    });
  };
  const ended = runProgram('unshare', args, { onStart });
  const tooEarly = ended.then(({ everything }): never => {
    throw new Error(`the container ended too early: ${everything}`);
  });
  tooEarly.catch(() => {});
  return {
    ended,
    said: async (pattern) => {
      for (;;) {
        const found = pattern.exec(text)?.[0];
        if (found !== undefined) return found;
        await Promise.race([once(printed, 'text'), tooEarly]);
      }
    },
    firstProcess: async () => {
      const { pid } = outside ?? {};
      return Number.parseInt(await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8'), 10);
    },
  };
}
