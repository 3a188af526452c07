import { StepTimeoutError } from '../deadline.ts';
import type { Monitor, Step } from '../monitor.ts';
import type { StepError } from '../step-result.ts';

/** The test monitor's config: the values that it was given, unchanged. */
export type TestConfig = Readonly<Record<string, string | undefined>>;

/** A session that records which steps ran and how often it was closed. */
export interface TestSession {
  readonly ran: string[];
  /** A secret that is not in the values. It was found while the session opened. */
  readonly secret?: string;
  closed: number;
}

/** A monitor with three steps that do nothing and pass. Every field can be overridden. */
export function testMonitor(
  overrides: Partial<Monitor<TestConfig, TestSession>> = {},
): Monitor<TestConfig, TestSession> {
  return {
    name: 'kettle',
    steps: ['Fill', 'Boil', 'Pour'].map((name) => testStep({ name })),
    parseConfig: (values) => ({ config: values, problems: [] }),
    findSettingWarnings: () => [],
    stepTimeoutMs: () => 60_000,
    prepare: () => Promise.resolve(),
    openSession: () => Promise.resolve(testSession()),
    explain: (error, step) => explained(error, step),
    secrets: ({ SECRET = '' }, session) =>
      [SECRET, session?.secret ?? ''].map((value) => ({ value, shownAs: '[redacted]' })),
    teardown: () => Promise.resolve({ leftovers: [], warnings: [] }),
    remaining: () => [],
    sweep: () => Promise.resolve({ removed: 0, remaining: 0, warnings: [] }),
    closeSession: (session) => {
      session.closed += 1;
    },
    ...overrides,
  };
}

/** A step that passes at once and records its name in the session. */
export function testStep(overrides: Partial<Step<TestSession>> & { readonly name: string }): Step<TestSession> {
  return {
    description: `Does ${overrides.name}.`,
    run: (session) => {
      session.ran.push(overrides.name);
      return Promise.resolve();
    },
    ...overrides,
  };
}

export function testSession(overrides: Partial<TestSession> = {}): TestSession {
  return { ran: [], closed: 0, ...overrides };
}

/** A simple `explain` for tests. */
export function explained(error: unknown, step: string): StepError {
  const text = error instanceof Error ? error.message : String(error);
  if (error instanceof StepTimeoutError) {
    const { name: code } = error;
    return { verdict: 'timeout', code, message: `${code} at ${step}: ${text}`, advice: 'Allow it more time.' };
  }
  return { verdict: 'service', code: 'Broken', message: `Broken at ${step}: ${text}`, advice: 'Mend it.' };
}
