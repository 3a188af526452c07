import { execFile } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { registerHooks } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { describe, expect, onTestFinished, test, type TestContext } from 'vitest';
import { parse } from 'yaml';
import { listEntities } from '../../../mocks/iam/seeding.ts';
import type { IamServer } from '../../../mocks/iam/server.ts';
import { cancel, membersOf, send, type Cancel } from '../../harness/cancel.ts';
import { operationOf, stepNames } from '../../harness/conformance.ts';
import { type JunitSuite, parseJunit } from '../../harness/parse-junit.ts';
import { type Ended, liveEnv, makeResultsDir, projectDir, runProgram } from '../../harness/run.ts';
import { arrival, startIam } from '../../harness/servers.ts';

/**
 * The scheduled jobs of GitHub Actions and GitLab CI. Their files are checked by GitHub's own parser and by GitLab's own
 * schema. What they run is run here as their runners do, and cancelled as their runners do.
 */

const execute = promisify(execFile);

const githubFile = path.join(projectDir, 'deploy/github/awsiam.yml');
const gitlabFile = path.join(projectDir, 'deploy/gitlab/awsiam.gitlab-ci.yml');

interface GithubStep {
  readonly name?: string;
  readonly if?: string;
  readonly uses?: string;
  readonly run?: string;
  readonly with?: Readonly<Record<string, string>>;
}

interface GithubWorkflow {
  readonly on: { readonly schedule: readonly { readonly cron: string }[] };
  readonly permissions: object;
  readonly concurrency: object;
  readonly jobs: {
    readonly run: {
      readonly 'timeout-minutes': number;
      readonly env: Readonly<Record<string, string | number>>;
      readonly steps: readonly GithubStep[];
    };
  };
}

interface GitlabJob {
  readonly timeout: string;
  readonly variables: Readonly<Record<string, string>>;
  readonly cache: { readonly paths: readonly string[] };
  readonly before_script: readonly string[];
  readonly script: readonly string[];
  readonly after_script: readonly string[];
}

const workflow = parse(await readFile(githubFile, 'utf8')) as GithubWorkflow;
const { awsiam: gitlabJob } = parse(await readFile(gitlabFile, 'utf8')) as { readonly awsiam: GitlabJob };
const githubJob = workflow.jobs.run;
const stepOf = (name: string): GithubStep => {
  const step = githubJob.steps.find((each) => each.name === name);
  if (step === undefined) throw new Error(`${githubFile} has no step called "${name}"`);
  return step;
};
const isInstall = (line: string): boolean => line.startsWith('npm ci');

/** A job's results, and what its runner saw. */
interface JobRun extends Ended {
  readonly resultsDir: string;
  readonly junit: JunitSuite;
  /** What GitHub shows of it. */
  readonly summary: string | undefined;
  /** How many stages of the cancel it took. */
  readonly stages: number;
}

interface JobOptions extends Pick<TestContext, 'onTestFinished'> {
  readonly iam: IamServer;
  /** Cancels the job at this request. */
  readonly cancelAt?: string;
  /** The results of the run before, as the job's cache keeps them. */
  readonly earlier?: string;
  readonly env?: Readonly<Record<string, string>>;
}

interface Service {
  readonly name: string;
  /** The results that its cache hands on to the next run. */
  readonly cached: readonly string[];
  /** Its variables, without those that an expression gives. */
  readonly variables: Readonly<Record<string, string>>;
  /** The program that runs the job, with its arguments. */
  readonly command: (dir: string) => Promise<readonly string[]>;
  readonly cancel: Cancel;
}

/** `{0}` is the step's script: https://docs.github.com/actions/reference/workflows-and-actions/workflow-syntax */
const github: Service = {
  name: 'GitHub Actions',
  cached: stepOf('Get the history of the earlier runs').with?.['path']?.trim().split('\n') ?? [],
  variables: Object.fromEntries(
    Object.entries(githubJob.env)
      .filter(([, value]) => !String(value).includes('${{'))
      .map(([name, value]) => [name, String(value)]),
  ),
  command: async (dir) => {
    const file = path.join(dir, 'step.sh');
    await writeFile(file, stepOf('Run the monitor').run ?? '');
    return ['bash', '-e', file];
  },
  // Only the step's own process gets the first two signals: github.com/actions/runner, ProcessInvoker.
  cancel: [
    [0, (pid) => send(pid, 'SIGINT')],
    [7500, (pid) => send(pid, 'SIGTERM')],
    [10_000, (pid) => send(-pid, 'SIGKILL')],
  ],
};

/** The runner reads a script from its shell's standard input: gitlab.com/gitlab-org/gitlab-runner, shells/bash.go. */
const gitlab = {
  name: 'GitLab CI',
  cached: gitlabJob.cache.paths,
  variables: gitlabJob.variables,
  command: async (dir: string) => {
    const lines = [...gitlabJob.before_script, ...gitlabJob.script].filter((line) => !isInstall(line));
    const script = `'${lines.join('\n').replaceAll("'", String.raw`'\''`)}'`;
    const file = path.join(dir, 'script.sh');
    await writeFile(file, `trap exit 1 TERM\nset -o pipefail -o errexit\n: | eval ${script}\nexit 0\n`);
    return ['bash', '-c', 'exec bash <"$0"', file];
  },
} satisfies Partial<Service>;

/** SIGTERM goes to the process group. SIGKILL would follow after ten minutes. */
const gitlabShell: Service = {
  ...gitlab,
  name: 'GitLab CI, shell executor',
  cancel: [
    [0, (pid) => send(-pid, 'SIGTERM')],
    [10_000, (pid) => send(-pid, 'SIGKILL')],
  ],
};

/** SIGTERM goes to one process after the other, the newest first, each of which has up to six seconds. */
const gitlabDocker: Service = {
  ...gitlab,
  name: 'GitLab CI, Docker executor',
  cancel: [
    [
      0,
      async (group) => {
        for (const pid of await membersOf(group)) {
          send(pid, 'SIGTERM');
          for (let tries = 0; tries < 60 && (await membersOf(group)).includes(pid); tries++) await delay(100);
        }
      },
    ],
    [10_000, (pid) => send(-pid, 'SIGKILL')],
  ],
};

/** As `actions/setup-node` and the image `node` do. */
const pathWithNode = `${path.dirname(process.execPath)}:${process.env['PATH']}`;

const services = [github, gitlabShell];

async function runJob(service: Service, { iam, cancelAt, earlier, env, ...context }: JobOptions): Promise<JobRun> {
  const dir = await makeResultsDir(context.onTestFinished);
  const resultsDir = path.join(dir, 'results');
  for (const name of earlier === undefined ? [] : service.cached) {
    const [from, to] = [earlier ?? '', resultsDir].map((each) => path.join(path.dirname(each), name));
    await cp(from ?? '', to ?? '', { recursive: true }).catch(() => {});
  }
  const summaryFile = path.join(dir, 'summary.md');
  const [program = '', ...args] = await service.command(dir);
  let cancelled: Promise<number> | undefined;
  const ended = await runProgram(program, args, {
    cwd: projectDir,
    env: {
      PATH: pathWithNode,
      CI: 'true',
      ...service.variables,
      ...liveEnv,
      METRIST_RESULTS_DIR: resultsDir,
      AWS_ENDPOINT_URL_IAM: iam.url,
      ...(service === github
        ? { GITHUB_ACTIONS: 'true', GITHUB_STEP_SUMMARY: summaryFile }
        : { AWSIAM_ID_TOKEN: 'e2e-id-token', AWS_WEB_IDENTITY_TOKEN_FILE: path.join(dir, '.id-token') }),
      ...env,
    },
    detached: true,
    onStart: (child) => {
      if (cancelAt === undefined) return;
      cancelled = arrival(iam, cancelAt).then(async () => await cancel(child, service.cancel));
    },
  });
  return {
    ...ended,
    resultsDir,
    junit: parseJunit(await readFile(path.join(resultsDir, 'junit.xml'), 'utf8')),
    summary: await readFile(summaryFile, 'utf8').catch(() => undefined),
    stages: (await cancelled) ?? 0,
  };
}

async function readRuns({ resultsDir }: JobRun): Promise<readonly unknown[]> {
  const days = await readdir(path.join(resultsDir, 'runs'));
  const texts = await Promise.all(days.map((day) => readFile(path.join(resultsDir, 'runs', day), 'utf8')));
  return texts.flatMap((text) => text.trim().split('\n'));
}

/** The longest time that a run can take whose steps have this time limit. */
const longestRunMins = (stepTimeoutSecs: unknown): number => (stepNames.length * Number(stepTimeoutSecs)) / 60 + 5;

const workflowsDir = path.join(projectDir, '.github/workflows');
const workflowFiles = [githubFile, ...(await readdir(workflowsDir)).map((name) => path.join(workflowsDir, name))];

test.for(workflowFiles)("GitHub's parser finds no fault in %s", async (file) => {
  // It imports JSON in a way that only bundlers accept.
  const hooks = registerHooks({
    resolve: (specifier, context, next) => ({
      ...next(specifier, context),
      ...(specifier.endsWith('.json') && { importAttributes: { type: 'json' } }),
    }),
  });
  const { convertWorkflowTemplate, NoOperationTraceWriter, parseWorkflow } = await import('@actions/workflow-parser');
  hooks.deregister();
  const content = await readFile(file, 'utf8');
  const { context, value } = parseWorkflow({ name: path.basename(file), content }, new NoOperationTraceWriter());
  // This also reads the expressions and the schedule.
  if (value) await convertWorkflowTemplate(context, value);
  expect(context.errors.getErrors().map(({ message }) => message)).toEqual([]);
  for (const [, action = ''] of content.matchAll(/uses: (.*)/g)) expect(action).toMatch(/^[\w-]+(\/[\w-]+)+@v\d+$/);
});

test('the GitHub workflow runs off the hour, one at a time, without a stored key, and keeps its results always', () => {
  const minutes = workflow.on.schedule.map(({ cron }) => cron.split(' ')[0]?.split(',').map(Number));
  expect(minutes).toEqual([[7, 22, 37, 52]]);
  expect(workflow.permissions).toEqual({ contents: 'read', 'id-token': 'write' });
  expect(workflow.concurrency).toEqual({ group: 'awsiam', 'cancel-in-progress': false });
  expect(githubJob['timeout-minutes']).toBeGreaterThan(longestRunMins(githubJob.env['METRIST_STEP_TIMEOUT_SECS']));
  expect(Number(githubJob.env['AWSIAM_INTERVAL_SECS'])).toBe(15 * 60);
  const after = githubJob.steps.slice(githubJob.steps.indexOf(stepOf('Run the monitor')) + 1);
  expect(after.map((step) => [step.uses?.split('@')[0], step.if])).toEqual([
    ['actions/cache/save', 'always()'],
    ['actions/upload-artifact', 'always()'],
  ]);
  expect(stepOf('Keep the history for the next run').with).toMatchObject({
    path: stepOf('Get the history of the earlier runs').with?.['path'],
  });
});

test("GitLab's schema finds no fault in the GitLab job", async () => {
  const dir = await mkdtemp(path.join(os.tmpdir(), 'awsiam-gitlab-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  await cp(gitlabFile, path.join(dir, '.gitlab-ci.yml'));
  const env = { ...process.env, HOME: dir };
  const git = async (...args: readonly string[]) => await execute('git', args, { cwd: dir, env });
  await git('init', '--quiet');
  await git('remote', 'add', 'origin', 'https://gitlab.example/group/project.git');
  const tool = path.join(projectDir, 'node_modules/gitlab-ci-local/dist/index.js');
  for (const [source, jobs] of [
    ['schedule', ['awsiam']],
    ['push', []],
  ] as const) {
    const args = ['--list-csv', '--ignore-predefined-vars', 'CI_PIPELINE_SOURCE'];
    const variable = `CI_PIPELINE_SOURCE=${source}`;
    const { stdout } = await execute(process.execPath, [tool, ...args, '--variable', variable], { cwd: dir, env });
    const [, ...rows] = stdout.trim().split('\n');
    expect(rows.map((row) => row.split(';')[0])).toEqual(jobs);
  }
});

test('the GitLab job runs for schedules and by hand, one at a time, without a stored key, and keeps its results always', () => {
  expect(gitlabJob).toMatchObject({
    rules: [{ if: '$CI_PIPELINE_SOURCE == "schedule" || $CI_PIPELINE_SOURCE == "web"' }],
    resource_group: 'awsiam',
    interruptible: false,
    id_tokens: { AWSIAM_ID_TOKEN: { aud: 'sts.amazonaws.com' } },
    cache: { when: 'always' },
    artifacts: { when: 'always', paths: ['results'], reports: { junit: 'results/junit.xml' } },
  });
  const [minutes] = gitlabJob.timeout.split(' ');
  expect(Number(minutes)).toBeGreaterThan(longestRunMins(gitlabJob.variables['METRIST_STEP_TIMEOUT_SECS']));
  // An old junit.xml in the cache would show an old success if a run does not even start.
  expect(gitlabJob.cache.paths).toEqual(['results/runs', 'results/outbox', 'results/totals.json']);
  expect(github.cached).toEqual(gitlabJob.cache.paths);
});

test("the GitLab job's last script removes the token, and shows the state", async (context) => {
  const iam = await startIam('', context);
  const run = await runJob(gitlabShell, { iam, ...context });
  expect(run.code, run.everything).toBe(0);
  const token = path.join(path.dirname(run.resultsDir), '.id-token');
  expect(await readFile(token, 'utf8')).toBe('e2e-id-token');
  expect((await stat(token)).mode & 0o777).toBe(0o600);
  const env = {
    PATH: pathWithNode,
    METRIST_RESULTS_DIR: run.resultsDir,
    AWS_WEB_IDENTITY_TOKEN_FILE: token,
    AWSIAM_INTERVAL_SECS: '900',
  };
  const after = await runProgram('bash', ['-ec', gitlabJob.after_script.join('\n')], { cwd: projectDir, env });
  expect(after, after.everything).toMatchObject({ code: 0, stdout: expect.stringContaining('awsiam: up') as unknown });
  await expect(stat(token)).rejects.toThrow('ENOENT');
});

describe.concurrent('a scheduled job', () => {
  test.for(services)('of $name finds the history of the run before', async (service, context) => {
    const { expect: check } = context;
    const iam = await startIam('CreateGroup=ServiceFailure:3', context);
    const first = await runJob(service, { iam, ...context });
    check(first.code, first.everything).toBe(1);
    check(first.junit).toMatchObject({ tests: 8, failures: 1 });
    const second = await runJob(service, { iam, earlier: first.resultsDir, ...context });
    check(second.code, second.everything).toBe(0);
    check(second.junit).toMatchObject({ tests: 8, failures: 0, errors: 0, skipped: 0 });
    check(await readRuns(second)).toHaveLength(2);
    if (service === github) {
      check(first.summary).toMatch(/^## ✗ IAM failed at CreateGroup/);
      check(second.summary).toMatch(/^## ✓/);
    }
    check(listEntities(iam.state)).toEqual({ users: [], groups: [] });
  });

  test('of GitHub Actions without its role says so in its results', async (context) => {
    const { expect: check } = context;
    check(stepOf('Assume the role in AWS')).toMatchObject({ 'continue-on-error': true });
    const iam = await startIam('', context);
    const env = { METRIST_AWS_ACCESS_KEY_ID: '', METRIST_AWS_SECRET_ACCESS_KEY: '' };
    const run = await runJob(github, { iam, env, ...context });
    check(run.code, run.everything).toBe(1);
    check(run.junit.cases[0]).toMatchObject({ outcome: 'error', verdict: 'credentials' });
    check(await readRuns(run)).toHaveLength(1);
    check(run.summary).toContain('credentials');
    check(iam.calls).toEqual([]);
  });

  const cancels = [
    { service: github, step: 'CreateUser', fault: 'hang-after' },
    // IAM makes the group only after the cancel.
    { service: github, step: 'CreateGroup', fault: 'late:1000' },
    { service: github, step: 'AddUserToGroup', fault: 'hang-after' },
    { service: github, step: 'DeleteUser', fault: 'hang-after' },
    { service: gitlabShell, step: 'CreateGroup', fault: 'hang-after' },
    { service: gitlabShell, step: 'DetachPolicy', fault: 'hang-after' },
    { service: gitlabDocker, step: 'CreateUser', fault: 'hang-after' },
    { service: gitlabDocker, step: 'AttachPolicy', fault: 'hang-after' },
    // IAM could still make it, so teardown looks for it, but not for as long as without a cancel.
    { service: github, step: 'CreateUser', fault: 'hang' },
    { service: gitlabDocker, step: 'CreateGroup', fault: 'hang' },
  ];

  test.for(cancels)(
    'of $service.name that is cancelled in $step ($fault) leaves nothing behind and keeps its results',
    async ({ service, step, fault }, context) => {
      const { expect: check } = context;
      const cancelAt = operationOf(step);
      const iam = await startIam(`${cancelAt}=${fault}:1`, context);
      const run = await runJob(service, { iam, cancelAt, ...context });
      check(listEntities(iam.state), run.everything).toEqual({ users: [], groups: [] });
      // It ended by itself: the last stage would have killed it.
      check(run.stages, run.everything).toBeLessThan(service.cancel.length);
      check(run.junit).toMatchObject({ tests: 8, failures: 0, errors: 0 });
      check(run.junit.cases.find(({ name }) => name === step)?.message).toMatch(/interrupted by SIG(INT|TERM)/);
      check(await readRuns(run)).toHaveLength(1);
      if (service === github) {
        check(run.code).toBe(130);
        check(run.summary).toContain(step);
      }
    },
  );
});
