import { spawn } from 'node:child_process';
import type { Values } from '../runner/monitor.ts';

const openers: Readonly<Partial<Record<NodeJS.Platform, string>>> = { darwin: 'open', win32: 'explorer.exe' };
/** The opener ends when the file is open, or stays until the browser is closed. By then it would have failed. */
const settledMs = 3000;

/**
 * Opens a file with the program that the user's desktop has for it.
 *
 * @returns why it could not be opened, as a clause
 */
export async function openFile(
  file: string,
  { values, platform = process.platform }: { readonly values: Values; readonly platform?: NodeJS.Platform },
): Promise<string | undefined> {
  const opener = openers[platform] ?? 'xdg-open';
  const child = spawn(opener, [file], { stdio: 'ignore', detached: true, env: values });
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const timer = setTimeout(() => resolve(undefined), settledMs);
  child.once('error', ({ message, code }: NodeJS.ErrnoException) =>
    resolve(code === 'ENOENT' ? `this machine has no ${opener}` : message),
  );
  // Explorer ends with 1 whatever it did.
  child.once('exit', (code) => resolve(code === 0 || platform === 'win32' ? undefined : `${opener} failed (${code})`));
  const problem = await promise;
  clearTimeout(timer);
  child.unref();
  return problem;
}
