import { StepTimeoutError } from '../deadline.ts';
import type { Monitor, Step } from '../monitor.ts';
import type { StepError } from '../step-result.ts';

/** What the test monitor's configuration is: its values, as they are. */
export type TestConfig = Readonly<Record<string, string | undefined>>;

/** Remembers which steps ran, and that it was closed. */
export interface TestSession {
  readonly ran: string[];
  /** Found while opening: not among the values. */
  readonly secret?: string;
  closed: number;
}

/** A monitor of three steps that pass, over nothing at all; every field overridable. */
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

/** A step that passes at once and leaves its name in the session. */
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

/** What an explanation is, reduced to what a test needs. */
export function explained(error: unknown, step: string): StepError {
  const text = error instanceof Error ? error.message : String(error);
  if (error instanceof StepTimeoutError) {
    const { name: code } = error;
    return { verdict: 'timeout', code, message: `${code} at ${step}: ${text}`, advice: 'Allow it more time.' };
  }
  return { verdict: 'service', code: 'Broken', message: `Broken at ${step}: ${text}`, advice: 'Mend it.' };
}
