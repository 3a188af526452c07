import { joinLines } from '../../text/printable.ts';
import type { CommandContext } from '../command-context.ts';

/** What Nagios calls UNKNOWN. Its other exit codes, 0 to 2, are those of an answer. */
export const unknownExitCode = 3;

const maxTextLength = 400;

/** Whether a command line asks for the one line that Nagios reads. A misspelt option counts, because Nagios reads that, too. */
export function isNagiosCheck(args: readonly string[]): boolean {
  return args[0] === 'status' && args.some((arg) => arg.startsWith('--nagios'));
}

/**
 * Runs a command for Nagios. Whatever happens, it prints one line on stdout and nothing else, and returns one of Nagios' exit
 * codes. Without this, a wrong option would exit with 2, which tells Nagios that IAM is down.
 *
 * @param run runs the command and returns its exit code
 */
export async function runNagiosCheck(
  context: CommandContext,
  run: (context: CommandContext) => Promise<number>,
): Promise<number> {
  const written = { output: '', errorOutput: '' };
  const exitCode = await run({
    ...context,
    output: { write: (text) => (written.output += text) },
    errorOutput: { write: (text) => (written.errorOutput += text) },
  });
  const isAnswer = written.output.startsWith('AWSIAM ') && exitCode <= unknownExitCode;
  const isHelp = written.output !== '' && exitCode === 0;
  context.output.write(
    isAnswer || isHelp ? written.output : renderUnknown(written.errorOutput || 'the check was interrupted'),
  );
  return isAnswer ? exitCode : unknownExitCode;
}

/** A check that could not be carried out: `AWSIAM UNKNOWN - METRIST_RESULTS_DIR is "x": expected a directory …` */
export function renderUnknown(reason: string): string {
  return `AWSIAM UNKNOWN - ${toCheckText(reason)}\n`;
}

/** Text on one line. What follows a `|` would be performance data. */
export function toCheckText(text: string): string {
  return joinLines(text, maxTextLength).replaceAll('|', '/');
}
