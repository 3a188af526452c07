import type { Command } from 'commander';
import { toRecord } from '../../history/run-record.ts';
import { RunOutput } from '../../reporters/run-output.ts';
import { systemClock } from '../../runner/clock.ts';
import { Interruption } from '../../runner/interruption.ts';
import { StopSignals } from '../../runner/stop-signals.ts';
import { copyError } from '../../text/copy-error.ts';
import { type RunningContext, terminalOf } from '../command-context.ts';
import { durationOption } from '../options.ts';
import { claimRun, nothingToClaim } from './claim-run.ts';
import { runOnce } from './run-once.ts';
import { setUpRun } from './run-setup.ts';

interface RunArguments {
  readonly offline?: boolean;
  readonly json?: boolean;
  /** Milliseconds. @default 0 */
  readonly wait?: number;
}

/** Adds `awsiam run`, which does what `vitest run` does, without vitest. */
export function addRunCommand(program: Command, context: RunningContext): void {
  program
    .command('run')
    .description('run the steps once over AWS and report them, as "vitest run" does, but faster')
    .option('--offline', 'run them over a mock of IAM in memory')
    .option('--json', 'print the run as JSON, and everything else to stderr')
    .addOption(
      durationOption(
        '--wait <time>',
        'wait so long for another "awsiam run" or "awsiam watch" to end, such as 30s or 5m (default: do not wait)',
      ),
    )
    .action(async (options: RunArguments) => await runAndReport(options, context));
}

async function runAndReport(options: RunArguments, context: RunningContext): Promise<void> {
  const { offline = false, json = false, wait: waitMs = 0 } = options;
  const { values, output: stdout, errorOutput, onFailure } = context;
  const stop = new AbortController();
  const signals = new StopSignals({ errorOutput, stop: (signal) => stop.abort(new Interruption(signal)) });
  context.onSignal((signal) => signals.receive(signal));

  const screen = json ? errorOutput : stdout;
  const output = new RunOutput({
    output: screen,
    errorOutput,
    clock: systemClock,
    terminal: terminalOf({ output: screen, values }),
  });
  // Of errors while the settings are read or the reports are made. An error while the steps run is a problem of the run.
  using _ = context.onUnhandled((error) => {
    output.printRemark(`unhandled error; the run goes on: ${copyError(error).message}\n`);
    onFailure();
  });
  const setup = await setUpRun(values, { ...context, mode: offline ? 'offline' : 'live', frontEnd: 'run' });
  // An offline run touches nothing that two runs would share.
  using claim = offline
    ? nothingToClaim
    : await claimRun(setup, { command: 'run', waitMs, signal: stop.signal }, context);
  if (claim === undefined) return onFailure();
  const { run, isGood, isHanging } = await runOnce(
    { setup: { ...setup, warnings: [...setup.warnings, ...claim.warnings] }, signal: stop.signal, output },
    context,
  );
  if (json)
    stdout.write(
      `${JSON.stringify(toRecord(run, { intervalSecs: setup.intervalSecs, frontEnd: 'run' }), undefined, 2)}\n`,
    );
  if (!isGood) onFailure();
  if (isHanging) context.endAtOnce();
}
