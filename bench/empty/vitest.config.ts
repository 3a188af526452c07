import { defineConfig } from 'vitest/config';

/** The yardstick of `bench:offline`: vitest itself, with as many tests as the monitor has steps and nothing in them. */
export default defineConfig({
  test: { root: import.meta.dirname, include: ['empty.suite.ts'], pool: 'threads', maxWorkers: 1 },
});
