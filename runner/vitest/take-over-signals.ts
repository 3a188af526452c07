import type { Plugin } from 'vitest/config';
import { announceInterruption } from '../interruption.ts';
import { StopSignals, stopSignals } from '../stop-signals.ts';

type TakeOverSignalsOptions = Omit<ConstructorParameters<typeof StopSignals>[0], 'stop'>;

/**
 * A plugin that ends a run in good order after a signal, and with the exit code 128 plus the signal's number. By itself vitest
 * would exit a millisecond after the signal, in the middle of its hooks.
 *
 * It also turns off what would keep a run from ending: watching, standalone mode, other pools (their workers do not
 * learn of the signal) and `--bail`, which cuts hooks off.
 */
export function takeOverSignals(options: TakeOverSignalsOptions): Plugin {
  return {
    name: 'take-over-signals',
    configureVitest({ vitest, project }) {
      if (vitest.config.watch) options.errorOutput.write('A monitor run is not watched: it runs once and ends.\n');
      const once = { watch: false, standalone: false, bail: 0, pool: 'threads' } as const;
      Object.assign(vitest.config, once);
      Object.assign(project.config, once);
      const signals = new StopSignals({ ...options, stop: announceInterruption });
      for (const signal of stopSignals) {
        process.removeAllListeners(signal);
        process.on(signal, () => signals.receive(signal));
      }
    },
  };
}
