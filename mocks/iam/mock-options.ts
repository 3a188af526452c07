import { describeValue } from '../../host/setting-text.ts';
import { type FaultPlan, readFaults } from './faults.ts';
import { createLatency, type Latency, readLatency } from './latency.ts';
import { refuseProblems } from './option-problems.ts';
import { createRandom, type Random } from './random.ts';

/** What the environment says about the mock. */
export interface MockOptions {
  readonly faults: FaultPlan;
  readonly latency: Latency;
  /** For the ids that the mock makes up. */
  readonly random: Random;
}

/**
 * Reads the mock's variables: `AWSIAM_MOCK_FAULTS` (see `createFaultPlan`), `AWSIAM_MOCK_LATENCY` (see `parseLatency`) and
 * `AWSIAM_MOCK_SEED`, an integer, 1 if absent. Empty counts as absent.
 * @throws Error that lists every problem of all of them
 */
export function readMockOptions(values: Readonly<Record<string, string | undefined>>): MockOptions {
  const faults = readFaults(values['AWSIAM_MOCK_FAULTS'] ?? '');
  const latency = readLatency(values['AWSIAM_MOCK_LATENCY'] ?? '');
  const seedText = values['AWSIAM_MOCK_SEED']?.trim() || '1';
  const isSeed = /^-?\d{1,15}$/.test(seedText);
  refuseProblems([
    ...faults.problems.map((problem) => `AWSIAM_MOCK_FAULTS: ${problem}`),
    ...latency.problems.map((problem) => `AWSIAM_MOCK_LATENCY: ${problem}`),
    ...(isSeed ? [] : [`AWSIAM_MOCK_SEED: ${describeValue(seedText)} is not an integer`]),
  ]);
  const seed = Number(seedText);
  // Two streams: how many ids are made must not change how long answers take.
  return {
    faults: faults.value,
    latency: createLatency(latency.value, createRandom(seed)),
    random: createRandom(~seed),
  };
}
