import { spawn, type ChildProcess } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import { expect, onTestFinished, type TestContext } from 'vitest';
import { nowhere } from './loopback-only.ts';
import { parseJunit, type JunitSuite } from './parse-junit.ts';

export const projectDir = path.dirname(path.dirname(import.meta.dirname));

/** The program file of this project's vitest. */
export const vitestFile = path.join(projectDir, 'node_modules/vitest/vitest.mjs');

/** Secrets that are easy to find in any output, and have the length and the characters of real ones. */
export const secrets = {
  accessKeyId: 'AKIAE2ETESTKEYID7Q4X',
  secretAccessKey: 'e2e/Secret+Access&Key<0>/wJalrXUtnFEMIbPxRf',
  sessionToken: 'e2eSession0Token/////////wEaCXVzLWVhc3QtMSJHMEUCIQ==',
  apiToken: 'e2eapitoken0123456789abcdefghijklmnopqrstuvwxyz',
} as const;

/** The settings of a live run without an endpoint: a test that forgets to name one ends at a closed port. */
export const liveEnv = {
  METRIST_AWS_ACCESS_KEY_ID: secrets.accessKeyId,
  METRIST_AWS_SECRET_ACCESS_KEY: secrets.secretAccessKey,
  METRIST_AWS_REGION: 'us-east-1',
  METRIST_NAMESPACE: 'e2e',
} as const;

/**
 * The variables that a process needs to start. AWS and Metrist are at a closed port, even if the checkout has a `.env`. The
 * terminal is so wide that no text is wrapped.
 */
export function cleanEnv(): Record<string, string> {
  const { PATH = '', HOME = '' } = process.env;
  const deadEnds = { AWS_ENDPOINT_URL: nowhere(), AWS_EC2_METADATA_DISABLED: 'true', METRIST_API_HOST: nowhere() };
  return { PATH, HOME, COLUMNS: '10000', ...deadEnds };
}

/** All that a good run may write to stderr: on a slow machine, lines about long waits. */
export const onlyWaitLines: unknown = expect.stringMatching(/^(?: {2}… .*\n)*$/);

export interface StartOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** In a process group of its own, so that a signal to the group reaches nobody else. @default false */
  readonly detached?: boolean;
  /** Gets the process as soon as it runs, so that a test can signal it. */
  readonly onStart?: (child: ChildProcess) => void;
}

export interface Ended {
  /** `null` if a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  /** All of its output. */
  readonly everything: string;
}

/** Starts a program with `env` but none of this process's settings, and waits for it to end. */
export async function runProgram(
  command: string,
  args: readonly string[],
  { env = {}, cwd = '/', detached = false, onStart }: StartOptions = {},
): Promise<Ended> {
  const stdio = ['ignore', 'pipe', 'pipe'] as const;
  const child = spawn(command, args, { cwd, env: { ...cleanEnv(), ...env }, detached, stdio: [...stdio] });
  onStart?.(child);
  const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)];
  const { promise, resolve, reject } = Promise.withResolvers<Pick<Ended, 'code' | 'signal'>>();
  child.once('error', reject).once('close', (code, signal) => resolve({ code, signal }));
  const end = await promise;
  return { ...end, stdout: stdout(), stderr: stderr(), everything: `${stdout()}\n${stderr()}` };
}

/** Keeps compiled code where every run finds it, not in a directory that is removed with its run. */
export const sharedCompileCache = { NODE_COMPILE_CACHE: path.join(os.tmpdir(), 'node-compile-cache') } as const;

/** Starts a program of this folder. Returns what it prints on stdout until it ends, even if it is killed. */
export async function runHarness(file: 'append-runs.ts' | 'killable-run.ts', args: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, [path.join(import.meta.dirname, file), ...args], {
    env: { ...process.env, ...sharedCompileCache },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return await text(child.stdout);
}

function collect(stream: NodeJS.ReadableStream): () => string {
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  return () => Buffer.concat(chunks).toString();
}

export interface VitestOptions extends StartOptions {
  readonly args?: readonly string[];
  /** The hook of the test's context, which a concurrent test must give. */
  readonly onTestFinished?: TestContext['onTestFinished'];
}

export interface VitestRun extends Ended {
  readonly resultsDir: string;
  /** The report, parsed; `undefined` if there is none. */
  readonly junit: JunitSuite | undefined;
}

export async function makeResultsDir(cleanUp: TestContext['onTestFinished'] = onTestFinished): Promise<string> {
  const dir = await mkdtemp(path.join(os.tmpdir(), 'awsiam-e2e-'));
  cleanUp(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

/** Both make one run of the monitor, and have to keep the same promises. */
export const runCommands = ['vitest run', 'awsiam run'] as const;
export type RunCommand = (typeof runCommands)[number];

/** The command line that makes a run with the code of a checkout. It works from every directory. */
export function commandLineOf(command: RunCommand, checkout = projectDir): readonly string[] {
  return command === 'vitest run'
    ? [process.execPath, vitestFile, 'run', '--root', checkout]
    : [process.execPath, path.join(checkout, 'cli/awsiam.js'), 'run'];
}

/** Starts `vitest run` as a user would. `everything` includes the report. */
export async function runVitest(options: VitestOptions = {}): Promise<VitestRun> {
  return await runMonitor('vitest run', options);
}

/** Starts one of the two commands as a user would. `everything` includes the report. */
export async function runMonitor(
  command: RunCommand,
  { args = [], env = {}, cwd = projectDir, onStart, onTestFinished: cleanUp = onTestFinished }: VitestOptions = {},
): Promise<VitestRun> {
  const resultsDir = await makeResultsDir(cleanUp);
  const [node = '', ...line] = commandLineOf(command, cwd);
  const ended = await runProgram(node, [...line, ...args], {
    cwd,
    env: { METRIST_RESULTS_DIR: resultsDir, ...env },
    ...(onStart && { onStart }),
  });
  const xml = await readFile(path.join(resultsDir, 'junit.xml'), 'utf8').catch(() => undefined);
  return {
    ...ended,
    resultsDir,
    junit: xml === undefined ? undefined : parseJunit(xml),
    everything: `${ended.everything}\n${xml ?? ''}`,
  };
}

export interface AwsiamOptions extends Omit<StartOptions, 'env'> {
  /** The directory with the program and its `.env`. @default the project's own directory */
  readonly checkout?: string;
}

/** Starts the command `awsiam` as a user would. */
export async function runAwsiam(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  { checkout = projectDir, ...options }: AwsiamOptions = {},
): Promise<Ended> {
  const program = path.join(checkout, 'cli/awsiam.js');
  return await runProgram(process.execPath, [program, ...args], { cwd: os.tmpdir(), env, ...options });
}

/** Makes Node load a file of this folder before everything else. */
export function preload(file: 'fake-date.ts' | 'stop-at-worker-start.ts' | 'throw-unhandled.ts'): {
  readonly NODE_OPTIONS: string;
} {
  return { NODE_OPTIONS: `--import=${pathToFileURL(path.join(import.meta.dirname, file)).href}` };
}

/** The files of a clone that run the monitor. */
const programFiles = [
  'cli',
  'history',
  'host',
  'metrics',
  'metrist',
  'mocks',
  'package.json',
  'reporters',
  'runner',
  'suites',
  'text',
  'vitest.config.ts',
] as const;

/** A copy of the files of a clone that run the monitor, which a test may change or break. */
export async function copyProject(): Promise<string> {
  const dir = await mkdtemp(path.join(os.tmpdir(), 'awsiam-copy-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  for (const name of programFiles) {
    await cp(path.join(projectDir, name), path.join(dir, name), { recursive: true });
  }
  await symlink(path.join(projectDir, 'node_modules'), path.join(dir, 'node_modules'));
  return dir;
}
