import { describe, expect, onTestFinished, test } from 'vitest';
import type { RunReporter } from '../run-reporter.ts';
import { passedRun, runs } from './runs.ts';

/** A reporter with a destination of its own, set up for one test. */
export interface ReporterUnderTest {
  readonly reporter: RunReporter;
  /** From now on nothing can be delivered. */
  readonly breakDestination: () => Promise<void>;
  /** Removes what the test needed. */
  readonly close: () => Promise<void>;
}

/**
 * What every `RunReporter` owes its callers, whatever the run and whatever its destination does: an outcome, never an
 * exception, that fits into the summary line.
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
      expect(await reporter.report(deepFreeze(structuredClone(run)))).toEqual({ ok: true, text: shortLine });
    });

    test('says that nothing was delivered when its destination is lost, each time', async () => {
      const { reporter, breakDestination } = await make();
      expect(await reporter.report(passedRun)).toMatchObject({ ok: true });
      await breakDestination();
      for (const attempt of [1, 2]) {
        const outcome = await reporter.report(passedRun);
        expect(outcome, `attempt ${attempt}`).toEqual({ ok: false, text: shortLine });
        expect(outcome.text).toContain('not ');
      }
    });
  });
}

/** One printable line: it stands among others in the summary. */
const shortLine: unknown = expect.stringMatching(/^\P{Cc}{1,400}$/u);

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null)
    Object.values(Object.freeze(value)).forEach((item) => deepFreeze(item));
  return value;
}
