import { describe, expect, onTestFinished, test } from 'vitest';
import type { RunReporter } from '../run-reporter.ts';
import { passedRun, runs } from './runs.ts';

/** A reporter with its own destination, for one test. */
export interface ReporterUnderTest {
  readonly reporter: RunReporter;
  /** Afterwards nothing can be delivered. */
  readonly breakDestination: () => Promise<void>;
  /** Removes the destination. */
  readonly close: () => Promise<void>;
}

/**
 * The contract of every `RunReporter`: for every run and every state of its destination it returns an outcome that fits into
 * the summary line, and never throws.
 */
export function testReporter(name: string, makeReporter: () => Promise<ReporterUnderTest>): void {
  async function make(): Promise<ReporterUnderTest> {
    const underTest = await makeReporter();
    onTestFinished(() => underTest.close());
    return underTest;
  }

  describe(`${name} as a reporter`, () => {
    test.for(Object.entries(runs))('delivers a run in which %s', async ([, run]) => {
      const { reporter } = await make();
      expect(await reporter.report(deepFreeze(structuredClone(run)), [])).toMatchObject({ ok: true, text: shortLine });
    });

    test('reports every time that nothing was delivered if its destination is lost', async () => {
      const { reporter, breakDestination } = await make();
      expect(await reporter.report(passedRun, [])).toMatchObject({ ok: true });
      await breakDestination();
      for (const attempt of [1, 2]) {
        const outcome = await reporter.report(passedRun, []);
        expect(outcome, `attempt ${attempt}`).toMatchObject({ ok: false, text: shortLine });
        expect(outcome.text).toContain('not ');
      }
    });
  });
}

/** One printable line, as the summary needs it. */
const shortLine: unknown = expect.stringMatching(/^\P{Cc}{1,400}$/u);

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null)
    Object.values(Object.freeze(value)).forEach((item) => deepFreeze(item));
  return value;
}
