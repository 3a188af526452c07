import tty from 'node:tty';
import packageJson from '../package.json' with { type: 'json' };

/** The packaging defines this constant. */
declare const AWSIAM_BUILD: { readonly commit: string; readonly version: string } | undefined;

interface MainOptions {
  /** The command that starts this program, without arguments. */
  readonly self: readonly string[];
  /** The directory where commands look for `.env`. @default the working directory */
  readonly baseDir?: string;
  /** Whether the protocol's message `Started` has already been sent. @default false */
  readonly startedSent?: boolean;
  /** Where the program comes from, if it was not packaged as an executable. @default 'from source' */
  readonly origin?: string;
}

/**
 * Serves the Orchestrator if there are no arguments and stdin is not a terminal; otherwise runs a command. Each loads only
 * the code that it needs, and ends the process.
 */
export async function main(
  args: readonly string[],
  { self, baseDir = process.cwd(), startedSent = false, origin }: MainOptions,
): Promise<void> {
  const build = describeBuild(origin);
  if (args.length === 0 && !tty.isatty(0)) {
    const { serve } = await import('./serve.ts');
    await serve({ build, startedSent, baseDir });
    process.exit();
  }
  const { runCommand } = await import('./program.ts');
  await runCommand(args, { self, build, baseDir });
}

/** `awsiam 0.1.0 (commit ae58712)` for the executable, `awsiam 0.1.0 (from source)` or `(npm package)` otherwise. */
export function describeBuild(origin = 'from source'): string {
  const from = typeof AWSIAM_BUILD === 'undefined' ? origin : `commit ${AWSIAM_BUILD.commit}`;
  return `${packageJson.name} ${packageJson.version} (${from})`;
}
