import os from 'node:os';
import path from 'node:path';
import { inspect } from 'node:util';
import { Command, CommanderError } from 'commander';
import { readEnvFile } from '../host/env-file.ts';
import { removeOldReport, removeReport } from '../host/last-resort.js';
import { surviveOutputErrors } from '../host/output-errors.ts';
import { parseResultsDir, shortenPath } from '../host/results-dir.ts';
import { describeValue, mayHoldSecret } from '../host/setting-text.ts';
import packageJson from '../package.json' with { type: 'json' };
import type { Values } from '../runner/monitor.ts';
import { ConfigError } from '../runner/settings.ts';
import { stopSignals } from '../runner/stop-signals.ts';
import { outline } from '../suites/awsiam/outline.ts';
import { copyError } from '../text/copy-error.ts';
import { messageOf } from '../text/printable.ts';
import { hideSecrets, redact } from '../text/redact.ts';
import { redactContext, type CommandContext, type RunningContext } from './command-context.ts';
import { isNagiosCheck, renderUnknown, runNagiosCheck, unknownExitCode } from './status/nagios-check.ts';

/** The commands, in the order of the help. Each is loaded only when it is asked for. */
const commands: Readonly<Record<string, () => Promise<(program: Command, context: RunningContext) => void>>> = {
  run: async () => (await import('./run/run.ts')).addRunCommand,
  watch: async () => (await import('./watch/watch.ts')).addWatchCommand,
  status: async () => (await import('./status/status.ts')).addStatusCommand,
  report: async () => (await import('./report.ts')).addReportCommand,
  doctor: async () => (await import('./doctor/doctor.ts')).addDoctorCommand,
  policy: async () => (await import('./policy/policy.ts')).addPolicyCommand,
  cleanup: async () => (await import('./cleanup.ts')).addCleanupCommand,
  config: async () => (await import('./metrist/config.ts')).addConfigCommand,
  register: async () => (await import('./metrist/register.ts')).addRegisterCommand,
  configs: async () => (await import('./metrist/configs.ts')).addConfigsCommand,
  unregister: async () => (await import('./metrist/unregister.ts')).addUnregisterCommand,
  drive: async () => (await import('./drive/drive.ts')).addDriveCommand,
};

interface RunCommandOptions extends Pick<CommandContext, 'self' | 'build'> {
  /** The directory of `.env`. */
  readonly baseDir: string;
}

/** Runs a command in this process, for a user at a terminal or a script. */
export async function runCommand(args: readonly string[], { baseDir, ...self }: RunCommandOptions): Promise<void> {
  // After `awsiam drive | head -1` the command goes on: a monitor that is cut off would leave things behind.
  surviveOutputErrors(process);
  const environment = { ...process.env };
  let added: Values = {};
  const loadEnvFile = async (): Promise<readonly string[]> => {
    const envFile = await readEnvFile(baseDir, environment);
    for (const name of Object.keys(added)) delete process.env[name];
    // The AWS SDK reads them there.
    Object.assign(process.env, envFile.added);
    ({ added } = envFile);
    return envFile.problems;
  };
  const envProblems = await loadEnvFile();
  hideSecrets(outline.secrets(process.env));
  const listeners: ((error: unknown) => void)[] = [];
  // Node itself would print an uncaught error with all of its secrets.
  process.on('uncaughtException', (error: unknown) => {
    const listener = listeners.at(-1);
    if (listener !== undefined) return listener(error);
    if (isNagiosCheck(args)) {
      process.stdout.write(renderUnknown(messageOf(error)));
      process.exit(unknownExitCode);
    }
    process.stderr.write(`${inspect(copyError(error, redact.text))}\n`);
    process.exit(1);
  });
  const ending = endsTooEarly(() => {
    if (args[0] === 'run') removeOldReport(baseDir);
  });
  process.exitCode = await runProgram(args, {
    ...self,
    environment,
    values: process.env,
    baseDir,
    envFile: shortenPath(path.join(baseDir, '.env'), process.cwd()),
    envProblems,
    loadEnvFile,
    output: process.stdout,
    errorOutput: process.stderr,
    onSignal: (listener) => {
      for (const signal of stopSignals) process.on(signal, listener);
    },
    onUnhandled: (listener) => {
      listeners.push(listener);
      return { [Symbol.dispose]: () => void listeners.splice(listeners.indexOf(listener), 1) };
    },
    endAtOnce: () => {
      // Before it ends, Node waits for every thread, even for one that waits for a disk.
      process.once('exit', () => process.kill(process.pid, 'SIGKILL'));
    },
  });
  ending[Symbol.dispose]();
  // An abandoned search for credentials may still hold a connection or a child process, which would keep Node alive.
  setTimeout(() => process.exit(), 1000).unref();
}

/** Notices if something ends this process before the command is done: a call of `process.exit()`, or nothing left to wait for. */
function endsTooEarly(onEnd: () => void): Disposable {
  const listener = (code: number): void => {
    onEnd();
    // An error that nobody handled has said why.
    if (code !== exitCodes.ok) return;
    process.stderr.write('something ended this process before the command was done\n');
    process.exitCode = exitCodes.failed;
  };
  process.once('exit', listener);
  return { [Symbol.dispose]: () => process.off('exit', listener) };
}

/** Shells and most tools return 2 for a command line that they do not understand. */
const exitCodes = { ok: 0, failed: 1, usage: 2 } as const;

/**
 * Runs one `awsiam` command.
 *
 * @returns the exit code: 0 done, 1 failed, 2 the command line was not understood, 128 + n after a signal. `status --nagios`
 *   has exit codes of its own
 */
export async function runProgram(args: readonly string[], context: CommandContext): Promise<number> {
  if (!isNagiosCheck(args)) return await runCommandLine(args, context);
  return await runNagiosCheck(context, async (checkContext) => await runCommandLine(args, checkContext));
}

async function runCommandLine(args: readonly string[], unredacted: CommandContext): Promise<number> {
  const stop = new AbortController();
  let exitCode: number = exitCodes.ok;
  const received: NodeJS.Signals[] = [];
  const context: RunningContext = {
    ...redactContext(unredacted),
    // A signal may come while the command's code is being loaded.
    onSignal: (listener) => {
      for (const signal of received) listener(signal);
      unredacted.onSignal(listener);
    },
    signal: stop.signal,
    onFailure: (code = exitCodes.failed) => {
      exitCode ||= code;
    },
  };
  context.onSignal((signal) => {
    received.push(signal);
    exitCode = 128 + os.constants.signals[signal];
    stop.abort();
  });

  const program = new Command('awsiam')
    .description(packageJson.description)
    .version(context.build, '--version', 'print the version and the commit')
    // Wraps descriptions on a narrow terminal, too.
    .configureHelp({ minWidthToWrap: 20 })
    .configureOutput({
      writeOut: (text) => context.output.write(text),
      writeErr: (text) => context.errorOutput.write(hideArguments(text, args)),
    })
    .showHelpAfterError('(awsiam --help lists the commands)')
    .exitOverride()
    .hook('preAction', (_, command) => {
      // A run reports what is wrong with its settings as a failure of its first step, and the doctor as findings.
      if (reportsSettings.has(command.name())) return;
      if (context.envProblems.length > 0 && needsEnvFile(command, context.environment))
        throw new ConfigError(context.envProblems);
      for (const warning of outline.findSettingWarnings(context.values, 'command')) {
        context.errorOutput.write(`! ${warning}\n`);
      }
    });

  const named = Object.entries(commands).filter(([name]) => name === args[0]);
  // The help lists all commands.
  for (const [, load] of named.length > 0 ? named : Object.entries(commands)) (await load())(program, context);
  try {
    await program.parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (error) {
    const isUsage = error instanceof CommanderError;
    if (isUsage && error.exitCode === 0) return exitCodes.ok;
    if (!isUsage && exitCode !== exitCodes.ok) return exitCode;
    // This run has no report, and the one of an earlier run would look like it.
    if (args[0] === 'run') removeReport(parseResultsDir(context.values, context.baseDir).dir);
    if (isUsage) return exitCodes.usage;
    const { awsiam } = await import('../suites/awsiam/monitor.ts');
    const { verdict, message, advice } = awsiam.explain(error, `awsiam ${args[0] ?? ''}`.trim(), {
      mode: 'live',
      values: context.values,
      howToConfigure: `Set the variables in the environment or in the file ${context.envFile}`,
    });
    context.errorOutput.write(`${verdict}: ${message}\n${advice}\n`);
    return exitCodes.failed;
  }
}

const reportsSettings: ReadonlySet<string> = new Set(['run', 'watch', 'doctor']);

/** A user who may not read the keys in `.env` may still look at the state, if it is known where that is. */
function needsEnvFile(command: Command, environment: Values): boolean {
  const isLocal = command.name() === 'status' && command.opts()['remote'] !== true;
  return !isLocal || (environment['METRIST_RESULTS_DIR'] ?? '').trim() === '';
}

/** commander quotes arguments that it refuses. The names of options stay, their values are hidden. */
function hideArguments(text: string, args: readonly string[]): string {
  const values = args.map((arg) => /^--[^=]*=?(.*)$/s.exec(arg)?.[1] ?? arg);
  return values.filter(mayHoldSecret).reduce((shown, value) => shown.replaceAll(value, describeValue(value)), text);
}
