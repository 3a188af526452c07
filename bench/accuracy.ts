import { mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { XMLParser } from 'fast-xml-parser';
import { startIamServer } from '../mocks/iam/server.ts';
import { steps } from '../suites/awsiam/steps.ts';
import { settingsFor, spawnNode, vitestBin } from './spawn-node.ts';
import { describeResult, median, quantile } from './statistics.ts';

/**
 * Measures the overhead of a step: its reported time minus the server's own time. Each round does one run of the monitor
 * and, for comparison, the same calls as bare keep-alive requests. Targets: the median overhead of a step is at most 4 ms
 * above that of a bare request, and the median of the first step at most 5 ms above that of the other steps.
 */
const rounds = Number(process.argv[2] ?? 50);
const latencyMs = 20;

const server = await startIamServer({ latency: () => latencyMs });
const results = await mkdtemp(path.join(os.tmpdir(), 'awsiam-bench-'));
const live = { ...settingsFor(server.url), METRIST_CLEANUP_ENABLED: '0', METRIST_RESULTS_DIR: results };

/** The overhead of each of the eight calls. */
function overhead(reportedMs: readonly number[]): number[] {
  const served = server.calls.slice(-reportedMs.length);
  return reportedMs.map((ms, index) => ms - (served[index]?.serviceMs ?? Number.NaN));
}

async function reportedTimes(): Promise<number[]> {
  const parser = new XMLParser({
    ignoreAttributes: false,
    attributeNamePrefix: '',
    isArray: (name) => name === 'testcase',
  });
  const junit = parser.parse(await readFile(path.join(results, 'junit.xml'), 'utf8')) as {
    testsuites: { testsuite: { testcase: { time: string }[] } };
  };
  return junit.testsuites.testsuite.testcase.map(({ time }) => Number(time) * 1000);
}

const ours: number[][] = [];
const bare: number[][] = [];
try {
  for (let round = 0; round < rounds; round++) {
    const { stdout } = await spawnNode(['bench/bare-client.ts', server.url]);
    bare.push(overhead(JSON.parse(stdout) as number[]));
    await spawnNode([vitestBin, 'run'], live);
    ours.push(overhead(await reportedTimes()));
    if (process.stderr.isTTY) process.stderr.write(`\r${round + 1} of ${rounds} runs`);
  }
} finally {
  if (process.stderr.isTTY) process.stderr.write('\r\u001B[K');
  await server.close();
  await rm(results, { recursive: true, force: true });
}

const column = (runs: readonly number[][], step: number): number[] => runs.map((run) => run[step] ?? Number.NaN);
const ms = (value: number): string => value.toFixed(1).padStart(6);
console.log(
  `Reported time minus the server's own (which includes a wait of ${latencyMs} ms): medians of ${rounds} runs, in ms`,
);
console.log(`${'step'.padEnd(20)}  awsiam (p90)    bare (p90)`);
for (const [index, { name }] of steps.entries()) {
  const [a, b] = [column(ours, index), column(bare, index)];
  const cells = [a, b].map((values) => `${ms(median(values))} (${quantile(values, 0.9).toFixed(1)})`.padEnd(14));
  console.log(`${name.padEnd(20)}${cells.join('')}`);
}

const rest = ours.flatMap((run) => run.slice(1));
const aboveBare = median(ours.flat()) - median(bare.flat());
const firstAboveRest = median(column(ours, 0)) - median(rest);
console.log(`median step above bare            ${describeResult(aboveBare, 4, ' ms', 1)}`);
console.log(`first step above the others       ${describeResult(firstAboveRest, 5, ' ms', 1)}`);
process.exitCode = aboveBare <= 4 && firstAboveRest <= 5 ? 0 : 1;
