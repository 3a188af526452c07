import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { driveMonitor } from '../metrist/protocol/drive/drive-monitor.ts';
import type { DriveReport } from '../metrist/protocol/drive/drive-report.ts';
import { createFaultPlan } from '../mocks/iam/faults.ts';
import { startIamServer, type IamServer } from '../mocks/iam/server.ts';
import { outline } from '../suites/awsiam/outline.ts';

const stepNames: readonly string[] = outline.steps.map(({ name }) => name);

/** A run that shall end in one way and no other. */
interface Training {
  /** As in AWSIAM_MOCK_FAULTS. */
  readonly faults: string;
  readonly expected: readonly string[];
}

/** One run as it should be, and one with a repetition, a failure and the teardown after it. */
const trainings: readonly Training[] = [
  { faults: '', expected: stepNames.map(() => 'passed') },
  {
    faults: 'CreateGroup=ServiceFailure:1,AddUserToGroup=AccessDenied',
    expected: stepNames.map((_, index) => ['passed', 'passed', 'failed'][index] ?? 'blocked'),
  },
];

/**
 * Runs the program against a mocked IAM and gives what V8 compiled meanwhile: every function that a run calls. Code that
 * is compiled ahead without a run has none of them but the top level.
 *
 * @param workDir gets the files in between
 * @returns the path of the compiled code
 * @throws Error where a run does not end as it should
 */
export async function trainProgram(programPath: string, workDir: string): Promise<string> {
  const home = path.join(workDir, 'home');
  await mkdir(home);
  let compiledPath: string | undefined;
  for (const [index, { faults, expected }] of trainings.entries()) {
    const resultPath = path.join(workDir, `compiled-${index}`);
    const script = path.join(import.meta.dirname, 'train.ts');
    const command = [process.execPath, script, programPath, resultPath, ...(compiledPath ? [compiledPath] : [])];
    await using iam = await startMockedIam(faults);
    requireOutcome(await runOnce(command, { iam, home }), expected);
    compiledPath = resultPath;
  }
  return compiledPath ?? '';
}

/**
 * Runs a command once as the Orchestrator would, against a mocked IAM and with nothing of this process's environment.
 *
 * @throws Error where a step did not pass, or anything was said on stderr
 */
export async function rehearse(command: readonly string[], home: string): Promise<void> {
  await using iam = await startMockedIam('');
  requireOutcome(
    await runOnce(command, { iam, home }),
    stepNames.map(() => 'passed'),
  );
}

async function startMockedIam(faults: string): Promise<IamServer & AsyncDisposable> {
  const server = await startIamServer({ faults: createFaultPlan(faults) });
  return { ...server, [Symbol.asyncDispose]: () => server.close() };
}

interface Outcome {
  readonly report: DriveReport;
  readonly stderr: readonly string[];
}

async function runOnce(
  command: readonly string[],
  { iam, home }: { readonly iam: IamServer; readonly home: string },
): Promise<Outcome> {
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
    // Nobody's credentials, and no way to anything but the mock.
    env: { HOME: home, AWS_ENDPOINT_URL: iam.url, AWS_EC2_METADATA_DISABLED: 'true' },
    stepTimeoutMs: 10_000,
    cleanup: true,
    // It has to end by itself: only then is its compiled code written.
    limits: { handshakeSilenceMs: 10_000, finishMs: 10_000, terminateAfterMs: 1_000 },
    onEvent: (event) => {
      if (event.kind === 'stderr') stderr.push(event.line);
    },
  });
  return { report, stderr };
}

function requireOutcome({ report, stderr }: Outcome, expected: readonly string[]): void {
  const { steps, problems, exit } = report;
  const asExpected = steps.every(({ state }, index) => state === expected[index]);
  if (asExpected && problems.length === 0 && stderr.length === 0 && exit.code === 0) return;
  throw new Error(
    [
      `The run of the bundled program did not end as it has to; it left with ${exit.code ?? exit.signal}.`,
      ...steps.map((step, index) => `${step.name}: ${describe(step)}, expected ${expected[index]}`),
      ...problems,
      ...stderr,
    ].join('\n'),
  );
}

function describe(step: DriveReport['steps'][number]): string {
  return step.state === 'failed' ? `failed with ${step.text}` : step.state;
}
