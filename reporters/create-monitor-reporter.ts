import { removeReport } from '../host/last-resort.js';
import packageJson from '../package.json' with { type: 'json' };
import type { ParsedMetristConfig } from '../metrist/config.ts';
import { systemClock } from '../runner/clock.ts';
import type { Monitor, Values } from '../runner/monitor.ts';
import type { RunMode } from '../runner/monitor-run.ts';
import { hideSecrets } from '../text/redact.ts';
import { columnsOf } from '../text/terminal.ts';
import { MonitorReporter } from './monitor-reporter.ts';

interface CreateMonitorReporterOptions {
  readonly monitor: Pick<Monitor<unknown, never>, 'name' | 'steps' | 'findSettingWarnings' | 'secrets'>;
  readonly mode: RunMode;
  readonly values: Values;
  /** The project's directory. */
  readonly root: string;
  /** Absolute. */
  readonly resultsDir: string;
  readonly metrist: Pick<ParsedMetristConfig, 'config' | 'instance'>;
}

/** A process that hangs ends itself this long after the run. vitest closes what it has open in the meantime. */
const hangGraceMs = 1000;

/** Connects the vitest reporter of a monitor to its process: environment, streams, exit code. */
export function createMonitorReporter(options: CreateMonitorReporterOptions): MonitorReporter {
  const { monitor, mode, values, root, resultsDir, metrist } = options;
  hideSecrets(monitor.secrets(values));
  const { name, version } = packageJson;
  return new MonitorReporter({
    monitor: monitor.name,
    stepNames: monitor.steps.map((step) => step.name),
    version,
    mode,
    ...(metrist.instance !== undefined && { instance: metrist.instance }),
    warnings: monitor.findSettingWarnings(values, mode),
    root,
    // Loaded while the steps run in their worker.
    createReporters: async () => {
      try {
        const { createReporters } = await import('./create-reporters.ts');
        return await createReporters({
          resultsDir,
          stepsFile: `suites/${monitor.name}/steps.ts`,
          // An offline run sends nothing.
          metrist: mode === 'live' ? metrist.config : undefined,
          userAgent: `${name}/${version}`,
          values,
        });
      } catch (error) {
        // This run has no report, and that of an earlier run would look like it.
        removeReport(resultsDir);
        throw error;
      }
    },
    terminal: {
      color: process.stdout.hasColors?.() ?? false,
      // Read each time, because a window can be resized during a run.
      get columns() {
        return columnsOf(process.stdout, values);
      },
    },
    output: process.stdout,
    errorOutput: process.stderr,
    clock: systemClock,
    setExitCode: (code) => {
      process.exitCode = code;
    },
    onHang: () => {
      // Before it ends, Node waits for every thread, even for one that waits for a disk.
      process.once('exit', () => process.kill(process.pid, 'SIGKILL'));
      setTimeout(() => process.exit(), hangGraceMs).unref();
    },
  });
}
