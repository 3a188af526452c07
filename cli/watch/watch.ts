import { InvalidArgumentError, Option, type Command } from 'commander';
import { maxIntervalSecs, parseHistorySettings } from '../../history/history-settings.ts';
import { SmallHeap } from '../../host/small-heap.ts';
import { SteadyBeat } from '../../runner/beat.ts';
import { Interruption } from '../../runner/interruption.ts';
import { StopSignals } from '../../runner/stop-signals.ts';
import { formatAge } from '../../text/duration.ts';
import { type RunningContext, terminalOf } from '../command-context.ts';
import { durationOption, parseDuration } from '../options.ts';
import { claimRun, nothingToClaim } from '../run/claim-run.ts';
import { type RunSetup, setUpRun } from '../run/run-setup.ts';
import { type ListenAddress, parseListenAddress } from './listen-address.ts';
import { Pages } from './pages.ts';
import { ListenError, startWatchServer } from './server.ts';
import { WatchLoop } from './watch-loop.ts';

interface WatchArguments {
  /** Milliseconds. @default `AWSIAM_INTERVAL_SECS` */
  readonly every?: number;
  /** `false`: nothing is served. */
  readonly listen: ListenAddress | false;
  /** Milliseconds. @default 0 */
  readonly jitter?: number;
  readonly showAccount?: boolean;
}

/** The heap is collected when it is larger. A run needs about 20 MiB, with a history of weeks. */
export const maxHeapBytes = 32 * 1024 * 1024;

const defaultAddress = '127.0.0.1:9464';

/** Adds `awsiam watch`, which runs the steps on a steady beat and serves what it knows. */
export function addWatchCommand(program: Command, context: RunningContext): void {
  program
    .command('watch')
    .description('run the steps on a steady beat, and serve the report, metrics and the state, until a signal ends it')
    .addOption(
      new Option(
        '--every <time>',
        'from the start of one run to the start of the next (default: AWSIAM_INTERVAL_SECS, or 2m)',
      ).argParser(parseInterval),
    )
    .addOption(
      new Option('--listen <address>', 'where to serve, read-only')
        .argParser(parseListenAddress)
        .default(parseListenAddress(defaultAddress), defaultAddress),
    )
    .option('--no-listen', 'serve nothing')
    .addOption(
      durationOption(
        '--jitter <time>',
        'wait a random part of this time before the first run, so that many hosts do not start together (default: start at once)',
      ),
    )
    .option('--show-account', 'show account numbers and names of entities also beyond this machine')
    .action(async (options: WatchArguments) => await watch(options, context));
}

/** At least a second, at most a day. */
function parseInterval(text: string): number {
  const everyMs = parseDuration(text) ?? Number.NaN;
  if (everyMs >= 1000 && everyMs <= maxIntervalSecs * 1000) return everyMs;
  throw new InvalidArgumentError('Expected a duration from 1s to 1d, such as 2m.');
}

/** Ends when a signal comes, after the run of that moment is torn down and reported. */
async function watch(options: WatchArguments, context: RunningContext): Promise<void> {
  const { listen, showAccount = false } = options;
  const { values, output, errorOutput, onFailure } = context;
  const stop = new AbortController();
  const signals = new StopSignals({ errorOutput, stop: (signal) => stop.abort(new Interruption(signal)) });
  context.onSignal((signal) => signals.receive(signal));

  const everyMs = options.every ?? parseHistorySettings(values).settings.intervalSecs * 1000;
  let setup = await setUpRun(values, { ...context, mode: 'live', frontEnd: 'watch' });
  await using ending = new AsyncDisposableStack();
  const claims = ending.use(new Claims(stop.signal, context));
  if ((await claims.take(setup)) === undefined) return onFailure();
  const pages = new Pages({
    ...context,
    mode: 'live',
    hideAccount: listen !== false && !listen.isLoopback && !showAccount,
    // The settings may change from run to run.
    get resultsDir() {
      return setup.resultsDir;
    },
    get instance() {
      return setup.instance ?? '';
    },
  });
  ending.defer(() => pages.close());
  const heap = new SmallHeap(maxHeapBytes);
  const loop = new WatchLoop(
    {
      beat: new SteadyBeat({ everyMs, delayMs: Math.random() * (options.jitter ?? 0) }),
      everyMs,
      output,
      errorOutput,
      terminal: terminalOf(context),
      onBeat: async (next) => {
        const warnings = await claims.take(next);
        if (warnings === undefined) return undefined;
        setup = { ...next, warnings: [...next.warnings, ...warnings] };
        return setup;
      },
      onRun: () => {
        pages.invalidate();
        heap.trim();
      },
    },
    context,
  );
  let place = '';
  if (listen !== false) {
    try {
      const server = await startWatchServer(listen, {
        metrics: (format) => loop.metrics(format),
        health: () => loop.health(),
        page: (name) => pages.get(name),
      });
      ending.defer(() => server.close());
      place = ` · ${server.url}/`;
    } catch (error) {
      if (!(error instanceof ListenError)) throw error;
      errorOutput.write(`error: ${error.message}\n`);
      return onFailure();
    }
  }
  output.write(`awsiam watch · every ${formatAge(everyMs)}${place}\n`);
  loop.readTotals(setup.resultsDir).catch(() => {});
  await loop.watch(stop.signal);
  output.write(`awsiam watch · ${loop.summary}\n`);
  if (loop.isHanging) context.endAtOnce();
}

/** Holds what the watch has claimed. The settings may change from run to run, and what they claim with them. */
class Claims implements Disposable {
  readonly #signal: AbortSignal;
  readonly #context: Pick<RunningContext, 'errorOutput'>;
  #key = '';
  #claim = nothingToClaim;

  constructor(signal: AbortSignal, context: Pick<RunningContext, 'errorOutput'>) {
    this.#signal = signal;
    this.#context = context;
  }

  /** @returns warnings about the claim, or `undefined` if another process has it */
  async take(setup: RunSetup): Promise<readonly string[] | undefined> {
    const key = JSON.stringify([setup.resultsDir, setup.settings.config?.namespace]);
    // A disk that took no lock may take one now.
    if (key === this.#key && this.#claim.isLocked) return [];
    const claim = await claimRun(setup, { command: 'watch', signal: this.#signal }, this.#context);
    if (claim === undefined) return undefined;
    this.#claim[Symbol.dispose]();
    this.#claim = claim;
    this.#key = key;
    return claim.warnings;
  }

  [Symbol.dispose](): void {
    this.#claim[Symbol.dispose]();
  }
}
