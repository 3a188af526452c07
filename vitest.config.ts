/**
 * CommonJS, because of where vitest writes: an ES module would be bundled to a file in `node_modules` first, which fails in a
 * checkout that is read-only or full. For the same reason package.json has no `"type"`, and each folder has its own.
 * `load()` loads everything else, so that this file runs on an old Node.js and can say that it is too old.
 */
type ConfigEnv = import('vitest/config').ConfigEnv;
type ViteUserConfig = import('vitest/config').ViteUserConfig;
type RunMode = import('./runner/monitor-run.ts').RunMode;

const { accessSync, constants } = require('node:fs') as typeof import('node:fs');
const os = require('node:os') as typeof import('node:os');
const path = require('node:path') as typeof import('node:path');
const { pathToFileURL } = require('node:url') as typeof import('node:url');
const { describeUnsupportedNode, removeOldReport, removeReport } =
  require('./host/last-resort.js') as typeof import('./host/last-resort.js');

const cores = os.availableParallelism();

/** Tests that start processes, and mostly wait for them. */
const endToEnd: ViteUserConfig['test'] = {
  globalSetup: ['packaging/package-executable.ts'],
  testTimeout: 120_000,
  maxWorkers: cores,
  maxConcurrency: cores * 4,
};

/** The modes that run this project's own tests. All others run the monitor. */
const ownTests: Readonly<Record<string, ViteUserConfig['test']>> = {
  unit: {
    include: ['**/*.test.ts'],
    exclude: ['e2e/**', 'node_modules/**', '**/*.deep.test.ts'],
    testTimeout: 60_000,
    // Many of them wait for a timer or a process. vitest's default leaves a core idle.
    maxWorkers: cores * 2,
  },
  e2e: { include: ['e2e/**/*.test.ts'], exclude: ['e2e/deep/**'], ...endToEnd },
  deep: { include: ['e2e/deep/**/*.test.ts', '**/*.deep.test.ts'], exclude: ['node_modules/**'], ...endToEnd },
};

/** What `--mode` can be for a run of the monitor. vitest calls it `test` if no mode was given. */
const runModes: Readonly<Record<string, RunMode>> = { test: 'live', offline: 'offline' };

module.exports = async ({ mode }: ConfigEnv): Promise<ViteUserConfig> => {
  const unsupported = describeUnsupportedNode(process.version);
  const test = ownTests[mode];
  if (unsupported !== undefined) {
    if (test === undefined) removeOldReport(__dirname);
    fail(unsupported);
  }
  if (test !== undefined) {
    return { test: { watch: false, pool: 'threads', setupFiles: ['e2e/harness/loopback-only.ts'], ...test } };
  }
  return await monitorRun(mode).catch(failWithoutReports);
};

/** A run of the monitor. What keeps it from starting is reported as a failure of its first step. */
async function monitorRun(modeName: string): Promise<ViteUserConfig> {
  await load('./host/compile-cache.js');
  const [
    { surviveOutputErrors },
    { readEnvFile },
    { chooseBaseDir, parseResultsDir },
    { parseMetristConfig },
    { outline },
    { createMonitorReporter },
  ] = await Promise.all([
    load<typeof import('./host/output-errors.ts')>('./host/output-errors.ts'),
    load<typeof import('./host/env-file.ts')>('./host/env-file.ts'),
    load<typeof import('./host/results-dir.ts')>('./host/results-dir.ts'),
    load<typeof import('./metrist/config.ts')>('./metrist/config.ts'),
    load<typeof import('./suites/awsiam/outline.ts')>('./suites/awsiam/outline.ts'),
    load<typeof import('./reporters/create-monitor-reporter.ts')>('./reporters/create-monitor-reporter.ts'),
  ]);
  surviveOutputErrors(process);
  leaveClosedDirectory();
  const baseDir = chooseBaseDir(__dirname, process.cwd());
  const envFile = await readEnvFile(baseDir, process.env);
  // The AWS SDK reads the environment of the worker thread, which is a copy of this one.
  Object.assign(process.env, envFile.added);
  const values = process.env;
  const mode = runModes[modeName] ?? 'offline';
  const results = parseResultsDir(values, baseDir);
  const metrist = parseMetristConfig(values);
  const reporter = createMonitorReporter({
    monitor: outline,
    mode,
    values,
    root: __dirname,
    resultsDir: results.dir,
    metrist,
  });
  // vitest itself may still refuse to start, for example because of a reporter that does not exist.
  process.once('exit', (code) => {
    if (code !== 0 && !reporter.isReporting) removeReport(results.dir);
  });
  const problem = runModes[modeName] === undefined ? await describeUnknownMode(modeName) : findMissingPackage(mode);
  if (problem !== undefined) {
    await reporter.failToStart({ name: 'ConfigError', code: 'ConfigError', message: problem });
    process.exit(1);
  }
  const parsed = outline.parseConfig(mode === 'live' ? values : await addOfflineDefaults(values));
  const otherProblems = [...envFile.problems, ...results.problems, ...(mode === 'live' ? metrist.problems : [])];
  const settings = { ...parsed, problems: [...parsed.problems, ...otherProblems] };
  const [{ takeOverSignals }, { keepUnhandledErrors }, { addReporter, hideApiToken, listSteps, provideToSuite }] =
    await Promise.all([
      load<typeof import('./runner/vitest/take-over-signals.ts')>('./runner/vitest/take-over-signals.ts'),
      load<typeof import('./runner/vitest/unhandled-errors.ts')>('./runner/vitest/unhandled-errors.ts'),
      load<typeof import('./runner/vitest/plugins.ts')>('./runner/vitest/plugins.ts'),
    ]);
  return {
    // Also if `--config` names this file and the working directory is another one.
    root: __dirname,
    // Vite would read .env as well, for variables that it puts into pages.
    envDir: false,
    plugins: [
      takeOverSignals({ errorOutput: process.stderr }),
      keepUnhandledErrors({ errorOutput: process.stderr }),
      hideApiToken(await makeTokenDir(results.dir)),
      provideToSuite({ mode, settings }),
      addReporter(reporter),
      listSteps(),
    ],
    test: {
      include: ['suites/**/*.suite.ts'],
      setupFiles: mode === 'offline' ? ['mocks/install.ts'] : [],
      reporters: [reporter],
      watch: false,
      // Nothing is written to the project's directory.
      cache: false,
      fsModuleCache: false,
      // One worker is enough, and it needs no Vite to run TypeScript that Node runs as it is.
      pool: 'threads',
      maxWorkers: 1,
      server: { deps: { external: [/\/(host|metrist|mocks|runner|suites|text)\/.*\.ts$/] } },
    },
  };
}

/** Leaves a directory that this user may not enter, as after `sudo -u awsiam` in root's home: Node.js starts no worker there. */
function leaveClosedDirectory(): void {
  try {
    accessSync(process.cwd(), constants.X_OK);
  } catch {
    process.chdir(__dirname);
  }
}

async function describeUnknownMode(mode: string): Promise<string> {
  const { describeValue } = await load<typeof import('./host/setting-text.ts')>('./host/setting-text.ts');
  return `unknown mode ${describeValue(mode)}: give no --mode for a live run, or --mode offline for a run over the mock`;
}

/** The mock is made of development dependencies, because a monitoring host does not need it. */
function findMissingPackage(mode: RunMode): string | undefined {
  if (mode === 'live') return undefined;
  try {
    require.resolve('aws-sdk-client-mock');
    return undefined;
  } catch {
    return 'an offline run needs the development packages: install with "npm ci", without --omit=dev';
  }
}

async function addOfflineDefaults(values: NodeJS.ProcessEnv): Promise<NodeJS.ProcessEnv> {
  const { offlineDefaults } = await load<typeof import('./mocks/offline-defaults.ts')>('./mocks/offline-defaults.ts');
  return { ...values, ...offlineDefaults(values) };
}

async function makeTokenDir(resultsDir: string): Promise<import('./host/make-dir.ts').PrivateDir> {
  const { makePrivateDir } = await load<typeof import('./host/make-dir.ts')>('./host/make-dir.ts');
  const places = [resultsDir, os.tmpdir(), '/dev/shm'];
  const dir = await makePrivateDir(places);
  if (dir !== undefined) return dir;
  fail(
    `awsiam cannot start: none of ${places.join(', ')} takes a file. Make room in one of them, or make it writable for this user.`,
  );
}

/** By Node itself: if this file imported it, Vite would bundle it and everything behind it at every start. */
async function load<Module>(file: string): Promise<Module> {
  return (await import(pathToFileURL(path.join(__dirname, file)).href)) as Module;
}

/** Parts of this program did not load, so nothing can be reported. */
function failWithoutReports(error: unknown): never {
  removeOldReport(__dirname);
  const reason = error instanceof Error ? error.message.split('\n', 1)[0] : String(error);
  fail(`awsiam cannot start, and no report of this run could be written: ${reason}. Install it again with "npm ci".`);
}

function fail(line: string): never {
  process.stderr.write(`${line}\n`);
  process.exit(1);
}
