import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chown, mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import type { TestContext } from 'vitest';
import { need } from '../../runner/testing/needs.ts';
import { cleanEnv, makeResultsDir, projectDir } from './run.ts';

const execute = promisify(execFile);

const userId = 64_321;

/**
 * A host with namespaces of its own, on which only cron runs. The project is in `/opt/awsiam`, read-only; there is a user
 * `awsiam`, who owns the directories of the crontab. This machine's cron and its jobs are not touched: the spool,
 * `/etc/crontab` and `/etc/cron.d` are empty. The network is this machine's.
 */
const boot = `
  project=$1 dirs=$2 crontab=$3
  mount --make-rprivate /
  for dir in /opt /var/lib /var/cache /run /etc/cron.d /var/spool/cron; do mount -t tmpfs tmpfs $dir; done
  mkdir /opt/awsiam /var/lib/awsiam /var/cache/awsiam
  mount --bind "$project" /opt/awsiam
  mount -o remount,bind,ro /opt/awsiam
  mount --bind "$dirs/results" /var/lib/awsiam
  mount --bind "$dirs/cache" /var/cache/awsiam
  mount --bind /dev/null /etc/crontab
  { cat /etc/passwd; echo 'awsiam:*:${userId}:${userId}::/nonexistent:/bin/false'; } >/run/passwd
  { cat /etc/group; echo 'awsiam:*:${userId}:'; } >/run/group
  mount --bind /run/passwd /etc/passwd
  mount --bind /run/group /etc/group
  mount --bind "$dirs/tmp" /tmp
  mkdir -m 1730 /var/spool/cron/crontabs
  chgrp crontab /var/spool/cron/crontabs
  printf %s "$crontab" >/run/crontab
  crontab -u awsiam /run/crontab
  cron
  exec sleep infinity
`;

export interface CronHost {
  /** `/var/lib/awsiam`. */
  readonly resultsDir: string;
  /** `/tmp`. */
  readonly tmpDir: string;
  /** Runs a program on the host, as root. */
  readonly run: (program: string, ...args: readonly string[]) => Promise<string>;
  /** How many processes the user has. */
  readonly countProcesses: () => Promise<number>;
}

/**
 * Starts a real cron for the running test, with `deploy/cron/crontab`. Only the time of its line is another one: it runs
 * once, when cron starts. The settings stand in front of it, in place of a `.env`. It skips the test if this machine cannot do that.
 */
export async function startCron(
  context: Pick<TestContext, 'skip' | 'onTestFinished'>,
  { env }: { readonly env: Readonly<Record<string, string>> },
): Promise<CronHost> {
  const cron = await execute('unshare', ['--mount', 'sh', '-c', 'command -v cron && command -v crontab']).catch(
    () => undefined,
  );
  need(context, process.getuid?.() === 0 ? cron : undefined, "root, namespaces and Debian's cron");
  const dirs = await makeResultsDir(context.onTestFinished);
  for (const name of ['results', 'cache', 'tmp']) {
    await mkdir(path.join(dirs, name));
    await chown(path.join(dirs, name), userId, userId);
  }
  const { PATH: _, HOME: _1, ...deadEnds } = cleanEnv();
  const crontab = await readFile(path.join(projectDir, 'deploy/cron/crontab'), 'utf8');
  const settings = Object.entries({ ...deadEnds, ...env }).map(([name, value]) => `${name}=${value}\n`);
  const text = `${settings.join('')}${crontab.replace('*/2 * * * *', '@reboot')}`;

  const namespaces = ['--mount', '--pid', '--ipc', '--fork', '--kill-child', '--mount-proc'];
  const args = ['sh', '-euc', boot, 'sh', projectDir, dirs, text];
  const child = spawn('unshare', [...namespaces, ...args], { stdio: ['ignore', 'inherit', 'inherit'] });
  const ended = once(child, 'close');
  context.onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  const proc = `/proc/${child.pid}`;
  const enter = [`--mount=${proc}/ns/mnt`, `--pid=${proc}/ns/pid_for_children`];
  const run: CronHost['run'] = async (...command) => (await execute('nsenter', [...enter, ...command])).stdout;
  return {
    resultsDir: path.join(dirs, 'results'),
    tmpDir: path.join(dirs, 'tmp'),
    run,
    countProcesses: async () => {
      const statuses = (await run('sh', '-c', 'cat /proc/[0-9]*/status || true')).split(/^Name:/m);
      // Nobody collects the dead (Z) once cron has ended.
      return statuses.filter((status) => status.includes(`Uid:\t${userId}\t`) && !status.includes('State:\tZ')).length;
    },
  };
}
