import { describeValue } from '../../host/setting-text.ts';
import { type ReadOption, refuseProblems } from './option-problems.ts';
import type { Random } from './random.ts';

/** How long the next answer takes, in milliseconds. */
export type Latency = () => number;

/** A model of how long answers take. */
export interface LatencyModel {
  readonly medianMs: number;
  /** Ninety-nine of a hundred answers take no longer. The same as the median: all take the same time. */
  readonly p99Ms: number;
}

/** Answers at once. */
export const noLatency: Latency = () => 0;

/**
 * Makes a latency from the text of `AWSIAM_MOCK_LATENCY`: `<median ms>` or `<median ms>-<p99 ms>`.
 * @throws Error that says what is wrong with the text
 */
export function parseLatency(text: string, random: Random): Latency {
  const { value, problems } = readLatency(text);
  refuseProblems(problems);
  return createLatency(value, random);
}

/** Reads a model without throwing; see `parseLatency`. */
export function readLatency(text: string): ReadOption<LatencyModel> {
  const none = { medianMs: 0, p99Ms: 0 };
  if (text.trim() === '') return { value: none, problems: [] };
  const [, median, p99 = median] = /^\s*(\d+(?:\.\d+)?)(?:\s*-\s*(\d+(?:\.\d+)?))?\s*$/.exec(text) ?? [];
  if (median === undefined) {
    return {
      value: none,
      problems: [`${describeValue(text)} is not <median ms> or <median ms>-<p99 ms>, such as 20 or 20-80`],
    };
  }
  const value = { medianMs: Number(median), p99Ms: Number(p99) };
  if (value.p99Ms < value.medianMs) {
    return { value, problems: [`"${text}" has a 99th percentile (${p99} ms) below its median (${median} ms)`] };
  }
  if (value.medianMs === 0 && value.p99Ms > 0) {
    return { value, problems: [`"${text}" has a median of 0 ms, from which no spread can be made`] };
  }
  return { value, problems: [] };
}

/** Log-normal, the shape of most services' latency: many answers near the median, few much later, none before 0. */
export function createLatency({ medianMs, p99Ms }: LatencyModel, random: Random): Latency {
  if (medianMs === 0) return noLatency;
  /** How many standard deviations above its mean a normal distribution has its 99th percentile. */
  const z99 = 2.326_347_874;
  const sigma = Math.log(p99Ms / medianMs) / z99;
  return () => medianMs * Math.exp(sigma * standardNormal(random));
}

/** Box and Muller's method. */
function standardNormal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
