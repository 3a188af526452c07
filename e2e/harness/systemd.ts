import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:fs';
import { access, copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { type TestContext, vi } from 'vitest';
import { need } from '../../runner/testing/needs.ts';
import { cleanEnv, projectDir } from './run.ts';

const execute = promisify(execFile);

/** Units that ours and systemd itself name. They are empty, so that nothing of this machine is started. */
const emptyTargets = ['sysinit', 'basic', 'multi-user', 'network-online', 'timers', 'shutdown', 'umount', 'final'];

/**
 * Boots systemd in namespaces of its own, as a container would. The project is in `/opt/awsiam`, read-only; there is a
 * user `awsiam`; `/var/lib`, `/var/cache`, `/tmp` and `/run` are empty. The network is this machine's.
 */
const boot = `
  project=$1 units=$2
  mount --make-rprivate /
  mount -t tmpfs tmpfs /opt
  mkdir /opt/awsiam /opt/units
  mount --bind "$project" /opt/awsiam
  mount -o remount,bind,ro /opt/awsiam
  mount --bind "$units" /opt/units
  for dir in /var/lib /var/cache /tmp /run; do mount -t tmpfs tmpfs $dir; done
  { cat /etc/passwd; echo 'awsiam:x:64321:64321::/nonexistent:/bin/false'; } >/run/passwd
  { cat /etc/group; echo 'awsiam:x:64321:'; } >/run/group
  mount --bind /run/passwd /etc/passwd
  mount --bind /run/group /etc/group
  umount -R /sys/fs/cgroup
  mount -t cgroup2 none /sys/fs/cgroup
  mount --bind /proc/sys /proc/sys
  mount -o remount,bind,ro /proc/sys
  mount -o remount,bind,ro /
  exec env -i PATH="$PATH" container=test SYSTEMD_UNIT_PATH=/opt/units \\
    /lib/systemd/systemd --system --unit=multi-user.target --log-target=console --show-status=no
`;

export interface Systemd {
  /** Where this process finds the root directory that systemd and its services see. */
  readonly root: string;
  /** Runs `systemctl` to its end. */
  readonly systemctl: (...args: readonly string[]) => Promise<{ readonly code: number; readonly output: string }>;
  /** A property of a unit, such as `Result`. */
  readonly show: (unit: string, property: string) => Promise<string>;
  /** What the services printed. */
  readonly log: () => Promise<string>;
}

interface StartSystemdOptions {
  /** The units of `deploy/systemd/` that it loads. */
  readonly units: readonly string[];
  /** The settings, in a file that only root can read. AWS and Metrist are at a closed port unless they say otherwise. */
  readonly env: Readonly<Record<string, string>>;
  /** Lines that change the section `[Service]` of all services. */
  readonly override?: readonly string[];
  /** Lines that change the section `[Timer]` of all timers. */
  readonly timer?: readonly string[];
}

/**
 * A real systemd for the running test, with units of `deploy/systemd/` as they are, except for where their output and their settings
 * are. It skips the test if this machine cannot do that.
 */
export async function startSystemd(
  context: Pick<TestContext, 'skip' | 'onTestFinished'>,
  { units, env, override = [], timer = [] }: StartSystemdOptions,
): Promise<Systemd> {
  const cgroup = need(context, await makeCgroup(), "root, a writable cgroup2 and Debian's systemd, to start services");
  const unitsDir = await mkdtemp(path.join(os.tmpdir(), 'awsiam-systemd-'));
  context.onTestFinished(async () => {
    await rm(unitsDir, { recursive: true, force: true });
    await removeCgroup(cgroup);
  });
  for (const name of emptyTargets) {
    await writeFile(path.join(unitsDir, `${name}.target`), '[Unit]\nDefaultDependencies=no\n');
  }
  const { PATH: _, HOME: _1, ...deadEnds } = cleanEnv();
  const settings = Object.entries({ ...deadEnds, ...env }).map(([name, value]) => `${name}=${value}\n`);
  await writeFile(path.join(unitsDir, 'awsiam.env'), settings.join(''), { mode: 0o600 });
  const output = ['StandardOutput', 'StandardError'].map((stream) => `${stream}=append:/run/awsiam.log`);
  const changes: Readonly<Record<string, readonly string[]>> = {
    '.service': ['[Service]', 'EnvironmentFile=/opt/units/awsiam.env', ...output, ...override],
    '.timer': ['[Timer]', ...timer],
  };
  for (const unit of units) {
    await copyFile(path.join(projectDir, 'deploy/systemd', unit), path.join(unitsDir, unit));
    await mkdir(path.join(unitsDir, `${unit}.d`));
    const lines = changes[path.extname(unit)] ?? [];
    await writeFile(path.join(unitsDir, `${unit}.d/test.conf`), `${lines.join('\n')}\n`);
  }

  const namespaces = ['--mount', '--pid', '--uts', '--ipc', '--cgroup', '--fork', '--kill-child', '--mount-proc'];
  const join = 'echo $$ >"$0"/cgroup.procs; exec unshare "$@"';
  const command = ['-euc', join, cgroup, ...namespaces, 'sh', '-euc', boot, 'sh', projectDir, unitsDir];
  const child = spawn('sh', command, { stdio: ['ignore', 'pipe', 'pipe'] });
  const printed: string[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => printed.push(String(chunk)));
  const ended = once(child, 'close');
  context.onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
  });

  // `unshare` has all namespaces but the one of processes, which only its child is in.
  const proc = `/proc/${child.pid}`;
  const systemctl: Systemd['systemctl'] = async (...args) => {
    const enter = [`--mount=${proc}/ns/mnt`, `--cgroup=${proc}/ns/cgroup`, `--pid=${proc}/ns/pid_for_children`];
    const done = await execute('nsenter', [...enter, 'systemctl', '--no-pager', ...args]).catch(
      (error: { code: number; stdout: string; stderr: string }) => error,
    );
    return { code: 'code' in done ? done.code : 0, output: `${done.stdout}${done.stderr}` };
  };
  await vi.waitFor(async () => {
    const { code, output: state } = await systemctl('is-system-running', '--wait');
    if (code !== 0) throw new Error(`systemd does not start: ${state}${printed.join('')}`);
  }, patience);
  const root = `${proc}/root`;
  return {
    root,
    systemctl,
    show: async (unit, property) => (await systemctl('show', '--value', '--property', property, unit)).output.trim(),
    log: () => readFile(path.join(root, 'run/awsiam.log'), 'utf8'),
  };
}

const patience = { timeout: 30_000, interval: 50 };

/** Makes a cgroup for one systemd. `undefined` if this machine lacks something that {@link startSystemd} needs. */
async function makeCgroup(): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  try {
    await access('/lib/systemd/systemd', constants.X_OK);
    const mounts = await readFile('/proc/self/mounts', 'utf8');
    const [, mountPoint] = /^\S+ (\S+) cgroup2 (?:\S*,)?rw\b/m.exec(mounts) ?? [];
    return mountPoint && (await mkdtemp(path.join(mountPoint, 'awsiam-')));
  } catch {
    return undefined;
  }
}

/** Removes a cgroup and those in it, as soon as the kernel has seen the last process of them end. */
async function removeCgroup(cgroup: string): Promise<void> {
  await vi.waitFor(async () => {
    await execute('find', [cgroup, '-depth', '-type', 'd', '-delete']);
  }, patience);
}
