import { toRecord, type RunRecord } from '../../history/run-record.ts';
import { installIamMock } from '../../mocks/iam/client-mock.ts';
import { createIamState, createRandom } from '../../mocks/iam/state.ts';
import packageJson from '../../package.json' with { type: 'json' };
import { systemClock, type Clock } from '../../runner/clock.ts';
import type { Monitor } from '../../runner/monitor.ts';
import { MonitorRunner } from '../../runner/run-monitor.ts';
import type { StepResult } from '../../runner/step-result.ts';
import { awsiam } from '../../suites/awsiam/monitor.ts';
import { RehearsedIam } from './rehearsed-iam.ts';
import { VirtualTime } from './virtual-time.ts';

/** The pictures show a live monitor, so the settings are those of a live run. The mock checks no key. */
const values = {
  METRIST_AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE',
  METRIST_AWS_SECRET_ACCESS_KEY: 'wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY',
  METRIST_AWS_REGION: 'us-east-1',
  METRIST_NAMESPACE: 'prod',
};
const instance = 'us-east-1';

interface RehearseOptions {
  /** The last run starts before this time. Epoch, UTC. */
  readonly endMs: number;
  readonly days: number;
  readonly intervalSecs: number;
}

/**
 * Runs the real steps over the mocked IAM, again and again, for some days of {@link VirtualTime}. The same options give the
 * same runs.
 */
export async function* rehearse({ endMs, days, intervalSecs }: RehearseOptions): AsyncGenerator<RunRecord> {
  await loadEverything(intervalSecs);
  const systemRandom = Math.random;
  const random = createRandom(5);
  const startMs = endMs - days * 86_400_000;
  using time = new VirtualTime(startMs);
  const iam = new RehearsedIam({ endMs, nowMs: () => time.nowMs });
  const state = createIamState({ random: createRandom(3) });
  const mock = installIamMock({ state, faults: iam, latency: () => iam.answerMs() });
  // Jitter and names are the same in each rehearsal.
  Math.random = random;
  try {
    for (let atMs = startMs; atMs < endMs; atMs += intervalSecs * 1000) {
      time.goTo(atMs + random() * 1500);
      yield await time.run(() => rehearseRun(time.clock, intervalSecs));
      mock.calls.length = 0;
      mock.client.resetHistory();
    }
  } finally {
    Math.random = systemRandom;
    mock.restore();
  }
}

/** A run in real time, because loading the AWS SDK waits for the disk and not for timers. */
async function loadEverything(intervalSecs: number): Promise<void> {
  const mock = installIamMock();
  await rehearseRun(systemClock, intervalSecs);
  mock.restore();
}

async function rehearseRun(clock: Clock, intervalSecs: number): Promise<RunRecord> {
  const settings = awsiam.parseConfig(values);
  // A new one, because everything that ever waited for a signal stays with it.
  const { signal: neverAborted } = new AbortController();
  const runner = new MonitorRunner(monitor, { settings, values, mode: 'offline', clock });
  const startedAt = clock.now().toISOString();
  await runner.open(neverAborted);
  const steps: StepResult[] = [];
  for (const { name } of awsiam.steps) steps.push(await runner.step(name, neverAborted));
  const { durationMs, facts } = runner;
  const teardown = await runner.teardown();
  const sweep = await runner.sweep(neverAborted);
  runner.close();
  const run = {
    monitor: awsiam.name,
    version: packageJson.version,
    mode: 'live',
    instance,
    ...facts,
    startedAt,
    durationMs,
    state: steps.some(({ state }) => state === 'failed') ? 'failed' : 'passed',
    steps: steps.map(withoutStack),
    problems: [],
    leftovers: teardown.leftovers,
    ...(sweep !== undefined && { swept: sweep.removed, sweptRemaining: sweep.remaining }),
    warnings: [...teardown.warnings, ...(sweep?.warnings ?? [])],
  } as const;
  return toRecord(run, { intervalSecs, frontEnd: 'vitest' });
}

type Config = typeof awsiam extends Monitor<infer C, infer _Session> ? C : never;
type Session = typeof awsiam extends Monitor<infer _Config, infer S> ? S : never;

/** Explains failures as in a live run. */
const monitor: Monitor<Config, Session> = {
  ...awsiam,
  explain: (error, step, context) => awsiam.explain(error, step, { ...context, mode: 'live' }),
};

/** Stacks hold paths of this machine. */
function withoutStack(step: StepResult): StepResult {
  if (step.state !== 'failed') return step;
  const { stack: _, ...error } = step.error;
  return { ...step, error };
}
