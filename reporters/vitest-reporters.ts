import os from 'node:os';
import type { SummarySettings } from '../host/summary-settings.ts';
import type { MetristConfig } from '../metrist/config.ts';
import { systemClock } from '../runner/clock.ts';
import type { Values } from '../runner/monitor.ts';
import type { CreateReportersOptions } from './create-reporters.ts';

interface VitestReportersOptions {
  /** The file that defines the steps, relative to the project. */
  readonly stepsFile: string;
  /** Absent if nothing is to be sent to Metrist. */
  readonly metrist: MetristConfig | undefined;
  /** @default no summary */
  readonly summary?: SummarySettings;
  /** `awsiam/0.1.0` */
  readonly userAgent: string;
  /** The environment, for the proxy. */
  readonly values: Values;
}

/** The reports that only a run with vitest has. The executable does not contain their code. */
export function vitestReporters({
  stepsFile,
  metrist,
  summary: { isFileWanted, jobSummary } = { isFileWanted: false },
  userAgent,
  values,
}: VitestReportersOptions): Pick<CreateReportersOptions, 'junit' | 'metrist' | 'summary'> {
  const junit: CreateReportersOptions['junit'] = async (inResults) => {
    const { JunitReporter } = await import('./junit.ts');
    const { path: file, shownAs } = inResults('junit.xml');
    return new JunitReporter({ file, shownAs, hostname: os.hostname(), stepsFile });
  };
  const summary: CreateReportersOptions['summary'] = async (inResults) => {
    const { SummaryReporter } = await import('./summary.ts');
    return new SummaryReporter({
      ...(isFileWanted && { file: inResults('summary.md') }),
      ...(jobSummary !== undefined && { jobSummary }),
    });
  };
  const always = { junit, ...((isFileWanted || jobSummary !== undefined) && { summary }) };
  if (metrist === undefined) return always;
  return {
    ...always,
    metrist: async (inResults) => {
      const [{ createMetristApi }, { fetchThroughProxy }, { MetristReporter }] = await Promise.all([
        import('../metrist/delivery/api.ts'),
        import('../metrist/request.ts'),
        import('./metrist.ts'),
      ]);
      const outbox = inResults('outbox');
      return new MetristReporter({
        api: createMetristApi({ ...metrist, userAgent, fetch: fetchThroughProxy(values, metrist.baseUrl) }),
        instance: metrist.instance,
        outboxDir: outbox.path,
        shownAs: { outboxDir: outbox.shownAs, historyDir: inResults('runs').shownAs },
        required: metrist.requireDelivery,
        clock: systemClock,
      });
    },
  };
}
