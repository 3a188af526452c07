import dotenv from 'dotenv';
import { defineConfig, type ViteUserConfig } from 'vitest/config';
import './runner/compile-cache.ts';
import type { RunMode } from './runner/monitor-run.ts';
import { takeOverSignals } from './runner/take-over-signals.ts';

/** What `--mode` can be. `test` is what vitest takes where none was given: a live run. The last two are this project's own tests. */
const modes: Readonly<Record<string, () => ViteUserConfig | Promise<ViteUserConfig>>> = {
  test: () => monitorRun('live'),
  offline: () => monitorRun('offline'),
  unit: () => ownTests({ include: ['**/*.test.ts'], exclude: ['e2e/**', 'node_modules/**'] }),
  e2e: () =>
    ownTests({
      include: ['e2e/**/*.test.ts'],
      globalSetup: ['packaging/ensure-package.ts'],
      testTimeout: 120_000,
      maxConcurrency: 16,
    }),
};

export default defineConfig(async ({ mode }) => {
  const configure = modes[mode];
  if (configure !== undefined) return await configure();
  throw new Error(`Unknown mode "${mode}". For a live run give no --mode; for a run over the mock: --mode offline.`);
});

async function monitorRun(mode: RunMode): Promise<ViteUserConfig> {
  if (mode === 'offline') requireMockPackages();
  // Quiet: its log lines would be taken for part of the output.
  dotenv.config({ quiet: true });
  const [{ outline }, { createMonitorReporter }] = await Promise.all([
    importByNode<typeof import('./suites/awsiam/outline.ts')>('./suites/awsiam/outline.ts'),
    importByNode<typeof import('./reporters/create-monitor-reporter.ts')>('./reporters/create-monitor-reporter.ts'),
  ]);
  const reporter = createMonitorReporter({ monitor: outline, mode, values: process.env, root: import.meta.dirname });
  return {
    plugins: [takeOverSignals({ errorOutput: process.stderr })],
    test: {
      include: ['suites/**/*.suite.ts'],
      setupFiles: mode === 'offline' ? ['mocks/install.ts'] : [],
      provide: { runMode: mode },
      reporters: [reporter],
      watch: false,
      // One worker is enough, and it needs no Vite to run TypeScript that Node runs as it is.
      pool: 'threads',
      maxWorkers: 1,
      server: { deps: { external: [/\/(metrist|mocks|runner|suites)\/.*\.ts$/] } },
    },
  };
}

/** A monitoring host needs no mock, so what it is made of is a development dependency. */
function requireMockPackages(): void {
  try {
    import.meta.resolve('aws-sdk-client-mock');
  } catch {
    throw new Error('An offline run needs the development packages: install with "npm ci", without --omit=dev.');
  }
}

/** Vite would bundle all that stands behind an import of this file at every start, where Node runs it as it is. */
async function importByNode<Module>(path: string): Promise<Module> {
  return (await import(new URL(path, import.meta.url).href)) as Module;
}

function ownTests(test: ViteUserConfig['test']): ViteUserConfig {
  return { test: { watch: false, pool: 'threads', setupFiles: ['e2e/harness/loopback-only.ts'], ...test } };
}
