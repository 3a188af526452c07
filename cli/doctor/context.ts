import { settleWithin, abortAfter } from '../../runner/deadline.ts';
import type { ParsedSettings } from '../../runner/settings.ts';
import { awsiam } from '../../suites/awsiam/monitor.ts';
import type { Session } from '../../suites/awsiam/session.ts';
import type { Config } from '../../suites/awsiam/settings/config.ts';
import { formatLimit } from '../../text/duration.ts';
import { joinLines } from '../../text/printable.ts';
import type { RunningContext } from '../command-context.ts';
import { createProgress } from '../progress.ts';
import { setUpRun } from '../run/run-setup.ts';
import { skipped, type Finding, type Needed } from './finding.ts';

/** What a group of checks gets. Everything that takes time is done once, when the first group asks for it. */
export interface DoctorContext extends Pick<
  RunningContext,
  'values' | 'environment' | 'baseDir' | 'envFile' | 'envProblems' | 'signal'
> {
  /** Whether nothing may be sent. */
  readonly isOffline: boolean;
  /** Time limit of one probe. */
  readonly timeLimitMs: number;
  /** The settings of the monitor, with the problems of all settings of a run. */
  readonly settings: ParsedSettings<Config>;
  /** The settings of the monitor, unless they are wrong. */
  readonly config: Needed<Config>;
  /** An open session whose credentials AWS accepts, as far as that could be asked. */
  readonly session: () => Promise<Needed<Session>>;
  /** Who the credentials belong to. */
  readonly caller: () => Promise<Needed<Caller>>;
  /**
   * Runs one probe within the time limit. Says what it waits for if it takes more than two seconds.
   *
   * @param doing `asking IAM for the test policy`
   * @throws what `work` rejects with; an error that says what took too long; the signal's reason
   */
  readonly probe: <Value>(doing: string, work: (signal: AbortSignal) => Promise<Value>) => Promise<Value>;
  /** Turns an error of AWS or of the network into a failure, with the words of a run's report. @param at `GetCallerIdentity` */
  readonly failed: (error: unknown, at: string) => Finding;
}

/** The principal, as STS names it. */
export interface Caller {
  /** `arn:aws:sts::123456789012:assumed-role/monitor/i-0abc` */
  readonly arn: string;
  readonly account: string;
  /** `aws`, `aws-us-gov`, `aws-cn` */
  readonly partition: string;
}

/** One line, even if a server sends a page. */
const maxFindingLength = 1000;

export async function createDoctorContext(
  running: RunningContext,
  { isOffline, timeLimitMs }: Pick<DoctorContext, 'isOffline' | 'timeLimitMs'>,
): Promise<DoctorContext & Disposable> {
  const { values, environment, baseDir, envFile, envProblems, signal, errorOutput } = running;
  const { settings } = await setUpRun(values, { mode: 'live', frontEnd: 'run', baseDir, envProblems });
  const probe: DoctorContext['probe'] = async (doing, work) => {
    const progress = createProgress(errorOutput, doing);
    using deadline = abortAfter(timeLimitMs, `no end within ${formatLimit(timeLimitMs)} of ${doing}`, signal);
    try {
      return await settleWithin(work(deadline.signal), deadline.signal, 0);
    } finally {
      progress.end();
    }
  };
  const failed: DoctorContext['failed'] = (error, at) => {
    const howToConfigure = `Correct it in the environment or in the file ${envFile}`;
    const { message, advice } = awsiam.explain(error, at, { mode: 'live', values, howToConfigure });
    return { state: 'failure', what: joinLines(message, maxFindingLength), fix: advice };
  };
  return {
    values,
    environment,
    baseDir,
    envFile,
    envProblems,
    signal,
    isOffline,
    timeLimitMs,
    settings,
    config: neededConfig(settings),
    session: notYet('the session'),
    caller: notYet('the caller'),
    probe,
    failed,
    [Symbol.dispose]: () => {},
  };
}

/** The monitor's own settings may be right although others, such as those of Metrist, are wrong. */
const neededConfig = ({ config }: ParsedSettings<Config>): Needed<Config> =>
  config !== undefined
    ? { value: config }
    : { missing: 'the settings are wrong', finding: skipped('everything that needs the settings', 'they are wrong') };

const notYet = (what: string) => once(() => Promise.resolve({ missing: what, finding: skipped(what, 'not built') }));

/** Does something at the first call, and gives its result to each. */
function once<Value>(work: () => Promise<Value>): () => Promise<Value> {
  let result: Promise<Value> | undefined;
  return async () => await (result ??= work());
}
