import tty from 'node:tty';

export interface MainOptions {
  /** The command that starts this program, without arguments. */
  readonly self: readonly string[];
  /** Where `.env` lies, for commands. @default the working directory */
  readonly baseDir?: string;
  /** Whether the Orchestrator has been greeted already. @default false */
  readonly greeted?: boolean;
}

/**
 * Without arguments the Orchestrator is at the other end, unless that is a terminal; else it is a command. Each loads only
 * what it needs, and ends the process.
 */
export async function main(
  args: readonly string[],
  { self, baseDir = process.cwd(), greeted = false }: MainOptions,
): Promise<void> {
  if (args.length === 0 && !tty.isatty(0)) {
    const { serve } = await import('./serve.ts');
    await serve({ greeted });
    process.exit();
  }
  const { runCommand } = await import('./run-command.ts');
  await runCommand(args, { self, baseDir });
}
