import { spawn } from 'node:child_process';
import path from 'node:path';

export const projectDir = path.dirname(import.meta.dirname);
export const vitestBin = path.join(projectDir, 'node_modules/vitest/vitest.mjs');

/** The settings of a live run against a mock server. */
export function settingsFor(url: string): Readonly<Record<string, string>> {
  return {
    AWS_ENDPOINT_URL_IAM: url,
    METRIST_AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE',
    METRIST_AWS_SECRET_ACCESS_KEY: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
    METRIST_AWS_REGION: 'us-east-1',
    METRIST_NAMESPACE: 'bench',
  };
}

/**
 * Runs a Node program of the project until it ends. Its environment has none of this process's settings.
 *
 * @throws Error with everything that the program printed, if it does not exit with 0
 */
export async function spawnNode(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ readonly stdout: string; readonly wallMs: number }> {
  const { PATH = '', HOME = '' } = process.env;
  const startMs = performance.now();
  const child = spawn(process.execPath, args, { cwd: projectDir, env: { PATH, HOME, ...env } });
  const [out, err]: [Buffer[], Buffer[]] = [[], []];
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
  const { promise, resolve, reject } = Promise.withResolvers<number | null>();
  child.once('error', reject).once('close', resolve);
  const code = await promise;
  const stdout = Buffer.concat(out).toString();
  if (code !== 0) throw new Error(`${args.join(' ')} exited with ${code}:\n${stdout}${Buffer.concat(err).toString()}`);
  return { stdout, wallMs: performance.now() - startMs };
}
