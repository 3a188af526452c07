import { type DriveEvent, type DriveReport, isFlawless } from '../../metrist/protocol/drive/drive-report.ts';
import { hideSecrets } from '../../runner/redact.ts';
import { driveMonitor } from '../../metrist/protocol/drive/drive-monitor.ts';
import { MonitorStartError } from '../../metrist/protocol/drive/monitor-process.ts';
import { toReportedResults } from '../../metrist/protocol/drive/reported-results.ts';
import type { CommandContext } from '../command-context.ts';
import { secretsOfConfig } from './config-secrets.ts';
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
  const { values } = context;
  hideSecrets(secretsOfConfig(config));
  let failedAt: Date | undefined;
  const print = createPrinter(options, context);
  let report: DriveReport;
  try {
    report = await driveMonitor({
      command,
      steps,
      configJson: JSON.stringify(config),
      stepTimeoutMs: options.timeout,
      cleanup: options.cleanup,
      env: values,
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
  if (json) {
    const instance = options.instance ?? (values['METRIST_INSTANCE_ID']?.trim() || 'drive');
    const results = toReportedResults(report, { monitor, instance, now: failedAt ?? new Date() });
    context.output.write(results.map((result) => `${JSON.stringify(result)}\n`).join(''));
  } else {
    const color = context.output.isTTY === true;
    context.output.write(`\n${renderDriveSummary(report, monitor, { color })}\n`);
  }
  return isFlawless(report);
}

function createPrinter(
  { json, steps }: Pick<RunDriveOptions, 'json' | 'steps'>,
  { output, errorOutput }: CommandContext,
): (event: DriveEvent) => void {
  const remarks = json ? errorOutput : output;
  const nameWidth = Math.max(...steps.map((name) => name.length));
  const styleOf = (stream: CommandContext['output']) => ({ color: stream.isTTY === true, nameWidth });
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
