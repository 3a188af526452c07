import path from 'node:path';
import dotenv from 'dotenv';
import { defineConfig, type ViteUserConfig } from 'vitest/config';
import packageJson from './package.json' with { type: 'json' };
import { createMetristApi } from './metrist/api.ts';
import { parseMetristConfig } from './metrist/config.ts';
import { JunitReporter } from './reporters/junit.ts';
import { MetristReporter } from './reporters/metrist.ts';
import { MonitorReporter } from './reporters/monitor-reporter.ts';
import { systemClock } from './runner/clock.ts';
import type { RunMode } from './runner/monitor-run.ts';
import type { RunReporter } from './runner/run-reporter.ts';
import { createRedactor } from './runner/redact.ts';
import { secretsOf } from './suites/awsiam/secrets.ts';
import { steps } from './suites/awsiam/steps.ts';

/** `test` is what vitest's mode is where none was asked for: a live run. The last two are this project's own tests. */
const modes: Readonly<Record<string, () => ViteUserConfig['test']>> = {
  test: () => monitorRun('live'),
  offline: () => monitorRun('offline'),
  unit: () => ({ include: ['**/*.test.ts'], exclude: ['e2e/**', 'node_modules/**'] }),
  e2e: () => ({ include: ['e2e/**/*.test.ts'], testTimeout: 60_000, hookTimeout: 60_000 }),
};

export default defineConfig(({ mode }) => {
  const test = modes[mode];
  if (test === undefined) {
    throw new Error(`Unknown mode "${mode}". For a live run give no --mode; for a run over the mock: --mode offline.`);
  }
  return { test: { pool: 'threads', watch: false, ...test() } };
});

function monitorRun(mode: RunMode): ViteUserConfig['test'] {
  // Quiet: its log lines would be taken for part of the output.
  dotenv.config({ quiet: true });
  const values = process.env;
  const resultsDir = values['METRIST_RESULTS_DIR'] || 'results';
  const userAgent = `${packageJson.name}/${packageJson.version}`;
  const { config: metrist } = parseMetristConfig(values);
  const reporters: RunReporter[] = [new JunitReporter({ file: path.join(resultsDir, 'junit.xml') })];
  if (mode === 'live' && metrist !== undefined) {
    reporters.push(
      new MetristReporter({ api: createMetristApi({ ...metrist, userAgent }), instance: metrist.instance }),
    );
  }
  return {
    include: ['suites/**/*.suite.ts'],
    setupFiles: mode === 'offline' ? ['mocks/install.ts'] : [],
    provide: { runMode: mode },
    maxWorkers: 1,
    reporters: [
      new MonitorReporter({
        monitor: 'awsiam',
        stepNames: steps.map(({ name }) => name),
        version: packageJson.version,
        mode,
        ...(values['METRIST_INSTANCE_ID'] && { instance: values['METRIST_INSTANCE_ID'] }),
        reporters,
        terminal: { color: process.stdout.hasColors?.() ?? false, nameWidth: 20 },
        output: process.stdout,
        errorOutput: process.stderr,
        redact: createRedactor(secretsOf(values)),
        clock: systemClock,
        setExitCode: (code) => {
          process.exitCode = code;
        },
      }),
    ],
  };
}
