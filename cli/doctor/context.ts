import { abortAfter, settleWithin } from '../../runner/deadline.ts';
import { awsiam } from '../../suites/awsiam/monitor.ts';
import { formatLimit } from '../../text/duration.ts';
import { joinLines } from '../../text/printable.ts';
import type { RunningContext } from '../command-context.ts';
import { createProgress } from '../progress.ts';
import { setUpRun } from '../run/run-setup.ts';
import type { DoctorContext } from './check-group.ts';
import { askCaller, findCredentials, isRefused } from './checks/credentials.ts';
import { reachServices } from './checks/network.ts';
import { describeProblem } from './checks/settings.ts';

/** A finding is one line, even if a server sends a page. */
const maxFindingLength = 1000;

interface DoctorOptions {
  readonly isOffline: boolean;
  /** Time limit of one probe. */
  readonly timeLimitMs: number;
}

/** Reads the settings. All else is done when a group asks for it. */
export async function createDoctorContext(
  running: RunningContext,
  { isOffline, timeLimitMs }: DoctorOptions,
): Promise<DoctorContext & AsyncDisposable> {
  const { values, environment, baseDir, envFile, envProblems, signal, errorOutput } = running;
  const { settings, resultsDir } = await setUpRun(values, { mode: 'live', frontEnd: 'run', baseDir, envProblems });
  const { config } = settings;
  const explain: DoctorContext['explain'] = (error, at) => {
    const howToConfigure = `Correct it in the environment or in the file ${envFile}.`;
    return awsiam.explain(error, at, { mode: 'live', values, howToConfigure });
  };
  let mayHaveSession = false;
  const context: DoctorContext = {
    values,
    environment,
    baseDir,
    envFile,
    envProblems,
    signal,
    isOffline,
    resultsDir,
    settings,
    config:
      config === undefined
        ? { missing: 'the settings are wrong', finding: describeProblem(settings.problems[0] ?? '', running) }
        : { value: config },
    network: once(() => reachServices(context)),
    credentials: once(() => {
      mayHaveSession = true;
      return findCredentials(context);
    }),
    caller: once(() => askCaller(context)),
    session: async () => {
      const { iam } = await context.network();
      if (!('value' in iam)) return iam;
      const found = await context.credentials();
      if (!('value' in found)) return found;
      const caller = await context.caller();
      return isRefused(caller) ? caller : found;
    },
    probe: async (doing, work) => {
      const progress = createProgress(errorOutput, doing);
      using deadline = abortAfter(timeLimitMs, `no answer within ${formatLimit(timeLimitMs)}`, signal);
      try {
        deadline.signal.throwIfAborted();
        return await settleWithin(work(deadline.signal), deadline.signal, 0);
      } finally {
        progress.end();
      }
    },
    explain,
    failed: (error, at) => {
      const { message, advice } = explain(error, at);
      return { state: 'failure', what: joinLines(message, maxFindingLength), fix: advice };
    },
  };
  return {
    ...context,
    [Symbol.asyncDispose]: async () => {
      const found = mayHaveSession ? await context.credentials() : undefined;
      if (found !== undefined && 'value' in found) awsiam.closeSession(found.value);
    },
  };
}

/** Does something at the first call, and gives its result to each. */
function once<Value>(work: () => Promise<Value>): () => Promise<Value> {
  let result: Promise<Value> | undefined;
  return async () => await (result ??= work());
}
