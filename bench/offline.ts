import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { spawnNode, vitestBin } from './spawn-node.ts';
import { describeResult, median } from './statistics.ts';

/** Compares the wall time of an offline run with that of eight empty tests in the same vitest. Target: at most 1.5 times. */
const rounds = 15;
const target = 1.5;

const results = await mkdtemp(path.join(os.tmpdir(), 'awsiam-bench-'));
const offline: number[] = [];
const empty: number[] = [];
try {
  for (let round = -1; round < rounds; round++) {
    const bare = await spawnNode([vitestBin, 'run', '--config', 'bench/empty/vitest.config.ts']);
    const ours = await spawnNode([vitestBin, 'run', '--mode', 'offline'], { METRIST_RESULTS_DIR: results });
    // The first round only fills the disk's cache.
    if (round < 0) continue;
    empty.push(bare.wallMs);
    offline.push(ours.wallMs);
  }
} finally {
  await rm(results, { recursive: true, force: true });
}

const ratio = median(offline) / median(empty);
console.log(`eight empty tests   ${(median(empty) / 1000).toFixed(2)} s (median of ${rounds})`);
console.log(`offline run         ${(median(offline) / 1000).toFixed(2)} s`);
console.log(`ratio               ${describeResult(ratio, target, '')}`);
process.exitCode = ratio <= target ? 0 : 1;
