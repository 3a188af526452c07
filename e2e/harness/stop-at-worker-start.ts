import { isMainThread } from 'node:worker_threads';

/**
 * Loaded before everything else with `NODE_OPTIONS=--import=…`. When vitest's worker starts, the whole process stops until
 * it gets SIGCONT. vitest's timeouts of a minute or more become three seconds, so that a short pause is enough.
 */
if (isMainThread) {
  const { setTimeout: original } = globalThis;
  const shortened = (callback: () => void, ms?: number, ...args: []): NodeJS.Timeout =>
    original(callback, ms !== undefined && ms >= 60_000 ? 3000 : ms, ...args);
  globalThis.setTimeout = Object.assign(shortened, original);
} else {
  process.kill(process.pid, 'SIGSTOP');
}
