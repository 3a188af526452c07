/**
 * `cli/run/vitest-run.ts` configures a run of the monitor. This file chooses between such a run and the project's own tests.
 *
 * It is CommonJS, because vitest would first bundle an ES module to a file in `node_modules`, which fails if the disk is
 * read-only or full. For the same reason package.json has no `"type"`, and each folder has its own. `load()` loads everything
 * else, so that this file also runs on a Node.js that is too old, and can say so.
 */
type ConfigEnv = import('vitest/config').ConfigEnv;
type ViteUserConfig = import('vitest/config').ViteUserConfig;

const os = require('node:os') as typeof import('node:os');
const path = require('node:path') as typeof import('node:path');
const { pathToFileURL } = require('node:url') as typeof import('node:url');
const { describeUnsupportedNode, removeOldReport } =
  require('./host/last-resort.js') as typeof import('./host/last-resort.js');

const cores = os.availableParallelism();

/** For tests that start processes and mostly wait for them. */
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
    // Many tests wait for a timer or a process, and vitest's default leaves a core idle.
    maxWorkers: cores * 2,
  },
  e2e: { include: ['e2e/**/*.test.ts'], exclude: ['e2e/deep/**'], ...endToEnd },
  deep: { include: ['e2e/deep/**/*.test.ts', '**/*.deep.test.ts'], exclude: ['node_modules/**'], ...endToEnd },
};

module.exports = async ({ mode }: ConfigEnv): Promise<ViteUserConfig> => {
  const unsupported = describeUnsupportedNode(process.version);
  const test = ownTests[mode];
  if (unsupported !== undefined) {
    if (test === undefined) removeOldReport(__dirname);
    fail(unsupported);
  }
  if (test !== undefined) {
    return {
      test: {
        watch: false,
        pool: 'threads',
        setupFiles: ['e2e/harness/loopback-only.ts', 'runner/testing/own-channels.ts'],
        ...test,
      },
    };
  }
  return await configureMonitorRun(mode).catch(failWithoutReports);
};

async function configureMonitorRun(mode: string): Promise<ViteUserConfig> {
  await load('./host/compile-cache.js');
  const run = await load<typeof import('./cli/run/vitest-run.ts')>('./cli/run/vitest-run.ts');
  return await run.configureMonitorRun(__dirname, mode);
}

/** Lets Node load a file. If this file imported it, Vite would bundle it and everything that it imports at every start. */
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
