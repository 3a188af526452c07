import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { FaultPlan } from '../../mocks/iam/fault-plan.ts';
import { listEntities, seedKeyHolder } from '../../mocks/iam/seeding.ts';
import { createIamState, type IamState } from '../../mocks/iam/state.ts';
import { makeAwsCommand } from '../harness/aws-cli.ts';
import { readRuns } from '../harness/read-history.ts';
import { projectDir, runProgram, type Ended } from '../harness/run.ts';
import { startIam } from '../harness/servers.ts';

const readme = await readFile(path.join(projectDir, 'README.md'), 'utf8');

/** The user that the commands make for the monitor. */
const user = 'prod-us-east-1-awsiam';

/** The commands that the README gives in a section: its blocks that begin with ```sh, as they are printed. */
function commandsOf(section: string): string[] {
  const [, text = ''] = readme.split(`\n## ${section}\n`);
  const [own = ''] = text.split('\n## ');
  return [...own.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block = '']) => block);
}

/** What a clone does not have. */
const notCloned = new Set(['.git', 'node_modules', 'results', 'dist', 'lib', '.env']);

/** A copy of the project as it is after a clone. It may belong to somebody else, and a test may write into it. */
async function cloneProject(): Promise<string> {
  const dir = await mkdtemp(path.join(os.tmpdir(), 'awsiam-clone-'));
  onTestFinished(() => rm(dir, { recursive: true }));
  const filter = (file: string): boolean => !notCloned.has(path.relative(projectDir, file));
  await cp(projectDir, dir, { recursive: true, filter });
  return dir;
}

/**
 * Puts commands into a directory that must not do what they do elsewhere: `npm ci` links the packages that are here already, in
 * place of fetching them, and `crontab` keeps its table in a file of this directory.
 */
async function replaceCommands(dir: string): Promise<void> {
  const table = path.join(dir, 'crontab.txt');
  const scripts = {
    npm: `if [ "$1" = ci ]; then exec ln -s '${path.join(projectDir, 'node_modules')}' node_modules; fi
PATH=\${PATH#*:} exec npm "$@"`,
    crontab: `case "$1" in
  -l) cat '${table}' ;;
  -) cat >'${table}' ;;
  *) exit 64 ;;
esac`,
  };
  for (const [name, script] of Object.entries(scripts)) {
    await writeFile(path.join(dir, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  }
}

/** Copies blocks of commands into one shell. It ends at the first command that fails. */
async function pasteIntoShell(blocks: readonly string[], cwd: string, env: Record<string, string>): Promise<Ended> {
  const begin = `set -o pipefail\ntrap 'echo "this failed: $BASH_COMMAND" >&2; exit 1' ERR\n`;
  return await runProgram('bash', ['-c', begin + blocks.join('')], { cwd, env });
}

/**
 * Denies the operations that the policy of the monitor's user does not name, because the mock itself knows no permissions. Until
 * the monitor has a key, all requests are the administrator's.
 */
function denyUnnamed({ users }: IamState): FaultPlan {
  return {
    next(operation) {
      const { accessKeys, inlinePolicies } = users.get(user) ?? {};
      // AWS needs no permission to say who the caller is.
      if (!accessKeys?.size || operation === 'GetCallerIdentity') return undefined;
      const named = [...(inlinePolicies?.values() ?? [])].some((document) => document.includes(`"iam:${operation}"`));
      return named ? undefined : { kind: 'error', name: 'AccessDenied' };
    },
  };
}

// Twenty programs start, one after the other: some ten seconds on a calm machine.
test(
  'the commands of the README lead from a clone to a monitor that runs on a schedule, as they are printed',
  { timeout: 300_000 },
  async (context) => {
    const bin = await makeAwsCommand(context);
    await replaceCommands(bin);
    const state = createIamState({ isStrict: true });
    const iam = await startIam('', { state, faults: denyUnnamed(state) });
    const administrator = seedKeyHolder(state, 'administrator');
    await mkdir(path.join(bin, '.aws'));
    await writeFile(
      path.join(bin, '.aws/credentials'),
      `[default]\nregion = us-east-1\naws_access_key_id = ${administrator.AccessKeyId}\naws_secret_access_key = ${administrator.SecretAccessKey}\n`,
    );
    const clone = await cloneProject();

    // The commands that this process found are those of this checkout's packages.
    const systemPath = (process.env['PATH'] ?? '').split(':').filter((dir) => !dir.includes('node_modules'));
    const env = {
      PATH: [bin, ...systemPath].join(':'),
      HOME: bin,
      AWS_ENDPOINT_URL: iam.url,
      COLUMNS: '100',
      npm_config_offline: 'true',
      npm_config_update_notifier: 'false',
    };
    const pasted = await pasteIntoShell([...commandsOf('Try it'), ...commandsOf('Go live')], clone, env);
    expect(pasted, pasted.everything).toMatchObject({ code: 0 });
    // The administrator's key must not be needed any more.
    await rm(path.join(bin, '.aws'), { recursive: true });
    state.users.delete('administrator');

    expect(pasted.stdout).toMatch(/awsiam offline · 8 passed in/);
    expect(pasted.stdout).toContain(`arn:aws:iam::123456789012:user/AwsIamMonitor/${user}`);
    expect(pasted.stdout).not.toMatch(/^ *[✗!] /m);
    expect(pasted.stdout).toMatch(/awsiam live · 8 passed in/);
    expect(pasted.stdout).toMatch(/^awsiam: up since/m);
    expect(await readFile(path.join(clone, 'results/report.html'), 'utf8')).toContain('100 %');

    const table = await readFile(path.join(bin, 'crontab.txt'), 'utf8');
    const [, minutes, command = ''] = /^(\S+ \* \* \* \*) (.*)\n$/.exec(table) ?? [];
    expect(minutes).toBe('*/2 * * * *');
    // Cron gives a command nothing but these.
    const cronEnv = { PATH: '/usr/bin:/bin', HOME: bin, SHELL: '/bin/sh', LOGNAME: 'root', AWS_ENDPOINT_URL: iam.url };
    const scheduled = await runProgram('/bin/sh', ['-c', command], { cwd: bin, env: cronEnv });
    const log = await readFile(path.join(clone, 'results/cron.log'), 'utf8');
    expect(scheduled, log).toMatchObject({ code: 0, everything: '\n' });
    expect(log).toMatch(/awsiam live · 8 passed in/);

    const runs = await readRuns(path.join(clone, 'results'));
    expect(runs.map(({ mode, frontEnd, namespace }) => [mode, frontEnd, namespace])).toEqual([
      ['offline', 'vitest', 'offline'],
      ['live', 'vitest', 'prod'],
      ['live', 'run', 'prod'],
    ]);
    const policyArn = 'arn:aws:iam::123456789012:policy/AwsIamMonitorTestPolicies/prod-us-east-1-awsiam-testpolicy';
    expect([...state.policies.keys()]).toEqual([policyArn]);
    expect(listEntities(state)).toEqual({ users: [user], groups: [] });
    expect(state.users.get(user)?.inlinePolicies.has('awsiam')).toBe(true);
  },
);
