import { rm } from 'node:fs/promises';
import path from 'node:path';
import packageJson from '../package.json' with { type: 'json' };
import { readInstance } from '../metrist/config.ts';
import { systemClock } from '../runner/clock.ts';
import type { Monitor, Values } from '../runner/monitor.ts';
import type { RunMode } from '../runner/monitor-run.ts';
import { hideSecrets, redact } from '../text/redact.ts';
import { MonitorReporter } from './monitor-reporter.ts';
import { columnsOf } from '../text/terminal.ts';

export interface CreateMonitorReporterOptions {
  readonly monitor: Pick<Monitor<unknown, never>, 'name' | 'steps' | 'findSettingWarnings' | 'secrets'>;
  readonly mode: RunMode;
  readonly values: Values;
  /** The project's directory. */
  readonly root: string;
  /** Absolute. */
  readonly resultsDir: string;
}

/** Lets vitest close what it has open before a hanging process ends itself. */
const hangGraceMs = 1000;

/** Joins the vitest reporter of a monitor to the process it runs in: its environment, its streams, its exit code. */
export function createMonitorReporter(options: CreateMonitorReporterOptions): MonitorReporter {
  const { monitor, mode, values, root, resultsDir } = options;
  hideSecrets(monitor.secrets(values));
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
      try {
        const { createReporters } = await import('./create-reporters.ts');
        const stepsFile = `suites/${monitor.name}/steps.ts`;
        return await createReporters(values, { mode, resultsDir, stepsFile, userAgent: `${name}/${version}` });
      } catch (error) {
        // There will be no report of this run, and an older one must not stand for it.
        await rm(path.join(resultsDir, 'junit.xml'), { force: true }).catch(() => {});
        throw error;
      }
    },
    terminal: {
      color: process.stdout.hasColors?.() ?? false,
      nameWidth: 20,
      // Asked for each time: a window can be resized during a run.
      get columns() {
        return columnsOf(process.stdout, values);
      },
    },
    output: process.stdout,
    errorOutput: process.stderr,
    redact,
    clock: systemClock,
    setExitCode: (code) => {
      process.exitCode = code;
    },
    onHang: () => {
      // Node waits at its end for every thread, also for one that waits for a disk.
      process.once('exit', () => process.kill(process.pid, 'SIGKILL'));
      setTimeout(() => process.exit(), hangGraceMs).unref();
    },
  });
}
