import '../../host/compile-cache.js';
import path from 'node:path';
import type { ConfigEnv, ViteUserConfig } from 'vitest/config';
import { describeUnsupportedNode, removeOldReport } from '../../host/last-resort.js';
import type { RunReporter } from '../../reporters/run-reporter.ts';

export interface MonitorOptions {
  /** More destinations for each finished run. They come after our own. @default none */
  readonly reporters?: readonly RunReporter[];
}

/** A vitest config as a function. Without a mode, or with vitest's own mode `test`, the run is live. */
export type MonitorConfig = (env: Pick<ConfigEnv, 'mode'>) => Promise<ViteUserConfig>;

/**
 * Makes the vitest config that runs the monitor in another project, which imports it as `awsiam/vitest`. The project's
 * directory is where `.env` and the results are.
 */
export function configureMonitor({ reporters = [] }: MonitorOptions = {}): MonitorConfig {
  return async ({ mode }) => {
    const unsupported = describeUnsupportedNode(process.version, false);
    if (unsupported !== undefined) {
      removeOldReport(process.cwd());
      process.stderr.write(`${unsupported}\n`);
      process.exit(1);
    }
    const { configureMonitorRun } = await import('./vitest-run.ts');
    return await configureMonitorRun(path.resolve(import.meta.dirname, '../..'), mode, reporters);
  };
}

/** The config without options: `export { default } from 'awsiam/vitest';` */
export default configureMonitor();
