import type { IamState } from '../../mocks/iam/state.ts';
import type { Verdict } from '../../runner/step-result.ts';
import type { StepName } from '../../suites/awsiam/steps.ts';

/** What happens to a run, the same whichever way it is started. */
export interface ParityScenario {
  /** As in AWSIAM_MOCK_FAULTS. @default none */
  readonly faults?: string;
  /** All of the monitor's own settings. @default `liveEnv` */
  readonly settings?: Readonly<Record<string, string>>;
  /** Settings beside those. */
  readonly env?: Readonly<Record<string, string>>;
  /** Under the Orchestrator this comes as its Config, in place of `settings`. */
  readonly config?: Readonly<Record<string, string>>;
  /** What is in the account before the run. Makes no sense offline. @default nothing */
  readonly seed?: (state: IamState) => void;
  /** An endpoint where nobody listens, in place of the mock. */
  readonly unreachable?: true;
  /** Whether the Orchestrator asks for the cleanup that the other ways do unasked. @default false */
  readonly cleanup?: boolean;
  /** The runs take seconds, and do nothing for most of them. @default false */
  readonly waits?: true;
  /** Where the scenario cannot be had offline: why. */
  readonly notOffline?: string;
  /** The step that fails, with its verdict and code. All ways could be wrong in the same way. @default all pass */
  readonly fails?: readonly [step: StepName, verdict: Verdict, code: string];
  /** What the run says that it leaves behind. @default nothing */
  readonly leaves?: readonly ('user' | 'group')[];
  /** What the run names beside that because an unanswered request may still make it. @default nothing */
  readonly mayAppear?: readonly ('user' | 'group')[];
  /** How many warnings there are beside that. @default 0 */
  readonly warnings?: number;
}
