import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { publint } from 'publint';
import { afterAll, beforeAll, describe, test, type TestContext } from 'vitest';
import packageLock from '../../package-lock.json' with { type: 'json' };
import packageJson from '../../package.json' with { type: 'json' };
import { steps } from '../../suites/awsiam/steps.ts';
import { parseJunit } from '../harness/parse-junit.ts';
import {
  type Ended,
  liveEnv,
  onlyWaitLines,
  projectDir,
  runProgram,
  secrets,
  type StartOptions,
} from '../harness/run.ts';
import { startIam } from '../harness/servers.ts';
import { RunningWatch } from '../harness/watch.ts';
import { compareWays } from './parity/compare-ways.ts';
import { type ParityScenario, waysOfPackage } from './parity/ways.ts';

/**
 * The npm package, installed from its tarball into an empty directory, as its user has it. npm takes the other packages from
 * its cache, which `npm ci` has filled, or from the registry.
 */
let tarball: string;
/** The directory in which it is installed. Tests that write anything use {@link makeProject}. */
let installation: string;
/** The files of the package, as npm has installed them. */
let packedFiles: readonly string[];

const installSeconds = 120;

beforeAll(async () => {
  installation = await mkdtemp(path.join(os.tmpdir(), 'awsiam-npm-'));
  const [{ filename = '' } = {}] = JSON.parse(
    await succeed('npm', ['pack', '--json', '--pack-destination', installation], { cwd: projectDir }),
  ) as { readonly filename?: string }[];
  tarball = path.join(installation, filename);
  await writeFile(path.join(installation, 'package.json'), JSON.stringify({ overrides: lockedVersions() }));
  await succeed('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', tarball], { cwd: installation });
  packedFiles = await readdir(installed('awsiam'), { recursive: true });
  await writeFile(path.join(installation, 'vitest.config.mjs'), "export { default } from 'awsiam/vitest';\n");
}, installSeconds * 1000);

afterAll(async () => await rm(installation, { recursive: true, force: true }));

/** The versions of our lock file. Without them, a new version of any package could break an unchanged checkout. */
function lockedVersions(): Readonly<Record<string, string>> {
  const top = Object.entries<{ readonly version?: string }>(packageLock.packages).flatMap(([dir, { version = '' }]) => {
    const [, name = ''] = /^node_modules\/((?:@[^/]+\/)?[^/]+)$/.exec(dir) ?? [];
    return name === '' ? [] : [[name, version] as const];
  });
  return Object.fromEntries(top);
}

/** Runs a program that must succeed, and returns what it prints. */
async function succeed(command: string, args: readonly string[], options: StartOptions): Promise<string> {
  const { code, stdout, everything } = await runProgram(command, args, options);
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}:\n${everything}`);
  return stdout;
}

/** A project in which the package is installed, and nothing else is. */
async function makeProject({ onTestFinished }: Pick<TestContext, 'onTestFinished'>): Promise<string> {
  const project = await mkdtemp(path.join(os.tmpdir(), 'awsiam-project-'));
  onTestFinished(() => rm(project, { recursive: true, force: true }));
  await symlink(path.join(installation, 'node_modules'), path.join(project, 'node_modules'));
  await cp(path.join(installation, 'vitest.config.mjs'), path.join(project, 'vitest.config.mjs'));
  return project;
}

const installed = (name: string): string => path.join(installation, 'node_modules', name);

async function awsiam(args: readonly string[], options: StartOptions): Promise<Ended> {
  return await runProgram(process.execPath, [installed('.bin/awsiam'), ...args], options);
}

async function vitest(args: readonly string[], options: StartOptions): Promise<Ended> {
  return await runProgram(process.execPath, [installed('vitest/vitest.mjs'), 'run', ...args], options);
}

async function readOutcomes(project: string): Promise<readonly string[]> {
  const { cases } = parseJunit(await readFile(path.join(project, 'results/junit.xml'), 'utf8'));
  return cases.map(({ name, outcome }) => `${name} ${outcome}`);
}

const allPassed = steps.map(({ name }) => `${name} passed`);

/** Writes the examples of docs/package.md to the files that their first lines name. */
async function writeExamples(project: string): Promise<void> {
  const page = await readFile(path.join(projectDir, 'docs/package.md'), 'utf8');
  for (const [, name = '', code = ''] of page.matchAll(/^```js\n\/\/ (\S+)\n(.*?)^```$/gms)) {
    await writeFile(path.join(project, name), code);
  }
}

describe.concurrent('the tarball', () => {
  test('holds the program, its docs and what its user deploys, and nothing else', async ({ expect }) => {
    const tops = new Set(packedFiles.map((name) => name.split('/')[0]));
    const wanted = ['cli', 'deploy', 'docs', 'lib', 'manifest.json', 'monitor-manifest.json', 'package.json'];
    expect(tops).toEqual(new Set([...wanted, '.env.example', 'CHANGELOG.md', 'LICENSE', 'README.md', 'SECURITY.md']));
    const unwanted = /(?<!\.d)\.ts$|\.test\.|\.png$|(^|\/)(testing|e2e|bench|packaging|node_modules)\//;
    expect(packedFiles.filter((name) => unwanted.test(name))).toEqual([]);
    const token = 'lib/runner/vitest/placeholder-token/vitest/.vitest-secret-token';
    expect(packedFiles).toEqual(expect.arrayContaining(['docs/package.md', 'deploy/iam/monitor-policy.json', token]));
    // So that Node need not find out by parsing each file.
    expect(JSON.parse(await readFile(installed('awsiam/lib/package.json'), 'utf8'))).toMatchObject({ type: 'module' });
    // The dependencies are not in it.
    expect((await stat(tarball)).size).toBeLessThan(1_000_000);
  });

  test('is well formed for npm, Node and TypeScript, as publint sees it', async ({ expect }) => {
    const data = await readFile(tarball);
    const { messages } = await publint({ pack: { tarball: new Uint8Array(data).buffer } });
    // vitest.config.ts needs the root without "type"; lib/ and cli/ have their own.
    expect(messages.filter(({ code }) => code !== 'USE_TYPE')).toEqual([]);
  });

  test('exports only what docs/package.md lists', async ({ expect }) => {
    const page = await readFile(installed('awsiam/docs/package.md'), 'utf8');
    const listed = [...page.matchAll(/^\| `awsiam(\/\S+)` \|/gm)].map(([, name]) => `.${name}`);
    expect(Object.keys(packageJson.exports).toSorted()).toEqual(listed.toSorted());
    const deep = await runProgram(process.execPath, ['--eval', "import('awsiam/lib/cli/main.js')"], {
      cwd: installation,
    });
    expect(deep.stderr).toContain('ERR_PACKAGE_PATH_NOT_EXPORTED');
  });
});

describe.concurrent('installed into an empty directory', () => {
  test('npx awsiam run --offline passes, and writes to the working directory', async (context) => {
    const { expect } = context;
    const project = await makeProject(context);
    const { code, stdout, stderr } = await runProgram('npx', ['awsiam', 'run', '--offline'], { cwd: project });
    expect({ code, stderr }).toEqual({ code: 0, stderr: onlyWaitLines });
    expect(stdout).toContain('awsiam offline · 8 passed');
    expect(await readOutcomes(project)).toEqual(allPassed);
    expect((await readdir(project)).toSorted()).toEqual(['node_modules', 'results', 'vitest.config.mjs']);
  });

  test('says its version, and that it is the npm package', async ({ expect }) => {
    const { stdout } = await awsiam(['--version'], { cwd: installation });
    expect(stdout).toBe(`awsiam ${packageJson.version} (npm package)\n`);
  });

  test('every command of the help loads', async ({ expect }) => {
    const { stdout } = await awsiam(['--help'], { cwd: installation });
    const [, list = ''] = stdout.split('Commands:');
    const names = [...list.matchAll(/^ {2}(\w+)/gm)].map(([, name = '']) => name).filter((name) => name !== 'help');
    expect(names).toEqual(expect.arrayContaining(['run', 'watch', 'status', 'report', 'doctor', 'policy']));
    const helps = await Promise.all(names.map((name) => awsiam([name, '--help'], { cwd: installation })));
    expect(helps.map(({ code, stderr }) => ({ code, stderr }))).toEqual(names.map(() => ({ code: 0, stderr: '' })));
  });

  test('a live run takes .env of the working directory, and status, report and doctor read the same', async (context) => {
    const { expect } = context;
    const [project, iam] = [await makeProject(context), await startIam('', context)];
    const settings = Object.entries({ ...liveEnv, AWS_ENDPOINT_URL_IAM: iam.url });
    await writeFile(path.join(project, '.env'), settings.map(([name, value]) => `${name}='${value}'\n`).join(''));
    const start = { cwd: project };
    const run = await awsiam(['run'], start);
    expect(run).toMatchObject({ code: 0, stderr: onlyWaitLines });
    expect(iam.calls.slice(0, steps.length).map(({ status }) => status)).toEqual(steps.map(() => 200));
    const status = await awsiam(['status', '--json'], start);
    expect(JSON.parse(status.stdout)).toMatchObject({ state: 'up' });
    const report = await awsiam(['report'], start);
    expect(report.code).toBe(0);
    expect((await readdir(path.join(project, 'results'))).toSorted()).toEqual(
      expect.arrayContaining(['awsiam.prom', 'junit.xml', 'report.html', 'runs', 'totals.json']),
    );
    const doctor = await awsiam(['doctor', '--offline', '--json'], start);
    expect(doctor.everything).not.toContain(secrets.secretAccessKey);
    expect(JSON.stringify(JSON.parse(doctor.stdout))).toContain('METRIST_NAMESPACE');
  });

  test('watch makes a run on its beat', async (context) => {
    const { expect, onTestFinished } = context;
    const [project, iam] = [await makeProject(context), await startIam('', context)];
    const watch = new RunningWatch({
      command: [process.execPath, installed('.bin/awsiam')],
      args: ['--no-listen', '--every', '1d'],
      env: { ...liveEnv, AWS_ENDPOINT_URL_IAM: iam.url },
      cwd: project,
      onTestFinished,
    });
    await watch.runs(1);
    const { code } = await watch.stop();
    expect({ code, line: watch.runLines[0] }).toEqual({ code: 143, line: expect.stringContaining('8 passed') });
    expect(await readdir(path.join(project, 'results'))).toContain('runs');
  });

  test('an old Node.js gets one line that says how to install a new one', async (context) => {
    const { expect } = context;
    const project = await makeProject(context);
    const asOld = `data:text/javascript,Object.defineProperty(process,'version',{value:'v20.20.2'})`;
    const options = { cwd: project, env: { NODE_OPTIONS: `--import=${asOld}` } };
    const needed = /^awsiam needs Node\.js 24\.15 .* this is v20\.20\.2\. "npm install node@26" installs one .*\n$/;
    for (const { code, stdout, stderr } of [await awsiam(['run'], options), await vitest([], options)]) {
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      expect(stderr).toMatch(needed);
    }
  });

  test('if a file of the package is missing, one line says so', async (context) => {
    const { expect } = context;
    const project = await makeProject(context);
    const broken = path.join(project, 'broken/node_modules/awsiam');
    await cp(installed('awsiam'), broken, { recursive: true });
    await rm(path.join(broken, 'lib/cli/main.js'));
    const { code, stderr } = await runProgram(process.execPath, [path.join(broken, 'cli/awsiam.js'), 'run']);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^awsiam cannot start: Cannot find module .* Install it again with "npm install"\.\n$/);
  });
});

describe.concurrent('imported by another project', () => {
  test('the config runs the steps in its vitest, and adds the reports', async (context) => {
    const { expect } = context;
    const project = await makeProject(context);
    const { code, stdout, stderr } = await runProgram('npx', ['vitest', 'run', '--mode', 'offline'], { cwd: project });
    expect({ code, stderr }).toEqual({ code: 0, stderr: onlyWaitLines });
    expect(stdout).toContain('awsiam offline · 8 passed');
    expect(await readOutcomes(project)).toEqual(allPassed);
  });

  test('a reporter as in docs/package.md gets each run', async (context) => {
    const { expect } = context;
    const project = await makeProject(context);
    await writeExamples(project);
    const { code, stdout } = await vitest(['--mode', 'offline', '--config', 'reporting.config.mjs'], {
      cwd: project,
      env: { AWSIAM_MOCK_FAULTS: 'CreateGroup=ServiceFailure' },
    });
    expect(code).toBe(1);
    expect(stdout).toMatch(/1 failed, 6 blocked, 1 passed .* · failures\.log$/m);
    expect(await readFile(path.join(project, 'failures.log'), 'utf8')).toMatch(
      /^\S+Z ServiceFailure .*CreateGroup.*\n$/,
    );
  });

  test("the steps run beside a project's own tests, which use the mocks as in docs/package.md", async (context) => {
    const { expect } = context;
    const project = await makeProject(context);
    await writeExamples(project);
    const { code, everything } = await vitest(['--mode', 'offline', '--config', 'projects.config.mjs'], {
      cwd: project,
      env: { NO_COLOR: '1' },
    });
    expect(everything).toMatch(/Tests\s+10 passed/);
    expect(everything).toContain('awsiam offline · 8 passed');
    expect(await readOutcomes(project)).toEqual(allPassed);
    expect(code).toBe(0);
  });

  test.for(['nodenext', 'bundler'] as const)(
    'the declarations are whole with moduleResolution %s',
    async (moduleResolution, context) => {
      const { expect } = context;
      const project = await makeProject(context);
      await writeFile(
        path.join(project, 'use.mts'),
        `import awsiam, { configureMonitor } from 'awsiam/vitest';
        import { MonitorReporter, renderJunit, type MonitorRun, type ReportOutcome, type RunReporter } from 'awsiam/reporters';
        import { createFaultPlan, createIamState, installIamMock, startIamServer } from 'awsiam/mocks';
        class Chat implements RunReporter {
          readonly what = 'chat';
          async report(run: MonitorRun): Promise<ReportOutcome> {
            return { ok: true, text: run.state + renderJunit(run) };
          }
        }
        const { test } = await configureMonitor({ reporters: [new Chat()] })({ mode: 'offline' });
        export const reporters: unknown[] = [test?.reporters].flat(2).filter((each) => each instanceof MonitorReporter);
        const server = await startIamServer({ state: createIamState(), faults: createFaultPlan('') });
        installIamMock().restore();
        // Fails if the types are not found, because everything is then any.
        export const wrong: number = server.url;
        export default awsiam;`,
      );
      // As a user has it who installs @types/node.
      await mkdir(path.join(project, 'types'));
      await symlink(path.join(projectDir, 'node_modules/@types/node'), path.join(project, 'types/node'));
      const config = {
        compilerOptions: {
          module: moduleResolution === 'bundler' ? 'esnext' : moduleResolution,
          moduleResolution,
          target: 'esnext',
          strict: true,
          noEmit: true,
          skipLibCheck: false,
          types: ['node'],
          typeRoots: ['types'],
        },
        files: ['use.mts'],
      };
      await writeFile(path.join(project, 'tsconfig.json'), JSON.stringify(config));
      const tsc = path.join(projectDir, 'node_modules/typescript/bin/tsc');
      const { stdout } = await runProgram(process.execPath, [tsc], { cwd: project });
      expect(stdout).toMatch(
        /^use\.mts\(\d+,\d+\): error TS2322: Type 'string' is not assignable to type 'number'\.\n$/,
      );
    },
  );
});

/** Of the scenarios of `parity/parity.test.ts`, one for each kind of end. */
const coreScenarios: readonly (readonly [title: string, scenario: ParityScenario])[] = [
  ['all eight steps pass', {}],
  [
    'steps that pass after retries pass, with their attempts',
    { faults: 'CreateUser=ServiceFailure:1,CreateGroup=Throttling:1,AddUserToGroup=NoSuchEntity:2' },
  ],
  [
    'a refused DeleteUser is a failure of permissions, and the user is left',
    { faults: 'DeleteUser=AccessDenied', fails: ['DeleteUser', 'permission', 'AccessDenied'], leaves: ['user'] },
  ],
  [
    'missing settings are listed',
    {
      settings: {},
      fails: ['CreateUser', 'configuration', 'ConfigError'],
      notOffline: 'offline every setting has a default',
    },
  ],
];

describe('the installed package gives the same results as the clone', () => {
  test.concurrent.for(coreScenarios)('%s', async ([, scenario], context) => {
    await compareWays(scenario, waysOfPackage(installation), context);
  });
});

test('nothing of all that has written to the package', async ({ expect }) => {
  expect(await readdir(installed('awsiam'), { recursive: true })).toEqual(packedFiles);
});
