import type { MonitorRun } from '../../runner/monitor-run.ts';
import {
  blockedStep,
  failedStep,
  interruptedStep,
  monitorRun,
  passedStep,
  stepError,
} from '../../runner/testing/builders.ts';

const loadProblem = {
  kind: 'load',
  message: "awsiam.suite.ts did not load: Cannot find module 'left-pad'",
  stack: "Error: Cannot find module 'left-pad'\n    at suites/awsiam/session.ts:3:1",
} as const;

/** Text that breaks naive writers: the ends of XML and CDATA, terminal escapes, NUL, lone surrogates, direction marks. */
export const hostileText =
  '"&<>]]>]]> \u001B[31mred\u001B]0;title\u0007 \0\b\r \uD800x\uDC00 \uFFFE \u202Eevil 😀 <![CDATA[ é';

const hostileError = stepError({
  code: hostileText,
  message: `${hostileText}\n${'long '.repeat(200_000)}${hostileText}`,
  advice: hostileText,
  stack: hostileText,
});

/** Eight steps that passed, some of them with waiting or retries. */
export const passedRun: MonitorRun = monitorRun({
  durationMs: 3240,
  steps: [
    passedStep({
      evidence: {
        requestId: '6b7f9f3e-0001',
        httpStatus: 200,
        attempts: 1,
        retryDelayMs: 0,
        connectMs: 34,
        lastAttemptMs: 84,
      },
    }),
    passedStep({ name: 'CreateGroup', startedAt: '2026-11-22T10:00:00.085Z', durationMs: 61 }),
    passedStep({
      name: 'AddUserToGroup',
      startedAt: '2026-11-22T10:00:00.147Z',
      durationMs: 2104.5,
      evidence: {
        requestId: '6b7f9f3e-0003',
        httpStatus: 200,
        attempts: 4,
        retryDelayMs: 0,
        propagationMs: 1900,
        lastAttemptMs: 58,
      },
    }),
    passedStep({ name: 'RemoveUserFromGroup', startedAt: '2026-11-22T10:00:02.252Z', durationMs: 57 }),
    passedStep({ name: 'DeleteGroup', startedAt: '2026-11-22T10:00:02.310Z', durationMs: 66 }),
    passedStep({ name: 'AttachPolicy', startedAt: '2026-11-22T10:00:02.377Z', durationMs: 71 }),
    passedStep({ name: 'DetachPolicy', startedAt: '2026-11-22T10:00:02.449Z', durationMs: 59 }),
    passedStep({
      name: 'DeleteUser',
      startedAt: '2026-11-22T10:00:02.509Z',
      durationMs: 310,
      evidence: {
        requestId: '6b7f9f3e-0008',
        httpStatus: 404,
        attempts: 2,
        retryDelayMs: 120,
        lastAttemptMs: 60,
        resolution: 'the first answer was lost; NoSuchEntity then means that the user is deleted',
      },
    }),
  ],
});

/** The second step fails because of the service. There are leftovers and warnings, too. */
export const theirFailureRun: MonitorRun = monitorRun({
  state: 'failed',
  durationMs: 2020,
  steps: [
    passedStep(),
    failedStep({ evidence: { ...failedStep().evidence, lastAttemptMs: 92 } }),
    blockedStep(),
    blockedStep({ name: 'DeleteUser' }),
  ],
  leftovers: [
    {
      entity: 'user testuser-prod-m3x8k2-7f3a',
      reason: 'DeleteUser: ServiceFailure (HTTP 500)',
      command: 'awsiam cleanup',
    },
  ],
  warnings: ['the sweep stopped after 60 s and goes on in the next run'],
});

/** The first step fails because of the account that the monitor runs in. */
export const ourFailureRun: MonitorRun = monitorRun({
  state: 'failed',
  steps: [
    failedStep({
      name: 'CreateUser',
      evidence: { requestId: '6b7f9f3e-0009', httpStatus: 403, attempts: 1 },
      error: stepError({
        verdict: 'permission',
        code: 'AccessDenied',
        message: 'CreateUser failed: AccessDenied (HTTP 403): not authorized to perform: iam:CreateUser',
        advice: 'Allow iam:CreateUser on the path /AwsIamMonitorTestUsers/.',
      }),
    }),
    blockedStep({ name: 'CreateGroup', reason: 'CreateUser failed' }),
  ],
});

/** A SIGTERM cut the second step off. */
export const interruptedRun: MonitorRun = monitorRun({
  state: 'interrupted',
  steps: [passedStep(), interruptedStep(), blockedStep({ reason: 'the run was interrupted (SIGTERM)' })],
});

/** A run without any step. */
export const emptyRun: MonitorRun = monitorRun({
  state: 'failed',
  durationMs: 0,
  steps: [],
  problems: [{ kind: 'empty', message: 'no test ran: the filter -t matches nothing' }],
});

/** The suite's file did not load. The run has that problem, and its first step fails with it. */
export const loadErrorRun: MonitorRun = monitorRun({
  state: 'failed',
  durationMs: 0,
  steps: [
    failedStep({
      name: 'CreateUser',
      durationMs: 0,
      evidence: {},
      error: stepError({
        verdict: 'monitor',
        code: 'ERR_MODULE_NOT_FOUND',
        message: loadProblem.message,
        advice: 'Install the packages with npm ci.',
        stack: loadProblem.stack,
      }),
    }),
    blockedStep({ name: 'CreateGroup', reason: 'CreateUser failed' }),
  ],
  problems: [loadProblem],
});

/** Hostile text in every place for text, and a megabyte in one of them. */
export const hostileRun: MonitorRun = monitorRun({
  instance: 'us-east-1',
  state: 'failed',
  steps: [
    passedStep({ evidence: { requestId: hostileText, resolution: hostileText } }),
    failedStep({ error: hostileError, evidence: { requestId: hostileText } }),
    blockedStep({ reason: hostileText }),
    interruptedStep({ name: 'DeleteGroup', reason: hostileText }),
  ],
  problems: [
    { kind: 'unhandled', message: hostileText, stack: hostileText },
    { kind: 'unhandled', message: hostileText },
  ],
  leftovers: [{ entity: hostileText, reason: hostileText, command: hostileText }],
  warnings: [hostileText],
});

/** The runs that every reporter has to handle, by what happened. */
export const runs = {
  'every step passed': passedRun,
  'a step failed because of the service': theirFailureRun,
  'a step failed because of us': ourFailureRun,
  'a step was interrupted': interruptedRun,
  'there are no steps': emptyRun,
  'the suite did not load': loadErrorRun,
  'the texts are hostile': hostileRun,
} as const satisfies Record<string, MonitorRun>;
