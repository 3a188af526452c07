import { readInstance } from '../../metrist/config.ts';
import {
  type DriveEvent,
  type DriveReport,
  isFlawless,
  orchestratorLimits,
} from '../../metrist/protocol/drive/drive-report.ts';
import { hideSecrets, type Secret } from '../../text/redact.ts';
import { driveMonitor } from '../../metrist/protocol/drive/drive-monitor.ts';
import { MonitorStartError } from '../../metrist/protocol/drive/monitor-process.ts';
import { toReportedResults } from '../../metrist/protocol/drive/reported-results.ts';
import type { CommandContext } from '../command-context.ts';
import { columnsOf } from '../../text/terminal.ts';
import { configJsonKey, outline } from '../../suites/awsiam/outline.ts';
import { renderDriveProblem, renderDrivenStep, renderDriveSummary, renderMonitorText } from './render-drive.ts';

export interface RunDriveOptions {
  readonly command: readonly string[];
  readonly steps: readonly string[];
  /** For a step, in milliseconds. */
  readonly timeout: number;
  /** The extra configuration. */
  readonly config?: Readonly<Record<string, string>>;
  readonly cleanup: boolean;
  /** @default METRIST_INSTANCE_ID, or `drive` */
  readonly instance?: string;
  readonly monitor: string;
  /** Whether to print what would be posted in place of lines for people. */
  readonly json: boolean;
  readonly signal: AbortSignal;
}

/**
 * Drives a monitor, and prints what comes of it as it comes.
 *
 * @returns whether every step succeeded and the monitor broke no rule
 */
export async function driveAndPrint(options: RunDriveOptions, context: CommandContext): Promise<boolean> {
  const { command, steps, config = {}, json, monitor, signal } = options;
  const { environment, values } = context;
  hideSecrets(secretsOfConfig(config));
  const { value: instance = 'drive', problem } = options.instance ? { value: options.instance } : readInstance(values);
  if (json && problem !== undefined) {
    context.errorOutput.write(`error: ${problem}; or name it with --instance\n`);
    return false;
  }
  let failedAt: Date | undefined;
  const print = createPrinter(options, context);
  const { killAfterMs } = orchestratorLimits;
  const onStop = (): void =>
    print({
      kind: 'notice',
      text: `stopping: the monitor has ${killAfterMs / 1000} s to remove what this run made`,
    });
  signal.addEventListener('abort', onStop, { once: true });
  let report: DriveReport;
  try {
    report = await driveMonitor({
      command,
      steps,
      configJson: JSON.stringify(config),
      stepTimeoutMs: options.timeout,
      cleanup: options.cleanup,
      // Not what .env adds: the Orchestrator reads no such file.
      env: environment,
      signal,
      onEvent: (event) => {
        if (event.kind === 'step' && event.step.state === 'failed') failedAt = new Date();
        print(event);
      },
    });
  } catch (error) {
    if (!(error instanceof MonitorStartError)) throw error;
    context.errorOutput.write(`error: ${error.message}\n`);
    return false;
  }
  const withheld = Object.keys(values).filter((name) => values[name] !== environment[name]);
  if (withheld.length > 0 && !isFlawless(report)) print({ kind: 'notice', text: describeWithheld(withheld) });
  if (json) {
    const results = toReportedResults(report, { monitor, instance, now: failedAt ?? new Date() });
    context.output.write(results.map((result) => `${JSON.stringify(result)}\n`).join(''));
  } else {
    const style = { color: context.output.isTTY === true, columns: columnsOf(context.output, values) };
    context.output.write(`\n${renderDriveSummary(report, monitor, style)}\n`);
  }
  return isFlawless(report);
}

function describeWithheld(names: readonly string[]): string {
  return `the monitor got nothing of the file .env, because the Orchestrator would not read it either: ${names.join(', ')}. To give it these, set them in the environment (set -a; . ./.env; set +a) or use --config`;
}

function createPrinter(
  { json, steps }: Pick<RunDriveOptions, 'json' | 'steps'>,
  { output, errorOutput, values }: CommandContext,
): (event: DriveEvent) => void {
  const remarks = json ? errorOutput : output;
  const nameWidth = Math.max(...steps.map((name) => name.length));
  const styleOf = (stream: CommandContext['output']) => ({
    color: stream.isTTY === true,
    nameWidth,
    columns: columnsOf(stream, values),
  });
  return (event) => {
    switch (event.kind) {
      case 'step':
        if (!json) output.write(`${renderDrivenStep(event.step, styleOf(output))}\n`);
        break;
      case 'problem':
      case 'notice':
        remarks.write(`${renderDriveProblem(event.text, styleOf(remarks))}\n`);
        break;
      case 'stderr':
        errorOutput.write(`${renderMonitorText('stderr', event.line, styleOf(errorOutput))}\n`);
        break;
      case 'log':
        errorOutput.write(`${renderMonitorText(event.level, event.text, styleOf(errorOutput))}\n`);
        break;
      default:
        event satisfies never;
    }
  };
}

/** Marks a secret by its key: nothing else is known about the configuration of another monitor. */
const secretKey = /secret|token|passw|credential|private|api_?key/i;

/** The secrets in the extra configuration of the driven monitor. */
function secretsOfConfig(config: Readonly<Record<string, string>>): Secret[] {
  const own = Object.fromEntries(Object.entries(config).map(([key, value]) => [configJsonKey(key), value]));
  const others = Object.entries(config).filter(([key]) => secretKey.test(key));
  return [...outline.secrets(own), ...others.map(([, value]) => ({ value, shownAs: '[redacted]' }))];
}
