import { type Command, InvalidArgumentError, Option } from 'commander';
import ms from 'ms';
import { describeValue } from '../../host/setting-text.ts';
import { readInstance } from '../../metrist/config.ts';
import { driveMonitor } from '../../metrist/protocol/drive/drive-monitor.ts';
import {
  type DriveEvent,
  type DriveReport,
  isSuccessful,
  toReportedResults,
} from '../../metrist/protocol/drive/drive-report.ts';
import { MonitorStartError } from '../../metrist/protocol/drive/monitor-process.ts';
import { orchestratorLimits } from '../../metrist/protocol/drive/orchestrator-rules.ts';
import { defaultTimeoutSecs, timeoutRange } from '../../metrist/registration/monitor-config.ts';
import { configJsonKey, outline } from '../../suites/awsiam/outline.ts';
import { hideSecrets, type Secret } from '../../text/redact.ts';
import { columnsOf } from '../../text/terminal.ts';
import type { OutputStream, RunningContext } from '../command-context.ts';
import { parseDuration } from '../options.ts';
import {
  type DriveStyle,
  renderDrivenStep,
  renderDriveProblem,
  renderDriveSummary,
  renderMonitorText,
} from './render-drive.ts';

interface DriveOptions {
  readonly step?: readonly string[];
  /** Time limit for one step, in milliseconds. */
  readonly timeout: number;
  readonly config?: Readonly<Record<string, string>>;
  readonly cleanup?: boolean;
  readonly instance?: string;
  readonly monitor: string;
  readonly json?: boolean;
}

/** Adds `awsiam drive`, which plays the Orchestrator for one run of a monitor. */
export function addDriveCommand(program: Command, context: RunningContext): void {
  const drive = program
    .command('drive')
    .summary('run a monitor once as the Metrist Orchestrator would')
    .description(
      'run a monitor once as the Metrist Orchestrator would, and print what would be reported; nothing is sent to Metrist. The monitor gets the environment of this command and --config, but nothing from the file .env, which the Orchestrator does not read',
    )
    .argument(
      '[command...]',
      "the monitor's command line, after --; it starts in the directory of its executable, so give absolute paths (default: awsiam itself)",
    )
    .option('--step <name>', 'a step to run; repeat the option for more (default: the steps of awsiam)', addStep)
    .addOption(
      new Option('--timeout <duration>', 'when to give up on a step: 90s, 2m, 1500ms, or seconds')
        .argParser(parseTimeout)
        .default(defaultTimeoutSecs * 1000, ms(defaultTimeoutSecs * 1000)),
    )
    .option(
      '--config <Key=Value>',
      'an entry of the extra configuration; repeat the option for more. Other users can see arguments: give secrets in the environment',
      addConfigEntry,
    )
    .option('--cleanup', 'also make the monitor remove what earlier runs left behind')
    .option(
      '--instance <name>',
      "the instance's name in what is reported (default: METRIST_INSTANCE_ID, or drive)",
      parseName,
    )
    .option('--monitor <name>', "the monitor's logical name in what is reported", parseName, outline.name)
    .option('--json', 'print what would be posted to Metrist, one JSON object per line')
    .action(async (words: readonly string[], options: DriveOptions) => {
      if (words.length > 0 && options.step === undefined) {
        drive.error("error: name the monitor's steps with --step, once for each");
      }
      const command = words.length > 0 ? words : context.self;
      const steps = options.step ?? outline.steps.map(({ name }) => name);
      if (!(await driveAndPrint(command, steps, options, context))) context.onFailure();
    });
}

const maxTimeoutMs = timeoutRange.most * 1000;

/** Takes `90s`, `2m`, `1500ms`, or a number of seconds. @returns milliseconds */
export function parseTimeout(text: string): number {
  const timeoutMs = /^\d+(\.\d+)?$/.test(text) ? Number(text) * 1000 : (parseDuration(text) ?? Number.NaN);
  if (!(timeoutMs >= 1 && timeoutMs <= maxTimeoutMs)) {
    throw new InvalidArgumentError('Expected a duration from 1ms to 65535s, such as 90s, 2m, 1500ms or 0.5 (seconds).');
  }
  return timeoutMs;
}

function addStep(text: string, previous: readonly string[] = []): readonly string[] {
  if (!/^\S+$/.test(text)) {
    throw new InvalidArgumentError('Expected one name without blanks; repeat the option for more.');
  }
  return [...previous, text];
}

export function addConfigEntry(
  text: string,
  previous: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> {
  const equals = text.indexOf('=');
  // The message does not show the text, which may be a secret.
  if (equals < 1) throw new InvalidArgumentError('Expected Key=Value; repeat the option for more.');
  const key = text.slice(0, equals);
  if (Object.hasOwn(previous, key)) throw new InvalidArgumentError(`${describeValue(key)} was given before.`);
  return Object.fromEntries([...Object.entries(previous), [key, text.slice(equals + 1)]]);
}

function parseName(text: string): string {
  if (text.trim() === '') throw new InvalidArgumentError('Expected a name.');
  return text;
}

/**
 * Drives a monitor and prints events as they happen.
 *
 * @returns whether every step passed and the monitor followed the protocol
 */
async function driveAndPrint(
  command: readonly string[],
  steps: readonly string[],
  options: DriveOptions,
  context: RunningContext,
): Promise<boolean> {
  const { config = {}, json, monitor } = options;
  const { environment, errorOutput, output, signal, values } = context;
  hideSecrets(secretsOfConfig(config));
  const { value: instance = 'drive', problem } = options.instance ? { value: options.instance } : readInstance(values);
  if (json && problem !== undefined) {
    errorOutput.write(`error: ${problem}; or name it with --instance\n`);
    return false;
  }
  const styleOf = (stream: OutputStream): DriveStyle => ({
    color: stream.isTTY === true,
    nameWidth: Math.max(...steps.map((name) => name.length)),
    columns: columnsOf(stream, values),
  });
  let failedAt: Date | undefined;
  const print = (event: DriveEvent): void => {
    const remarkOutput = json ? errorOutput : output;
    switch (event.kind) {
      case 'step':
        if (event.step.state === 'failed') failedAt = new Date();
        if (!json) output.write(`${renderDrivenStep(event.step, styleOf(output))}\n`);
        break;
      case 'problem':
      case 'notice':
        remarkOutput.write(`${renderDriveProblem(event.text, styleOf(remarkOutput))}\n`);
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
  const printNotice = (text: string): void => print({ kind: 'notice', text });
  const graceSecs = orchestratorLimits.killAfterMs / 1000;
  const onStop = (): void => printNotice(`stopping: the monitor has ${graceSecs} s to remove what this run made`);
  signal.addEventListener('abort', onStop, { once: true });
  let report: DriveReport;
  try {
    report = await driveMonitor({
      command,
      steps,
      configJson: JSON.stringify(config),
      stepTimeoutMs: options.timeout,
      cleanup: options.cleanup ?? false,
      // Without what .env adds, because the Orchestrator reads no such file.
      env: environment,
      signal,
      onEvent: print,
    });
  } catch (error) {
    if (!(error instanceof MonitorStartError)) throw error;
    errorOutput.write(`error: ${error.message}\n`);
    return false;
  }
  const onlyInFile = Object.keys(values).filter((name) => values[name] !== environment[name]);
  if (onlyInFile.length > 0 && !isSuccessful(report)) {
    printNotice(
      `the monitor got nothing from the file .env, because the Orchestrator would not read it either: ${onlyInFile.join(', ')}. To give it these, set them in the environment (set -a; . ./.env; set +a) or use --config`,
    );
  }
  if (json) {
    const results = toReportedResults(report, { monitor, instance, now: failedAt ?? new Date() });
    output.write(results.map((result) => `${JSON.stringify(result)}\n`).join(''));
  } else {
    output.write(`\n${renderDriveSummary(report, monitor, styleOf(output))}\n`);
  }
  return isSuccessful(report);
}

/** Recognises a secret by its key, because nothing else is known about the configuration of another monitor. */
const secretKey = /secret|token|passw|credential|private|api_?key/i;

/** The secrets in the extra configuration of the driven monitor. */
function secretsOfConfig(config: Readonly<Record<string, string>>): Secret[] {
  const own = Object.fromEntries(Object.entries(config).map(([key, value]) => [configJsonKey(key), value]));
  const others = Object.entries(config).filter(([key]) => secretKey.test(key));
  return [...outline.secrets(own), ...others.map(([, value]) => ({ value, shownAs: '[redacted]' }))];
}
