import { defineConfig } from 'vitest/config';

/** `bench:offline` compares an offline run with this: vitest with as many empty tests as the monitor has steps. */
export default defineConfig({
  test: { root: import.meta.dirname, include: ['empty.suite.ts'], pool: 'threads', maxWorkers: 1 },
});
