import { inject } from 'vitest';
import { parseMetristConfig } from '../../metrist/config.ts';
import { describeMonitor } from '../../runner/vitest/describe-monitor.ts';
import type { RunMode } from '../../runner/monitor-run.ts';
import { awsiam } from './monitor.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** From vitest.config.ts: the same value that decides whether the mock is installed. */
    runMode: RunMode;
    /** What was found wrong before the run started, a sentence each. */
    startProblems: readonly string[];
  }
}

const mode = inject('runMode');
const otherProblems = [
  ...inject('startProblems'),
  ...(mode === 'live' ? parseMetristConfig(process.env).problems : []),
];
describeMonitor(awsiam, {
  values: process.env,
  mode,
  otherProblems,
  howToConfigure:
    'Set the variables in the environment or in the file .env (.env.example shows how); to see the steps run without AWS: npx vitest run --mode offline',
});
