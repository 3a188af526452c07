import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { driveMonitor } from '../metrist/protocol/drive/drive-monitor.ts';
import type { DriveReport } from '../metrist/protocol/drive/drive-report.ts';
import { createFaultPlan } from '../mocks/iam/fault-plan.ts';
import { startIamServer } from '../mocks/iam/server.ts';
import { outline } from '../suites/awsiam/outline.ts';

const stepNames: readonly string[] = outline.steps.map(({ name }) => name);

const allPass = stepNames.map(() => 'passed');

/** A run of the program, and the states in which its steps must end. */
interface Training {
  /** As in AWSIAM_MOCK_FAULTS. */
  readonly faults: string;
  readonly expected: readonly string[];
}

/** A run without failures, and one with a retry, a failure and the teardown after it. */
const trainings: readonly Training[] = [
  { faults: '', expected: allPass },
  {
    faults: 'CreateGroup=ServiceFailure:1,AddUserToGroup=AccessDenied',
    expected: stepNames.map((_, index) => ['passed', 'passed', 'failed'][index] ?? 'blocked'),
  },
];

/**
 * Runs the program against a mocked IAM and writes what V8 has compiled by then: every function that a run calls. Code that
 * is compiled without a run contains only the top level.
 *
 * @param workDir for intermediate files
 * @returns the path of the compiled code
 * @throws Error if a run does not end as expected
 */
export async function trainProgram(programPath: string, workDir: string): Promise<string> {
  const home = path.join(workDir, 'home');
  await mkdir(home);
  let compiledPath: string | undefined;
  for (const [index, training] of trainings.entries()) {
    const resultPath = path.join(workDir, `compiled-${index}`);
    const script = path.join(import.meta.dirname, 'train.ts');
    const command = [process.execPath, script, programPath, resultPath, ...(compiledPath ? [compiledPath] : [])];
    await requireOutcome(command, home, training);
    compiledPath = resultPath;
  }
  return compiledPath ?? '';
}

/**
 * Runs the executable once as the Orchestrator would, against a mocked IAM and without this process's environment.
 *
 * @throws Error if a step does not pass, or anything is written to stderr
 */
export async function checkExecutable(command: readonly string[], home: string): Promise<void> {
  await requireOutcome(command, home, { faults: '', expected: allPass });
}

async function requireOutcome(command: readonly string[], home: string, { faults, expected }: Training): Promise<void> {
  await using closing = new AsyncDisposableStack();
  const iam = await startIamServer({ faults: createFaultPlan(faults) });
  closing.defer(iam.close);
  const stderr: string[] = [];
  const report = await driveMonitor({
    command,
    steps: stepNames,
    configJson: JSON.stringify({
      AWSAccessKeyId: 'AKIATRAININGTRAINING',
      AWSSecretAccessKey: 'training/training/training/training/trai',
      AWSRegion: 'us-east-1',
      Namespace: 'training',
      EndpointUrl: iam.url,
    }),
    // No real credentials, and no way to anything but the mock.
    env: { HOME: home, AWS_ENDPOINT_URL: iam.url, AWS_EC2_METADATA_DISABLED: 'true' },
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
