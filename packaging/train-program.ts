import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { driveMonitor } from '../metrist/protocol/drive/drive-monitor.ts';
import type { DriveReport } from '../metrist/protocol/drive/drive-report.ts';
import { startMetristStandIn } from '../metrist/testing/stand-in.ts';
import { createFaultPlan } from '../mocks/iam/fault-plan.ts';
import { startIamServer } from '../mocks/iam/server.ts';
import { outline } from '../suites/awsiam/outline.ts';

const stepNames: readonly string[] = outline.steps.map(({ name }) => name);

const allPass = stepNames.map(() => 'passed');

/** Uses the program in one way. @param command starts the program without arguments */
type Exercise = (command: readonly string[], home: string) => Promise<void>;

/** A run without failures, and one with a retry, a failure and the teardown after it. As in AWSIAM_MOCK_FAULTS. */
const faults = { none: '', some: 'CreateGroup=ServiceFailure:1,AddUserToGroup=AccessDenied' } as const;

const orchestratorExercises: readonly Exercise[] = [
  async (command, home) => await requireOutcome(command, home, { faults: faults.none, expected: allPass }),
  async (command, home) => {
    const expected = stepNames.map((_, index) => ['passed', 'passed', 'failed'][index] ?? 'blocked');
    await requireOutcome(command, home, { faults: faults.some, expected });
  },
];

const commandExercises: readonly Exercise[] = [
  async (command, home) => await requireExit(command, home, { args: ['run'], faults: faults.none, code: 0 }),
  async (command, home) => await requireExit(command, home, { args: ['run'], faults: faults.some, code: 1 }),
  // A watch starts these two whenever somebody asks for its pages.
  async (command, home) => await requireExit(command, home, { args: ['status', '--json'], code: 0 }),
  async (command, home) => await requireExit(command, home, { args: ['report', '--out', '-'], code: 0 }),
];

/** The files with what V8 compiled of the program, for each way to start it. */
export interface CompiledCode {
  readonly orchestratorCodePath: string;
  readonly commandCodePath: string;
}

/**
 * Uses the program over a mocked IAM and writes what V8 has compiled by then: every function that was called. Code that is
 * compiled without a run contains only the top level.
 *
 * @param workDir for intermediate files
 * @throws Error if the program does not do what it should
 */
export async function trainProgram(programPath: string, workDir: string): Promise<CompiledCode> {
  const train = async (name: string, exercises: readonly Exercise[]): Promise<string> => {
    const home = path.join(workDir, `home-${name}`);
    await mkdir(home);
    let compiledPath = '';
    for (const [index, exercise] of exercises.entries()) {
      const resultPath = path.join(workDir, `${name}-${index}.cache`);
      const script = path.join(import.meta.dirname, 'train.ts');
      await exercise([process.execPath, script, programPath, resultPath, compiledPath], home);
      compiledPath = resultPath;
    }
    return compiledPath;
  };
  const [orchestratorCodePath, commandCodePath] = await Promise.all([
    train('orchestrator', orchestratorExercises),
    train('command', commandExercises),
  ]);
  return { orchestratorCodePath, commandCodePath };
}

/**
 * Starts the executable once as the Orchestrator would and once as a user would, over a mocked IAM and without this process's
 * environment.
 *
 * @throws Error if a step does not pass, or anything is written to stderr
 */
export async function checkExecutable(executablePath: string, workDir: string): Promise<void> {
  const home = path.join(workDir, 'home-check');
  await mkdir(home);
  for (const exercise of [orchestratorExercises[0], commandExercises[0]]) await exercise?.([executablePath], home);
}

/** No real credentials, and no way to anything but the mock. */
function envFor(iamUrl: string, home: string): Record<string, string> {
  return { HOME: home, AWS_ENDPOINT_URL: iamUrl, AWS_EC2_METADATA_DISABLED: 'true' };
}

const keys = { id: 'AKIATRAININGTRAINING', secret: 'training/training/training/training/trai' } as const;

interface Command {
  readonly args: readonly string[];
  /** @default none */
  readonly faults?: string;
  readonly code: number;
}

/** Runs a command of the program with all reports that a run can have without OpenTelemetry. */
async function requireExit(
  [file = '', ...before]: readonly string[],
  home: string,
  { args, faults: faultsText = '', code: expectedCode }: Command,
): Promise<void> {
  await using closing = new AsyncDisposableStack();
  const iam = await startIamServer({ faults: createFaultPlan(faultsText) });
  closing.defer(iam.close);
  const token = 'training-token';
  const metrist = await startMetristStandIn({ token });
  closing.defer(async () => await metrist.close());
  const child = spawn(file, [...before, ...args], {
    cwd: home,
    env: {
      ...envFor(iam.url, home),
      METRIST_AWS_ACCESS_KEY_ID: keys.id,
      METRIST_AWS_SECRET_ACCESS_KEY: keys.secret,
      METRIST_AWS_REGION: 'us-east-1',
      METRIST_NAMESPACE: 'training',
      METRIST_RESULTS_DIR: path.join(home, 'results'),
      METRIST_API_HOST: metrist.url,
      METRIST_API_TOKEN: token,
      METRIST_INSTANCE_ID: 'training',
      METRIST_REQUIRE_DELIVERY: 'true',
      AWSIAM_SUMMARY: 'true',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 30_000,
    killSignal: 'SIGKILL',
  });
  const [stdout, stderr, [code, signal]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ]);
  if (code === expectedCode && stderr === '') return;
  throw new Error(
    `"awsiam ${args.join(' ')}" of the bundled program exited with ${code ?? signal}, expected ${expectedCode}.\n${stdout}${stderr}`,
  );
}

/** A run under the Orchestrator, and the states in which its steps must end. */
interface DrivenRun {
  readonly faults: string;
  readonly expected: readonly string[];
}

async function requireOutcome(
  command: readonly string[],
  home: string,
  { faults: faultsText, expected }: DrivenRun,
): Promise<void> {
  await using closing = new AsyncDisposableStack();
  const iam = await startIamServer({ faults: createFaultPlan(faultsText) });
  closing.defer(iam.close);
  const stderr: string[] = [];
  const report = await driveMonitor({
    command,
    steps: stepNames,
    configJson: JSON.stringify({
      AWSAccessKeyId: keys.id,
      AWSSecretAccessKey: keys.secret,
      AWSRegion: 'us-east-1',
      Namespace: 'training',
      EndpointUrl: iam.url,
    }),
    env: envFor(iam.url, home),
    stepTimeoutMs: 10_000,
    cleanup: true,
    // The program has to exit by itself, because it writes its compiled code on exit.
    limits: { handshakeSilenceMs: 10_000, finishMs: 10_000, terminateAfterMs: 1_000 },
    onEvent: (event) => {
      if (event.kind === 'stderr') stderr.push(event.line);
    },
  });
  const { steps, problems, exit } = report;
  const isAsExpected = steps.every(({ state }, index) => state === expected[index]);
  if (isAsExpected && problems.length === 0 && stderr.length === 0 && exit.code === 0) return;
  throw new Error(
    [
      `The run of the bundled program did not end as expected; it exited with ${exit.code ?? exit.signal}.`,
      ...steps.map((step, index) => `${step.name}: ${describe(step)}, expected ${expected[index]}`),
      ...problems,
      ...stderr,
    ].join('\n'),
  );
}

function describe(step: DriveReport['steps'][number]): string {
  return step.state === 'failed' ? `failed with ${step.text}` : step.state;
}
