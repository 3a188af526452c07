import { Console } from 'node:console';
import path from 'node:path';
import { Writable } from 'node:stream';
import type { CreateReportersOptions } from '../../reporters/create-reporters.ts';
import { collectRun, withRelativeStacks } from '../../reporters/collect-run.ts';
import type { FinishedRun, RunOutput } from '../../reporters/run-output.ts';
import { systemClock } from '../../runner/clock.ts';
import type { MonitorRun } from '../../runner/monitor-run.ts';
import type { Values } from '../../runner/monitor.ts';
import { performRun } from '../../runner/perform-run.ts';
import { copyError } from '../../text/copy-error.ts';
import { redact } from '../../text/redact.ts';
import type { CommandContext } from '../command-context.ts';
import type { RunSetup } from './run-setup.ts';

interface RunOnceOptions extends Pick<MonitorRun, 'skippedBeats'> {
  readonly setup: RunSetup;
  /** Aborted when the run has to stop. */
  readonly signal: AbortSignal;
  readonly output: RunOutput;
  /** Given by a caller that prepares the monitor's code itself. @default each run does it */
  readonly prepared?: Promise<void>;
  /** What the reporters get besides the settings. */
  readonly reporting?: Partial<CreateReportersOptions>;
}

export interface OnceRun extends FinishedRun {
  readonly run: MonitorRun;
}

/** Performs one run in this process, shows it and reports it. Never rejects: whatever goes wrong is in the run or in a report. */
export async function runOnce(
  options: RunOnceOptions,
  context: Pick<CommandContext, 'self' | 'values' | 'envFile' | 'onUnhandled'>,
): Promise<OnceRun> {
  const { setup, output, reporting } = options;
  using _ = redirectConsole(output);
  output.begin();
  // Loaded before the steps, because loading code takes time that would count as a step's.
  const reporters = setup.createReporters(reporting);
  await Promise.allSettled([reporters]);
  const [, program] = context.self;
  const performed = await perform(options, context);
  // Stacks in the executable name no files.
  const run = program === undefined ? performed : withRelativeStacks(performed, path.dirname(path.dirname(program)));
  return { ...(await output.finish(run, () => reporters, options.signal)), run };
}

async function perform(
  { setup, signal, output, prepared, skippedBeats }: RunOnceOptions,
  { values, envFile, onUnhandled }: Pick<CommandContext, 'values' | 'envFile' | 'onUnhandled'>,
): Promise<MonitorRun> {
  const startedAt = systemClock.now();
  try {
    using _ = setup.mode === 'offline' ? await openMock(values) : undefined;
    const { awsiam } = await import('../../suites/awsiam/monitor.ts');
    return await performRun(awsiam, {
      ...setup,
      values,
      howToConfigure: `Set the variables in the environment or in the file ${envFile} (.env.example shows how); to see the steps run without AWS: awsiam run --offline`,
      signal,
      onUnhandled,
      onStep: (step) => output.printStep(step),
      ...(prepared && { prepared }),
      ...(skippedBeats !== undefined && { skippedBeats }),
    });
  } catch (error) {
    // The monitor's code did not load, or the settings of the mock are wrong.
    const { message, stack = '', code = '' } = copyError(error) as Error & { readonly code?: string };
    const ended = { testModules: [], unhandledErrors: [{ message, stack, code }], reason: 'failed' } as const;
    const run = collectRun(ended, { ...setup, startedAt, elapsedMs: 0 });
    return redact.value({ ...run, ...(skippedBeats && { skippedBeats }) });
  }
}

/** Shows what the run's code prints as remarks: stdout belongs to the results. A command's streams hide secrets. */
function redirectConsole(output: RunOutput): Disposable {
  const stream = new Writable({
    decodeStrings: false,
    write(text, _, done) {
      output.printRemark(String(text));
      done();
    },
  });
  const before = { ...console };
  Object.assign(console, new Console({ stdout: stream, stderr: stream }));
  return { [Symbol.dispose]: () => Object.assign(console, before) };
}

async function openMock(values: Values): Promise<Disposable> {
  const { openOfflineIam } = await import('../../mocks/offline-iam.ts');
  return openOfflineIam(values);
}
