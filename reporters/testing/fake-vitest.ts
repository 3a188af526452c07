import type { SerializedError, TaskMeta } from 'vitest';
import type { TestCase, TestModule, TestSuite } from 'vitest/node';

/** Builders for vitest's reported tasks, with only what `collectRun` reads. */

export function fakeTest(
  name: string,
  options: {
    readonly step?: TaskMeta['step'];
    readonly state?: 'passed' | 'failed' | 'skipped' | 'pending';
    readonly errors?: readonly SerializedError[];
    readonly startTime?: number;
    readonly duration?: number;
    readonly suite?: string;
  } = {},
): TestCase {
  const { step, state = 'passed', errors = [], startTime, duration, suite = 'awsiam' } = options;
  return {
    name,
    fullName: `${suite} > ${name}`,
    meta: () => (step === undefined ? {} : { step }),
    result: () => ({ state, errors }),
    diagnostic: () => (startTime === undefined ? undefined : { startTime, duration }),
  } as unknown as TestCase;
}

export function fakeSuite(
  tests: readonly TestCase[],
  options: { readonly name?: string; readonly errors?: readonly SerializedError[]; readonly meta?: TaskMeta } = {},
): TestSuite {
  const { name = 'awsiam', errors = [], meta = {} } = options;
  return {
    name,
    meta: () => meta,
    errors: () => errors,
    children: { tests: () => tests.values() },
  } as unknown as TestSuite;
}

export function fakeModule(suites: readonly TestSuite[], errors: readonly SerializedError[] = []): TestModule {
  return { errors: () => errors, children: { allSuites: () => suites.values() } } as unknown as TestModule;
}
