import { spawn } from 'node:child_process';

/** The time that one process takes, measured from outside. */
export interface ProcessTimes {
  /** From its start to its end. */
  readonly wallMs: number;
  /** From its start to the first byte on its stdout. Absent if it wrote none. */
  readonly firstByteMs?: number;
  /** User and system time, all threads. */
  readonly cpuMs: number;
}

/** Wall, user and system time in seconds. bash gets them from the kernel; Node has no way to ask for a child's times. */
const format = /^(\d+\.\d{3}) (\d+\.\d{3}) (\d+\.\d{3})$/;

/**
 * Makes a command that runs another one and then writes its times to stderr, as one line. Without `--norc` bash would take
 * Node's pipe for a network connection and read the user's settings.
 */
export function timed(command: readonly string[]): readonly string[] {
  return ['bash', '--norc', '-c', 'TIMEFORMAT="%3R %3U %3S"; time "$@"', 'bash', ...command];
}

/** Reads the CPU time from the line that {@link timed} adds to stderr. `undefined` for any other line. */
export function readCpuMs(line: string): number | undefined {
  const [, , user, system] = format.exec(line) ?? [];
  return user === undefined ? undefined : (Number(user) + Number(system)) * 1000;
}

/**
 * Runs a command to its end with nothing on stdin, and times it.
 *
 * @throws Error if it does not exit with 0
 */
export async function timeProcess(
  command: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<ProcessTimes> {
  const [file = '', ...args] = timed(command);
  const startMs = performance.now();
  const child = spawn(file, args, { env, stdio: ['pipe', 'pipe', 'pipe'] });
  child.stdin.end();
  let firstByteMs: number | undefined;
  const errors: Buffer[] = [];
  child.stdout.on('data', () => (firstByteMs ??= performance.now() - startMs));
  child.stderr.on('data', (chunk: Buffer) => errors.push(chunk));
  const { promise, resolve, reject } = Promise.withResolvers<number | null>();
  child.once('error', reject).once('close', resolve);
  const code = await promise;
  const wallMs = performance.now() - startMs;
  const lines = Buffer.concat(errors).toString().trim().split('\n');
  const cpuMs = readCpuMs(lines.at(-1) ?? '');
  if (code !== 0 || cpuMs === undefined) throw new Error(`${command[0]} exited with ${code}: ${lines.join('\n')}`);
  return { wallMs, ...(firstByteMs !== undefined && { firstByteMs }), cpuMs };
}
