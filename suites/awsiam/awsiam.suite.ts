import { inject } from 'vitest';
import type { RunMode } from '../../runner/monitor-run.ts';
import type { ParsedSettings } from '../../runner/settings.ts';
import { describeMonitor } from '../../runner/vitest/describe-monitor.ts';
import { awsiam } from './monitor.ts';
import type { Config } from './settings/config.ts';

declare module 'vitest' {
  /** From cli/run/vitest-run.ts. */
  interface ProvidedContext {
    mode: RunMode;
    /** The settings. Their problems include everything else that is wrong with how the run was started. */
    settings: ParsedSettings<Config>;
  }
}

describeMonitor(awsiam, {
  settings: inject('settings'),
  mode: inject('mode'),
  values: process.env,
  howToConfigure:
    'Set the variables in the environment or in the file .env (.env.example shows how); to see the steps run without AWS: npx vitest run --mode offline',
});
