import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { TestContext } from 'vitest';
import type { GroupName } from '../../../cli/doctor/finding.ts';
import type { MetristStandIn } from '../../../metrist/testing/stand-in.ts';
import type { IamServer } from '../../../mocks/iam/server.ts';
import { liveEnv, makeResultsDir, runAwsiam, type Ended } from '../../harness/run.ts';
import { metristEnv, startIam, startMetrist } from '../../harness/servers.ts';

export type Variables = Readonly<Record<string, string>>;

/** A place where everything is right, for one test. */
export interface Place {
  readonly iam: IamServer;
  readonly metrist: MetristStandIn;
  /** A home directory of its own. */
  readonly home: string;
  readonly resultsDir: string;
  readonly context: TestContext;
  /** The settings for it. */
  readonly env: Variables;
}

/** One thing that is wrong, and how the doctor names its cause and its fix. */
export interface Misconfiguration {
  /** Completes "names the cause and the fix if …": `the key id is unknown`. */
  readonly name: string;
  /** Faults of the mocked IAM, as in AWSIAM_MOCK_FAULTS. */
  readonly faults?: string;
  /** Makes it wrong. @returns the variables to change. An empty one counts as absent */
  readonly spoil?: (place: Place) => Promise<Variables> | Variables;
  /** The group that has to find it. */
  readonly group: GroupName;
  /** @default 'failure' */
  readonly state?: 'failure' | 'warning';
  readonly cause: RegExp;
  /** Matches the fix, with the command if there is one. */
  readonly fix: RegExp;
  /** A part of the statement to add. @default there is none */
  readonly statement?: object;
}

/** A mock of IAM and STS, a stand-in of Metrist, and directories of its own. */
export async function makePlace(context: TestContext, faults = ''): Promise<Place> {
  const { onTestFinished } = context;
  const [iam, metrist] = await Promise.all([startIam(faults, { onTestFinished }), startMetrist({ onTestFinished })]);
  const resultsDir = await makeResultsDir(onTestFinished);
  const home = await mkdtemp(path.join(os.tmpdir(), 'awsiam-home-'));
  onTestFinished(() => rm(home, { recursive: true }));
  const env = {
    ...liveEnv,
    ...metristEnv(metrist),
    AWS_ENDPOINT_URL: iam.url,
    METRIST_RESULTS_DIR: resultsDir,
    HOME: home,
  };
  return { iam, metrist, home, resultsDir, context, env };
}

/** What `awsiam doctor --json` prints. */
export interface ExaminationJson {
  readonly version: number;
  readonly summary: Readonly<Record<'ok' | 'warnings' | 'failures' | 'skipped', number>>;
  readonly groups: readonly {
    readonly name: GroupName;
    readonly findings: readonly {
      readonly state: 'ok' | 'warning' | 'failure' | 'skipped';
      readonly what: string;
      readonly fix?: string;
      readonly command?: string;
      readonly statement?: object;
    }[];
  }[];
}

/** Runs `awsiam doctor --json` in a process of its own. */
export async function runDoctor(
  env: Variables,
  args: readonly string[] = [],
): Promise<Ended & { readonly examination: ExaminationJson }> {
  const ended = await runAwsiam(['doctor', '--json', '--time-limit', '5s', ...args], env);
  return { ...ended, examination: parse(ended) };
}

function parse({ stdout, everything }: Ended): ExaminationJson {
  try {
    return JSON.parse(stdout) as ExaminationJson;
  } catch (cause) {
    throw new Error(`awsiam doctor printed no JSON:\n${everything}`, { cause });
  }
}

/** The operations that changed the account. */
export function changesOf({ calls }: IamServer): string[] {
  return calls
    .filter(({ operation, carriedOut }) => carriedOut && !/^(Get|List|none$)/.test(operation))
    .map(({ operation }) => operation);
}
