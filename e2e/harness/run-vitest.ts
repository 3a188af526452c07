import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { nowhere } from './loopback-only.ts';
import { parseJunit, type JunitSuite } from './parse-junit.ts';

export const projectDir = path.dirname(path.dirname(import.meta.dirname));

/** Obvious in any output, and of the length and the characters of real ones. */
export const secrets = {
  accessKeyId: 'AKIAE2ETESTKEYID7Q4X',
  secretAccessKey: 'e2e/Secret+Access&Key<0>/wJalrXUtnFEMIbPxRf',
  sessionToken: 'e2eSession0Token/////////wEaCXVzLWVhc3QtMSJHMEUCIQ==',
  apiToken: 'e2eapitoken0123456789abcdefghijklmnopqrstuvwxyz',
} as const;

/** A live run's configuration without an endpoint: what is forgotten ends at a closed port. */
export const liveEnv = {
  METRIST_AWS_ACCESS_KEY_ID: secrets.accessKeyId,
  METRIST_AWS_SECRET_ACCESS_KEY: secrets.secretAccessKey,
  METRIST_AWS_REGION: 'us-east-1',
  METRIST_NAMESPACE: 'e2e',
} as const;

export interface RunOptions {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** @default the project's own directory */
  readonly cwd?: string;
  /** Gets the process as soon as it runs, for signals. */
  readonly onStart?: (child: ChildProcess) => void;
}

export interface VitestRun {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly resultsDir: string;
  /** The report, parsed; `undefined` when there is none. */
  readonly junit: JunitSuite | undefined;
  /** Everything that the run said anywhere: output and files. */
  readonly everything: string;
  readonly wallMs: number;
}

/** What a healthy run may write to stderr: on a slow machine, that something takes long. */
export const noRemark: unknown = expect.stringMatching(/^(?: {2}… .*\n)*$/);

/** Starts `vitest run` as a user would, with nothing of this process's settings, and waits for its end. */
export async function runVitest({
  args = [],
  env = {},
  cwd = projectDir,
  onStart,
}: RunOptions = {}): Promise<VitestRun> {
  const resultsDir = await mkdtemp(path.join(os.tmpdir(), 'awsiam-e2e-'));
  onTestFinished(() => rm(resultsDir, { recursive: true, force: true }));
  const startMs = performance.now();
  const child = spawn(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', ...args], {
    cwd,
    env: { ...cleanEnv(), METRIST_RESULTS_DIR: resultsDir, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onStart?.(child);
  const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)];
  const { promise, resolve, reject } = Promise.withResolvers<[number | null, NodeJS.Signals | null]>();
  child.once('error', reject).once('close', (exitCode, killedBy) => resolve([exitCode, killedBy]));
  const [code, signal] = await promise;
  const wallMs = performance.now() - startMs;
  const xml = await readFile(path.join(resultsDir, 'junit.xml'), 'utf8').catch(() => undefined);
  return {
    code,
    signal,
    stdout: stdout(),
    stderr: stderr(),
    resultsDir,
    junit: xml === undefined ? undefined : parseJunit(xml),
    everything: `${stdout()}\n${stderr()}\n${xml ?? ''}`,
    wallMs,
  };
}

/**
 * What a process needs to start, and dead ends in place of AWS and Metrist, also where the checkout has a `.env`. Its lines
 * are so long that no text is wrapped.
 */
export function cleanEnv(): Record<string, string> {
  const { PATH = '', HOME = '' } = process.env;
  const deadEnds = { AWS_ENDPOINT_URL: nowhere(), AWS_EC2_METADATA_DISABLED: 'true', METRIST_API_HOST: nowhere() };
  return { PATH, HOME, COLUMNS: '10000', ...deadEnds };
}

function collect(stream: NodeJS.ReadableStream): () => string {
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  return () => Buffer.concat(chunks).toString();
}
