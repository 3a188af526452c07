import type { RunMode, SweepReport, TeardownReport } from './monitor-run.ts';
import type { Remaining } from './progress.ts';
import type { ParsedSettings } from './settings.ts';
import type { Secret } from '../text/redact.ts';
import type { Evidence, StepError } from './step-result.ts';

/** Configuration as it comes from outside: environment variables, or the Config JSON of a protocol. */
export type Values = Readonly<Record<string, string | undefined>>;

/** Who reads the settings: a live or an offline run, the Orchestrator's monitor, or a command at a terminal. */
export type SettingsReader = RunMode | 'orchestrator' | 'command';

/** What a step gets beside the session. */
export interface StepContext {
  /** Aborted at the step's deadline and when the run is cancelled. */
  readonly signal: AbortSignal;
  /** The step writes down here what it learns; it counts for successes and failures alike. */
  readonly evidence: { -readonly [Key in keyof Evidence]: Evidence[Key] };
  /** What the step is waiting for right now, for the message of a timeout: `the answer to CreateUser`. */
  waitingFor: string;
}

/** What an explanation depends on beside the error: what the reader can change, and where. */
export interface ExplainContext {
  readonly mode: RunMode;
  /** What the configuration was read from. */
  readonly values: Values;
  /** Where settings are made in this front end, as a sentence without its full stop. */
  readonly howToConfigure: string;
}

/** One timed step: Metrist's *check*. `run` rejects when the step failed. */
export interface Step<Session> {
  /** Logical name, without spaces, the same in every report. */
  readonly name: string;
  /** What it attempts, as a sentence. */
  readonly description: string;
  run(session: Session, context: StepContext): Promise<void>;
}

/** A monitor is data and small functions, so that every front end can drive it. */
export interface Monitor<Config, Session> {
  /** Logical name. */
  readonly name: string;
  /** In the order in which they run; each needs the ones before it. */
  readonly steps: readonly Step<Session>[];
  /** Reads every setting of the monitor. Never throws: what is missing or wrong is among the problems. */
  readonly parseConfig: (values: Values) => ParsedSettings<Config>;
  /** Settings that look like a mistake and have no effect, one sentence each. Names only, never values. */
  readonly findSettingWarnings: (values: Values, reader: SettingsReader) => readonly string[];
  /** Deadline of one step. */
  readonly stepTimeoutMs: (config: Config) => number;
  /** What can be done before the configuration is known: loading and warming up code. Changes nothing but speed. */
  readonly prepare: (options: { readonly mode: RunMode }) => Promise<void>;
  /** Everything else that no step's time should contain: clients, credentials, connections. */
  readonly openSession: (
    config: Config,
    options: { readonly mode: RunMode; readonly signal: AbortSignal },
  ) => Promise<Session>;
  /** Says whose fault an error is and what to do. Never throws. */
  readonly explain: (error: unknown, step: string, context: ExplainContext) => StepError;
  /** Values that must never leave the process. Has to work where the configuration is wrong, too. */
  readonly secrets: (values: Values, session?: Session) => readonly Secret[];
  /**
   * Removes what this run made or may have made. Idempotent.
   *
   * @param options.signal aborted when no time is left; teardown then has to say at once what is left
   * @param options.watchMs how long to look for what a request without an answer may still make
   */
  readonly teardown: (
    session: Session,
    options: { readonly signal: AbortSignal; readonly watchMs: number },
  ) => Promise<TeardownReport>;
  /** What teardown has yet to remove: all that the run made or may still make, unless it is known to be gone. */
  readonly remaining: (session: Session) => readonly Remaining[];
  /** After the steps: removes what earlier, killed runs left. Never rejects but for bugs. */
  readonly sweep: (session: Session, options: { readonly signal: AbortSignal }) => Promise<SweepReport>;
  /** The service's time minus this host's, in milliseconds, as far as its answers tell. @default 0 */
  readonly clockOffsetMs?: (session: Session) => number;
  readonly closeSession: (session: Session) => void;
}

/** Gives a monitor its types; returns it as it is. */
export function defineMonitor<Config, Session>(monitor: Monitor<Config, Session>): Monitor<Config, Session> {
  return monitor;
}
