import { spawn, type ChildProcess } from 'node:child_process';
import os from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { cleanEnv, projectDir } from './run-vitest.ts';

export interface AwsiamRun {
  /** `null` where a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Everything that the command said. */
  readonly everything: string;
}

/**
 * Runs the command `awsiam` as a user would, with nothing of this process's settings.
 *
 * @param onStart gets the process as soon as it runs, for signals
 */
export async function runAwsiam(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  {
    cwd = os.tmpdir(),
    checkout = projectDir,
    onStart,
  }: {
    readonly cwd?: string;
    /** Whose program is started, and whose `.env` is read. @default the project's own directory */
    readonly checkout?: string;
    readonly onStart?: (child: ChildProcess) => void;
  } = {},
): Promise<AwsiamRun> {
  const child = spawn(process.execPath, [path.join(checkout, 'cli/awsiam.js'), ...args], {
    cwd,
    env: { ...cleanEnv(), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onStart?.(child);
  const { promise: closed, resolve, reject } = Promise.withResolvers<number | null>();
  child.once('error', reject).once('close', resolve);
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), closed]);
  return { code, stdout, stderr, everything: `${stdout}\n${stderr}` };
}
