import { spawn } from 'node:child_process';
import path from 'node:path';

export const projectDir = path.dirname(import.meta.dirname);
export const vitestBin = path.join(projectDir, 'node_modules/vitest/vitest.mjs');

export interface Finished {
  readonly stdout: string;
  readonly wallMs: number;
}

/**
 * Runs a Node program of the project to its end with nothing of this process's settings in its environment.
 *
 * @throws when it exits with anything but 0, with all that it printed
 */
export async function spawnNode(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Finished> {
  const { PATH = '', HOME = '' } = process.env;
  const startMs = performance.now();
  const child = spawn(process.execPath, args, { cwd: projectDir, env: { PATH, HOME, ...env } });
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk));
  const { promise, resolve, reject } = Promise.withResolvers<number | null>();
  child.once('error', reject).once('close', resolve);
  const code = await promise;
  const stdout = Buffer.concat(chunks).toString();
  if (code !== 0) throw new Error(`${args.join(' ')} exited with ${code}:\n${stdout}`);
  return { stdout, wallMs: performance.now() - startMs };
}
