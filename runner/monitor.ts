import type { RunFacts, RunMode, SweepReport, TeardownReport } from './monitor-run.ts';
import type { Remaining } from './progress.ts';
import type { ParsedSettings } from './settings.ts';
import type { Secret } from '../text/redact.ts';
import type { Evidence, StepError } from './step-result.ts';

/** Settings as text: environment variables, or the Config JSON of a protocol. */
export type Values = Readonly<Record<string, string | undefined>>;

/** What reads the settings: a live or an offline run, a monitor under the Orchestrator, or a command at a terminal. */
export type SettingsReader = RunMode | 'orchestrator' | 'command';

/** What a step gets besides the session. */
export interface StepContext {
  /** Aborted at the step's deadline, and when the run is cancelled. */
  readonly signal: AbortSignal;
  /** The step records here what it learns. The result carries it, whether the step passes or fails. */
  readonly evidence: { -readonly [Key in keyof Evidence]: Evidence[Key] };
  /** What the step is waiting for right now, for the message of a timeout: `the answer to CreateUser`. */
  waitingFor: string;
}

/** What an explanation depends on besides the error: what the reader can change, and where. */
export interface ExplainContext {
  readonly mode: RunMode;
  /** What the settings were read from. */
  readonly values: Values;
  /** How to set the settings in this front end, as a sentence without its full stop. */
  readonly howToConfigure: string;
}

/** One timed step: Metrist's *check*. `run` rejects if the step fails. */
export interface Step<Session> {
  /** Logical name, without spaces. It is the same in every report. */
  readonly name: string;
  /** What it does, as a sentence. */
  readonly description: string;
  /** The service's name of the call that it makes: `AttachUserPolicy`. @default the step's own name */
  readonly operation?: string;
  run(session: Session, context: StepContext): Promise<void>;
}

/** A monitor is data and small functions, so that every front end can use it. */
export interface Monitor<Config, Session> {
  /** Logical name. */
  readonly name: string;
  /** In the order in which they run. Each step needs those before it. */
  readonly steps: readonly Step<Session>[];
  /** Reads every setting of the monitor. Never throws: what is missing or wrong is among the problems. */
  readonly parseConfig: (values: Values) => ParsedSettings<Config>;
  /** Settings that look like a mistake and have no effect, one sentence each, with names and without values. */
  readonly findSettingWarnings: (values: Values, reader: SettingsReader) => readonly string[];
  /** Deadline of one step. */
  readonly stepTimeoutMs: (config: Config) => number;
  /** Loads and warms up code, before the session is opened. Only for speed. */
  readonly prepare: (options: { readonly mode: RunMode }) => Promise<void>;
  /** Does everything that must not count as a step's time: makes clients, finds credentials, opens connections. */
  readonly openSession: (
    config: Config,
    options: { readonly mode: RunMode; readonly signal: AbortSignal },
  ) => Promise<Session>;
  /** Says whose fault an error is, and what to do. Never throws, whatever the error is. */
  readonly explain: (error: unknown, step: string, context: ExplainContext) => StepError;
  /** Values that must never leave the process. Also works if the settings are wrong. */
  readonly secrets: (values: Values, session?: Session) => readonly Secret[];
  /**
   * Removes what this run made or may have made. Idempotent.
   *
   * @param options.signal aborted when no time is left. Teardown then reports at once what is left behind
   * @param options.watch aborted when it must no longer look for what a request without an answer may still create
   */
  readonly teardown: (
    session: Session,
    options: { readonly signal: AbortSignal; readonly watch: AbortSignal },
  ) => Promise<TeardownReport>;
  /** What teardown still has to remove: everything that the run made or may still make, unless it is known to be gone. */
  readonly remaining: (session: Session) => readonly Remaining[];
  /** Removes, after the steps, what earlier runs left when they were killed. Rejects only because of a bug. */
  readonly sweep: (session: Session, options: { readonly signal: AbortSignal }) => Promise<SweepReport>;
  /** The service's time minus this host's, in milliseconds, according to the service's answers. @default 0 */
  readonly clockOffsetMs?: (session: Session) => number;
  /** Where the run works, for its record. `session` is absent if it did not open. @default nothing */
  readonly facts?: (config: Config, session?: Session) => RunFacts;
  readonly closeSession: (session: Session) => void;
}
