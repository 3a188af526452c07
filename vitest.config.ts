import dotenv from 'dotenv';
import { defineConfig, type ViteUserConfig } from 'vitest/config';
import './runner/compile-cache.ts';
import type { RunMode } from './runner/monitor-run.ts';

const ownTests = { setupFiles: ['e2e/harness/loopback-only.ts'] };

/** What `--mode` can be. `test` is what vitest takes where none was given: a live run. The last two are this project's own tests. */
const modes: Readonly<Record<string, () => Promise<ViteUserConfig['test']>>> = {
  test: () => monitorRun('live'),
  offline: () => monitorRun('offline'),
  unit: async () => ({ ...ownTests, include: ['**/*.test.ts'], exclude: ['e2e/**', 'node_modules/**'] }),
  e2e: async () => ({ ...ownTests, include: ['e2e/**/*.test.ts'], testTimeout: 120_000 }),
};

export default defineConfig(async ({ mode }) => {
  const test = modes[mode];
  if (test === undefined) {
    throw new Error(`Unknown mode "${mode}". For a live run give no --mode; for a run over the mock: --mode offline.`);
  }
  return { test: { pool: 'threads', watch: false, ...(await test()) } };
});

async function monitorRun(mode: RunMode): Promise<ViteUserConfig['test']> {
  // Quiet: its log lines would be taken for part of the output.
  dotenv.config({ quiet: true });
  // By Node itself, as below: Vite would bundle all that stands behind it at every start.
  const url = new URL('./reporters/create-monitor-reporter.ts', import.meta.url).href;
  const { createMonitorReporter } = (await import(url)) as typeof import('./reporters/create-monitor-reporter.ts');
  return {
    include: ['suites/**/*.suite.ts'],
    setupFiles: ['runner/compile-cache.ts', ...(mode === 'offline' ? ['mocks/install.ts'] : [])],
    provide: { runMode: mode },
    reporters: [createMonitorReporter(mode, process.env, import.meta.dirname)],
    // One worker is enough, and it needs no Vite to run TypeScript that Node runs as it is.
    maxWorkers: 1,
    server: { deps: { external: [/\/(metrist|mocks|runner|suites)\/.*\.ts$/] } },
  };
}
