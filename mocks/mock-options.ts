import { describeValue } from '../host/setting-text.ts';
import { type FaultPlan, readFaults } from './iam/fault-plan.ts';
import { createRandom, type Random } from './iam/state.ts';

/** What the environment says about the mock. */
interface MockOptions {
  readonly faults: FaultPlan;
  /** Gives the time that the next answer takes, in milliseconds. */
  readonly latency: () => number;
  /** For the ids that the mock makes up. */
  readonly random: Random;
}

/**
 * Reads the mock's variables. Empty counts as absent.
 *
 * `AWSIAM_MOCK_FAULTS`: see `createFaultPlan`.
 * `AWSIAM_MOCK_LATENCY`: `<median ms>` or `<median ms>-<p99 ms>`, 0 if absent.
 * `AWSIAM_MOCK_SEED`: an integer, 1 if absent.
 * @throws Error that lists every problem of all of them
 */
export function readMockOptions(values: Readonly<Record<string, string | undefined>>): MockOptions {
  const faults = readFaults(values['AWSIAM_MOCK_FAULTS'] ?? '');
  const latency = readLatency(values['AWSIAM_MOCK_LATENCY']?.trim() || '0');
  const seedText = values['AWSIAM_MOCK_SEED']?.trim() || '1';
  const problems = [
    ...faults.problems.map((problem) => `AWSIAM_MOCK_FAULTS: ${problem}`),
    ...(typeof latency === 'string' ? [`AWSIAM_MOCK_LATENCY: ${latency}`] : []),
    ...(/^-?\d{1,15}$/.test(seedText) ? [] : [`AWSIAM_MOCK_SEED: ${describeValue(seedText)} is not an integer`]),
  ];
  if (problems.length > 0 || typeof latency === 'string') {
    const message = `The mock's options are wrong:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`;
    throw Object.assign(new Error(message), { code: 'ConfigError' });
  }
  const seed = Number(seedText);
  // Two sources of random numbers, so that the number of ids does not change how long answers take.
  return { faults: faults.plan, latency: createLatency(latency, createRandom(seed)), random: createRandom(~seed) };
}

interface LatencyModel {
  readonly medianMs: number;
  /** 99 of 100 answers take no longer. Equal to the median: all answers take the same time. */
  readonly p99Ms: number;
}

/** The model that a text describes, or what is wrong with the text. */
function readLatency(text: string): LatencyModel | string {
  const [, median, p99 = median] = /^(\d+(?:\.\d+)?)(?:\s*-\s*(\d+(?:\.\d+)?))?$/.exec(text) ?? [];
  if (median === undefined) {
    return `${describeValue(text)} is not <median ms> or <median ms>-<p99 ms>, such as 20 or 20-80`;
  }
  const model = { medianMs: Number(median), p99Ms: Number(p99) };
  if (model.p99Ms < model.medianMs) {
    return `"${text}" has a 99th percentile (${p99} ms) below its median (${median} ms)`;
  }
  if (model.medianMs === 0 && model.p99Ms > 0) {
    return `"${text}" has a median of 0 ms, so its 99th percentile must be 0 ms too`;
  }
  return model;
}

/** Log-normal, the shape of most services' latency: many answers near the median, few much later, none before 0. */
function createLatency({ medianMs, p99Ms }: LatencyModel, random: Random): () => number {
  if (medianMs === 0) return () => 0;
  /** How many standard deviations the 99th percentile of a normal distribution is above its mean. */
  const z99 = 2.326_347_874;
  const sigma = Math.log(p99Ms / medianMs) / z99;
  return () => medianMs * Math.exp(sigma * standardNormal(random));
}

/** The Box–Muller transform. */
function standardNormal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
