/**
 * CommonJS, because of where vitest has to write: an ES module it bundles to a file in `node_modules` first, which fails in
 * a checkout that is read-only or full. That is also why package.json has no `"type"`: each folder has its own.
 * Everything else is loaded by `load()`, so that this file can answer an old Node.js.
 */
type ConfigEnv = import('vitest/config').ConfigEnv;
type ViteUserConfig = import('vitest/config').ViteUserConfig;
type Plugin = import('vitest/config').Plugin;
type MonitorReporter = import('./reporters/monitor-reporter.ts').MonitorReporter;
type RunMode = import('./runner/monitor-run.ts').RunMode;

const { accessSync, constants, readFileSync, rmSync, truncateSync } = require('node:fs') as typeof import('node:fs');
const os = require('node:os') as typeof import('node:os');
const path = require('node:path') as typeof import('node:path');
const { pathToFileURL } = require('node:url') as typeof import('node:url');
const { parseEnv } = require('node:util') as typeof import('node:util');

const cores = os.availableParallelism();

/** Tests that start processes, and mostly wait for them. */
const endToEnd: ViteUserConfig['test'] = {
  globalSetup: ['packaging/ensure-package.ts'],
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

/** `test` is what vitest takes where no mode was given. */
const runModes: Readonly<Record<string, RunMode>> = { test: 'live', offline: 'offline' };

module.exports = async ({ mode }: ConfigEnv): Promise<ViteUserConfig> => {
  const { describeUnsupportedNode } = require('./host/node-version.js') as typeof import('./host/node-version.js');
  const unsupported = describeUnsupportedNode(process.version);
  const test = ownTests[mode];
  if (unsupported !== undefined) {
    if (test === undefined) removeReport(guessResultsDir());
    fail(unsupported);
  }
  if (test !== undefined) {
    return { test: { watch: false, pool: 'threads', setupFiles: ['e2e/harness/loopback-only.ts'], ...test } };
  }
  return await monitorRun(mode).catch(failWithoutReports);
};

/** A run of the monitor. What keeps it from starting is reported like a failure of its first step. */
async function monitorRun(modeName: string): Promise<ViteUserConfig> {
  await load('./host/compile-cache.js');
  const [
    { surviveOutputErrors },
    { readEnvFile },
    { chooseBaseDir },
    { checkResultsDir, readResultsDir },
    { outline },
    { createMonitorReporter },
  ] = await Promise.all([
    load<typeof import('./host/output-errors.ts')>('./host/output-errors.ts'),
    load<typeof import('./host/env-file.ts')>('./host/env-file.ts'),
    load<typeof import('./host/results-dir.ts')>('./host/results-dir.ts'),
    load<typeof import('./host/results-dir.ts')>('./host/results-dir.ts'),
    load<typeof import('./suites/awsiam/outline.ts')>('./suites/awsiam/outline.ts'),
    load<typeof import('./reporters/create-monitor-reporter.ts')>('./reporters/create-monitor-reporter.ts'),
  ]);
  surviveOutputErrors(process);
  leaveClosedDirectory();
  const baseDir = chooseBaseDir(__dirname, process.cwd());
  const envFile = readEnvFile(baseDir, process.env);
  // The monitor's worker thread and the AWS SDK read the environment.
  Object.assign(process.env, envFile.added);
  const values = process.env;
  const resultsDir = readResultsDir(values, baseDir);
  const startProblems = [...envFile.problems, ...checkResultsDir(values, baseDir)];
  const mode = runModes[modeName] ?? 'offline';
  const reporter = createMonitorReporter({ monitor: outline, mode, values, root: __dirname, resultsDir });
  // vitest itself may still refuse to start, such as for a reporter that does not exist.
  process.once('exit', (code) => {
    if (code !== 0 && !reporter.isReporting) removeReport(resultsDir);
  });
  const problem = runModes[modeName] === undefined ? await describeUnknownMode(modeName) : findMissingPackage(mode);
  if (problem !== undefined) {
    await reporter.failToStart({ name: 'ConfigError', code: 'ConfigError', message: problem });
    process.exit(1);
  }
  const [{ takeOverSignals }, { keepUnhandledErrors }] = await Promise.all([
    load<typeof import('./runner/vitest/take-over-signals.ts')>('./runner/vitest/take-over-signals.ts'),
    load<typeof import('./runner/vitest/unhandled-errors.ts')>('./runner/vitest/unhandled-errors.ts'),
  ]);
  return {
    // Also where `--config` names this file and the working directory is another one.
    root: __dirname,
    // Vite would read .env as well, for variables that it puts into pages.
    envDir: false,
    plugins: [
      takeOverSignals({ errorOutput: process.stderr }),
      keepUnhandledErrors({ errorOutput: process.stderr }),
      await hideApiToken(resultsDir),
      addReporter(reporter),
      listSteps(),
    ],
    test: {
      include: ['suites/**/*.suite.ts'],
      setupFiles: mode === 'offline' ? ['mocks/install.ts'] : [],
      provide: { runMode: mode, startProblems },
      reporters: [reporter],
      onConsoleLog: (text) => {
        reporter.printLog(text);
        return false;
      },
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

/** Node.js starts no worker in a directory that this user may not enter, as after `sudo -u awsiam` in the home of root. */
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

/** A monitoring host needs no mock, so the packages that the mock is made of are development dependencies. */
function findMissingPackage(mode: RunMode): string | undefined {
  if (mode === 'live') return undefined;
  try {
    require.resolve('aws-sdk-client-mock');
    return undefined;
  } catch {
    return 'an offline run needs the development packages: install with "npm ci", without --omit=dev';
  }
}

/**
 * vitest writes a token for its API, which is not used here, to the user's data directory, and does not start where it
 * cannot. It gets a private directory for that moment.
 */
async function hideApiToken(resultsDir: string): Promise<Plugin> {
  const { makePrivateDir } = await load<typeof import('./host/make-dir.ts')>('./host/make-dir.ts');
  const places = [resultsDir, os.tmpdir(), '/dev/shm'];
  const dir = await makePrivateDir(places);
  if (dir === undefined)
    fail(
      `awsiam cannot start: none of ${places.join(', ')} takes a file. Make room in one of them, or make it writable for this user.`,
    );
  const { XDG_DATA_HOME: before } = process.env;
  process.env['XDG_DATA_HOME'] = dir.path;
  return {
    name: 'hide-api-token',
    async configureVitest() {
      if (before === undefined) delete process.env['XDG_DATA_HOME'];
      else process.env['XDG_DATA_HOME'] = before;
      await dir.remove();
    },
  };
}

/** `--reporter` replaces the reporters of this file, but a run without ours would report nothing. */
function addReporter(reporter: MonitorReporter): Plugin {
  return {
    name: 'add-reporter',
    configureVitest({ vitest }) {
      const { reporters } = vitest.config;
      if (reporters.flat().includes(reporter)) return;
      reporter.standBesideAnother();
      reporters.push(reporter);
    },
  };
}

/** `vitest list` looks for tests in the text of a suite. The steps are made by a function: they are there once it has run. */
function listSteps(): Plugin {
  return {
    name: 'list-steps',
    configureVitest({ vitest }) {
      const collect = vitest.collect.bind(vitest);
      vitest.collect = async (filters, options) => await collect(filters, { ...options, staticParse: false });
    },
  };
}

/** By Node itself: Vite would bundle all that stands behind an import of this file at every start. */
async function load<Module>(file: string): Promise<Module> {
  return (await import(pathToFileURL(path.join(__dirname, file)).href)) as Module;
}

/** Parts of this program did not load: nothing can be reported. */
function failWithoutReports(error: unknown): never {
  removeReport(guessResultsDir());
  const reason = error instanceof Error ? error.message.split('\n', 1)[0] : String(error);
  fail(`awsiam cannot start, and no report of this run could be written: ${reason}. Install it again with "npm ci".`);
}

/** Where the reports are, as far as that is known where no other file of this program can be loaded. */
function guessResultsDir(): string {
  const name = 'METRIST_RESULTS_DIR';
  let file: NodeJS.Dict<string> = {};
  try {
    file = parseEnv(readFileSync(path.join(__dirname, '.env'), 'utf8'));
  } catch {
    // There is none, it cannot be read, or this Node.js cannot parse it.
  }
  return path.resolve(__dirname, process.env[name]?.trim() || file[name]?.trim() || 'results');
}

/** Where a run writes no report, an older one must not stand for it. */
function removeReport(resultsDir: string): void {
  const file = path.join(resultsDir, 'junit.xml');
  try {
    rmSync(file, { force: true });
  } catch {
    try {
      // An empty document fails those who read it.
      truncateSync(file);
    } catch {
      // It belongs to somebody else, or the disk is read-only.
    }
  }
}

function fail(line: string): never {
  process.stderr.write(`${line}\n`);
  process.exit(1);
}
