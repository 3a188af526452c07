import packageJson from '../package.json' with { type: 'json' };
import { readInstance } from '../metrist/config.ts';
import { systemClock } from '../runner/clock.ts';
import type { Monitor, Values } from '../runner/monitor.ts';
import type { RunMode } from '../runner/monitor-run.ts';
import { createRedactor } from '../runner/redact.ts';
import { MonitorReporter } from './monitor-reporter.ts';

export interface CreateMonitorReporterOptions {
  readonly monitor: Pick<Monitor<unknown, never>, 'name' | 'steps' | 'findSettingWarnings' | 'secrets'>;
  readonly mode: RunMode;
  readonly values: Values;
  /** The project's directory. */
  readonly root: string;
}

/** Joins the vitest reporter of a monitor to the process it runs in: its environment, its streams, its exit code. */
export function createMonitorReporter({ monitor, mode, values, root }: CreateMonitorReporterOptions): MonitorReporter {
  const { name, version } = packageJson;
  const instance = readInstance(values).value;
  return new MonitorReporter({
    monitor: monitor.name,
    stepNames: monitor.steps.map((step) => step.name),
    version,
    mode,
    ...(instance !== undefined && { instance }),
    warnings: monitor.findSettingWarnings(values, mode),
    root,
    // Loaded while the steps run in their worker.
    createReporters: async () => {
      const { createReporters } = await import('./create-reporters.ts');
      const stepsFile = `suites/${monitor.name}/steps.ts`;
      return await createReporters(values, { mode, stepsFile, userAgent: `${name}/${version}` });
    },
    terminal: { color: process.stdout.hasColors?.() ?? false, nameWidth: 20 },
    output: process.stdout,
    errorOutput: process.stderr,
    redact: createRedactor(monitor.secrets(values)),
    clock: systemClock,
    setExitCode: (code) => {
      process.exitCode = code;
    },
  });
}
