import type { ParsedSettings } from '../../runner/settings.ts';
import type { StepError } from '../../runner/step-result.ts';
import type { Session } from '../../suites/awsiam/session.ts';
import type { Config } from '../../suites/awsiam/settings/config.ts';
import type { RunningContext } from '../command-context.ts';
import type { Finding, GroupName, Needed } from './finding.ts';

/** Checks that belong together. Each group is one file in `checks/`. */
export interface CheckGroup {
  readonly name: GroupName;
  /** What is checked, for the headline: `this host`. */
  readonly title: string;
  /** Whether all of its checks need the network. With `--offline` such a group is skipped as a whole. */
  readonly needsNetwork: boolean;
  /** Yields a finding as soon as it is known, so that the user sees progress. Should not throw. */
  readonly check: (context: DoctorContext) => AsyncIterable<Finding> | Iterable<Finding>;
}

/**
 * What a group of checks gets. What takes time is done once, when the first group asks for it. So each group can also be
 * checked alone.
 */
export interface DoctorContext extends Pick<
  RunningContext,
  'values' | 'environment' | 'baseDir' | 'envFile' | 'envProblems' | 'signal'
> {
  /** Whether nothing may be sent. */
  readonly isOffline: boolean;
  /** Absolute. */
  readonly resultsDir: string;
  /** The settings of the monitor, with the problems of all settings of a run. */
  readonly settings: ParsedSettings<Config>;
  /** The settings of the monitor, unless they are wrong. Those of Metrist or of a report may be wrong nevertheless. */
  readonly config: Needed<Config>;
  /** Whether IAM and STS can be reached. Nothing is signed for that. */
  readonly network: () => Promise<Network>;
  /** A session with the credentials that a run would use, whether or not AWS accepts them. */
  readonly credentials: () => Promise<Needed<Session>>;
  /** Who the credentials belong to, by STS or else by IAM. */
  readonly caller: () => Promise<Needed<Caller>>;
  /**
   * An open session for calls to IAM. It is missing if IAM cannot be reached or AWS refuses the credentials, so that a group
   * with many probes does not find the same failure many times.
   */
  readonly session: () => Promise<Needed<Session>>;
  /**
   * Runs one probe within the time limit. Says what it waits for if it takes more than two seconds.
   *
   * @param doing `asking IAM for the test policy`
   * @throws what `work` rejects with; an error that says what took too long; the signal's reason
   */
  readonly probe: <Value>(doing: string, work: (signal: AbortSignal) => Promise<Value>) => Promise<Value>;
  /** Explains an error of AWS or of the network as the report of a run does. @param at `GetCallerIdentity` */
  readonly explain: (error: unknown, at: string) => StepError;
  /** The same as a finding. */
  readonly failed: (error: unknown, at: string) => Finding;
}

/** How the services of AWS can be reached. */
export interface Network {
  readonly findings: readonly Finding[];
  readonly iam: Needed<URL>;
  readonly sts: Needed<URL>;
}

/** The principal, as AWS names it. */
export interface Caller {
  /** `arn:aws:sts::123456789012:assumed-role/monitor/i-0abc` */
  readonly arn: string;
  readonly account: string;
  /** `aws`, `aws-us-gov`, `aws-cn` */
  readonly partition: string;
}
