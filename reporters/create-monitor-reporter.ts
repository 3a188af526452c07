import packageJson from '../package.json' with { type: 'json' };
import { parseMetristConfig } from '../metrist/config.ts';
import { systemClock } from '../runner/clock.ts';
import type { RunMode } from '../runner/monitor-run.ts';
import type { Values } from '../runner/monitor.ts';
import { createRedactor } from '../runner/redact.ts';
import { awsiam } from '../suites/awsiam/monitor.ts';
import { MonitorReporter } from './monitor-reporter.ts';

/** Joins the vitest reporter of the monitor to the process it runs in: its environment, its streams, its exit code. */
export function createMonitorReporter(mode: RunMode, values: Values, root: string): MonitorReporter {
  const { name, version } = packageJson;
  const instance = parseMetristConfig(values).config?.instance ?? values['METRIST_INSTANCE_ID'];
  return new MonitorReporter({
    monitor: awsiam.name,
    stepNames: awsiam.steps.map((step) => step.name),
    version,
    mode,
    ...(instance && { instance }),
    root,
    // Loaded while the steps run in their worker.
    createReporters: async () => {
      const { createReporters } = await import('./create-reporters.ts');
      return createReporters(values, mode, `${name}/${version}`);
    },
    terminal: { color: process.stdout.hasColors?.() ?? false, nameWidth: 20 },
    output: process.stdout,
    errorOutput: process.stderr,
    redact: createRedactor(awsiam.secrets(values)),
    clock: systemClock,
    setExitCode: (code) => {
      process.exitCode = code;
    },
  });
}
