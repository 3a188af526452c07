import { expect, onTestFinished, test } from 'vitest';
import { stopSignals } from '../stop-signals.ts';
import { takeOverSignals } from './take-over-signals.ts';

test('the plugin turns off what would keep a run from ending, and replaces vitest’s listeners by its own', () => {
  const before = stopSignals.map((signal) => [signal, process.listeners(signal)] as const);
  onTestFinished(() => {
    for (const [signal, listeners] of before) {
      process.removeAllListeners(signal);
      for (const listener of listeners) process.on(signal, listener);
    }
  });
  const vitests = (): void => {};
  process.on('SIGTERM', vitests);
  const written: string[] = [];
  const plugin = takeOverSignals({ errorOutput: { write: (text) => written.push(text) } });
  const configure = plugin.configureVitest as unknown as (context: object) => void;
  const vitest = { config: { watch: true, bail: 1 } };
  const project = { config: { pool: 'forks' } };
  configure({ vitest, project });
  const once = { watch: false, standalone: false, bail: 0, pool: 'threads' };
  expect([vitest.config, project.config]).toEqual([once, once]);
  expect(written).toEqual(['A monitor run is not watched: it runs once and ends.\n']);
  for (const signal of stopSignals) expect(process.listeners(signal)).toHaveLength(1);
  expect(process.listeners('SIGTERM')).not.toContain(vitests);
});
