import packageJson from '../package.json' with { type: 'json' };
import { parseMetristConfig } from '../metrist/config.ts';
import { systemClock } from '../runner/clock.ts';
import type { Monitor, Values } from '../runner/monitor.ts';
import type { RunMode } from '../runner/monitor-run.ts';
import { hideSecrets, redact } from '../runner/redact.ts';
import { scrubUnhandledErrors } from '../runner/scrub-unhandled-errors.ts';
import { MonitorReporter } from './monitor-reporter.ts';

export interface CreateMonitorReporterOptions {
  readonly monitor: Pick<Monitor<unknown, never>, 'name' | 'steps' | 'secrets'>;
  readonly mode: RunMode;
  readonly values: Values;
  /** The project's directory. */
  readonly root: string;
}

/** Joins the vitest reporter of a monitor to the process it runs in: its environment, its streams, its exit code. */
export function createMonitorReporter({ monitor, mode, values, root }: CreateMonitorReporterOptions): MonitorReporter {
  hideSecrets(monitor.secrets(values));
  const { name, version } = packageJson;
  const instance = parseMetristConfig(values).config?.instance ?? values['METRIST_INSTANCE_ID'];
  return new MonitorReporter({
    monitor: monitor.name,
    stepNames: monitor.steps.map((step) => step.name),
    version,
    mode,
    ...(instance && { instance }),
    root,
    // Loaded while the steps run in their worker.
    createReporters: async () => {
      // vitest listens for such errors by now, and prints those of this process itself.
      scrubUnhandledErrors();
      const { createReporters } = await import('./create-reporters.ts');
      const stepsFile = `suites/${monitor.name}/steps.ts`;
      return await createReporters(values, { mode, stepsFile, userAgent: `${name}/${version}` });
    },
    terminal: { color: process.stdout.hasColors?.() ?? false, nameWidth: 20 },
    output: process.stdout,
    errorOutput: process.stderr,
    redact,
    clock: systemClock,
    setExitCode: (code) => {
      process.exitCode = code;
    },
  });
}
