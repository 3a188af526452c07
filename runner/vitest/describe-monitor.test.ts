import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { startVitest, type TestCase, type TestModule } from 'vitest/node';

/** Runs vitest over a fixture and returns what its reporters see. */
async function runFixture(fixture: string, options: object = {}): Promise<{ module: TestModule; tests: TestCase[] }> {
  const modules: TestModule[] = [];
  const vitest = await startVitest('test', [], {
    config: false,
    root: fileURLToPath(new URL('testing', import.meta.url)),
    include: [fixture],
    watch: false,
    // Nothing is written beside the fixtures.
    cache: false,
    fsModuleCache: false,
    pool: 'threads',
    reporters: [{ onTestModuleEnd: (module) => void modules.push(module) }],
    env: { VITEST_FIXTURE: '1' },
    ...options,
  });
  // A fixture may fail on purpose, but this process must not.
  process.exitCode = 0;
  await vitest.close();
  const [module] = modules;
  if (module === undefined) throw new Error(`${fixture} did not run`);
  return { module, tests: [...module.children.allTests()] };
}

const course = (item: TestCase): unknown[] => [item.name, item.result().state, item.meta().step?.state];

describe('describeMonitor', { timeout: 30_000 }, () => {
  test('declares one test per step, in order, each with its result, and tears down once', async () => {
    const { module, tests } = await runFixture('passing.fixture.ts', { retry: 2, sequence: { shuffle: true } });
    expect(tests.map(course)).toEqual([
      ['Fill', 'passed', 'passed'],
      ['Boil', 'passed', 'passed'],
      ['Pour', 'passed', 'passed'],
    ]);
    const [suite] = [...module.children.suites()];
    expect(suite?.name).toBe('kettle');
    expect(suite?.meta().teardown).toEqual({ leftovers: [], warnings: ['torn down after Fill, Boil, Pour'] });
  });

  test('fails the test of a failed step, once even with retries, and skips the rest with the reason', async () => {
    const { module, tests } = await runFixture('failing.fixture.ts', { retry: 2 });
    expect(tests.map(course)).toEqual([
      ['Fill', 'passed', 'passed'],
      ['Boil', 'failed', 'failed'],
      ['Pour', 'skipped', 'blocked'],
    ]);
    const [, boil, pour] = tests;
    expect(boil?.result().errors).toHaveLength(1);
    expect(boil?.result().errors?.[0]).toMatchObject({
      name: 'StepFailure',
      message: 'service: Broken at Boil: no power for [redacted]\nMend it.',
    });
    expect(JSON.stringify(boil?.result().errors)).not.toContain('hunter2hunter2');
    expect(pour?.result()).toMatchObject({ note: 'Boil failed' });
    const [suite] = [...module.children.suites()];
    expect(suite?.meta().teardown?.warnings).toEqual(['torn down after Fill']);
  });

  test.for(['Fill', 'Pour'])(
    'runs no step if only %s is selected, because each needs those before it',
    async (name) => {
      const { tests, module } = await runFixture('passing.fixture.ts', { testNamePattern: new RegExp(name) });
      expect(tests.map(course)).toEqual(['Fill', 'Boil', 'Pour'].map((each) => [each, 'skipped', undefined]));
      const [suite] = [...module.children.suites()];
      expect(suite?.meta().teardown?.warnings ?? []).toEqual([]);
    },
  );
});
