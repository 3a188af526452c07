import { requireConfig } from '../runner/settings.ts';
import { parseConfig } from '../suites/awsiam/settings/config.ts';
import { closeSession, openSession } from '../suites/awsiam/session.ts';
import { sweep } from '../suites/awsiam/cleanup/sweep.ts';

/**
 * The process that `bench:sweep` measures: one sweep without pauses, configured by the environment. Prints the result as JSON.
 * It measures the heap after a garbage collection at every 50th entity.
 */
const collect = globalThis.gc;
if (collect === undefined) throw new Error('start this with --expose-gc');

const { signal } = new AbortController();
const config = requireConfig(parseConfig(process.env));
const session = await openSession(config, { mode: 'live', signal });
const heldBytes: number[] = [];
let measuringMs = 0;
let entities = 0;
const measure = (): void => {
  const startMs = performance.now();
  collect();
  heldBytes.push(process.memoryUsage().heapUsed);
  measuringMs += performance.now() - startMs;
};

const startMs = performance.now();
const report = await sweep({
  iam: session.iam,
  history: session.history,
  namespace: config.namespace,
  now: () => new Date(),
  random: Math.random,
  olderThanMs: 3_600_000,
  paceMs: 0,
  signal,
  onEntity: () => {
    if (++entities % 50 === 0) measure();
  },
});
const wallMs = performance.now() - startMs - measuringMs;
closeSession(session);
console.log(
  JSON.stringify({
    ...report,
    wallMs,
    heldBytes: Math.max(...heldBytes),
    // `maxRSS` is in kilobytes on every system.
    rssBytes: process.resourceUsage().maxRSS * 1024,
  }),
);
