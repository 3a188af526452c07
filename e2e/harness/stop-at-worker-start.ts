import { isMainThread } from 'node:worker_threads';

/**
 * Loaded before everything else with `NODE_OPTIONS=--import=…`: the whole process stops when vitest's worker starts, until
 * it gets SIGCONT. vitest's limits of a minute and more are three seconds, so that the pause need not be long.
 */
if (isMainThread) {
  const { setTimeout: original } = globalThis;
  const shortened = (callback: () => void, ms?: number, ...args: []): NodeJS.Timeout =>
    original(callback, ms !== undefined && ms >= 60_000 ? 3000 : ms, ...args);
  globalThis.setTimeout = Object.assign(shortened, original);
} else {
  process.kill(process.pid, 'SIGSTOP');
}
