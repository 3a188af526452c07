import { channel } from 'node:diagnostics_channel';
import fs from 'node:fs';
import fsPromises, { type FileHandle } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { defaultHistorySettings } from '../../history/history-settings.ts';
import type { StepResult } from '../../runner/step-result.ts';

/**
 * A process that reports one finished run as vitest's reporter does. It kills itself with SIGKILL at the given point:
 * before or after an operation in the results directory, halfway through a file, or at an event of a request. It prints
 * the name of each point, then the summary, and `done` if it was not killed.
 */
export interface KillableRun {
  readonly values: Readonly<Record<string, string>> & { readonly METRIST_RESULTS_DIR: string };
  readonly steps: readonly StepResult[];
  /** The number of the point, from 1. @default never */
  readonly killAt?: number;
}

const { values, steps, killAt } = JSON.parse(process.argv[2] ?? '') as KillableRun;
const dir = values.METRIST_RESULTS_DIR;

let points = 0;
function point(name: string): void {
  fs.writeSync(1, `${name}\n`);
  if (++points === killAt) process.kill(process.pid, 'SIGKILL');
}

const isOurs = (args: readonly unknown[]): boolean =>
  args.some((arg) => typeof arg === 'string' && arg.startsWith(dir));
const labelOf = (name: string, args: readonly unknown[]): string =>
  `${name} ${args.filter((arg) => typeof arg === 'string' && arg.startsWith(dir)).join(' to ')}`;

const operations = ['mkdir', 'open', 'readdir', 'readFile', 'rename', 'rmdir', 'unlink', 'writeFile'] as const;
const disk = fsPromises as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>;
for (const name of operations) {
  const original = disk[name];
  if (original === undefined) throw new Error(`there is no fs.promises.${name}`);
  disk[name] = async (...args) => {
    if (!isOurs(args)) return await original(...args);
    const label = labelOf(name, args);
    point(`before ${label}`);
    if (name === 'writeFile') {
      const [file = '', content = ''] = args.map(String);
      fs.writeFileSync(file, content.slice(0, content.length / 2));
      point(`in the middle of ${label}`);
    }
    const result = await original(...args);
    point(`after ${label}`);
    if (name === 'open') watchWrites(result as FileHandle, labelOf('write', args));
    return result;
  };
}

/** Makes each write to an open file a point, and the middle of a whole file another one. */
function watchWrites(handle: FileHandle, label: string): void {
  const write = handle.write.bind(handle) as (buffer: Buffer) => Promise<{ bytesWritten: number; buffer: Buffer }>;
  Object.assign(handle, {
    writeFile: async (text: string) => {
      const bytes = Buffer.from(text);
      const middle = Math.floor(bytes.length / 2);
      await write(bytes.subarray(0, middle));
      point(`in the middle of ${label}`);
      await write(bytes.subarray(middle));
      point(`after ${label}`);
    },
    write: async (buffer: Buffer) => {
      const result = await write(buffer);
      point(`after ${label}`);
      return result;
    },
  });
}

syncBuiltinESMExports();

for (const event of [
  'request:create',
  'client:sendHeaders',
  'request:bodySent',
  'request:headers',
  'request:trailers',
]) {
  channel(`undici:${event}`).subscribe(() => point(`undici:${event}`));
}

const { createReporters } = await import('../../reporters/create-reporters.ts');
const { parseMetristConfig } = await import('../../metrist/config.ts');
const { config } = parseMetristConfig(values);
const { MonitorReporter } = await import('../../reporters/monitor-reporter.ts');
const { fakeModule, fakeSuite, fakeTest } = await import('../../reporters/testing/fake-vitest.ts');
const { systemClock } = await import('../../runner/clock.ts');
const reporter = new MonitorReporter({
  monitor: 'awsiam',
  stepNames: steps.map(({ name }) => name),
  version: '0.1.0',
  mode: 'live',
  createReporters: () =>
    createReporters({
      mode: 'live',
      frontEnd: 'vitest',
      resultsDir: dir,
      history: defaultHistorySettings,
      operations: {},
      stepsFile: 'suites/awsiam/steps.ts',
      ...(config && { metrist: { config, userAgent: 'awsiam/0.1.0', values } }),
    }),
  root: '/project',
  terminal: { color: false, columns: 10_000 },
  output: { write: (text) => fs.writeSync(1, text) },
  errorOutput: { write: () => true },
  clock: systemClock,
  setExitCode: () => {},
});
reporter.onTestRunStart();
const tests = steps.map((step) => fakeTest(step.name, { step, state: step.state === 'failed' ? 'failed' : 'passed' }));
await reporter.onTestRunEnd([fakeModule([fakeSuite(tests)])], [], 'failed');
fs.writeSync(1, 'done\n');
