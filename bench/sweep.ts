import { listEntities } from '../mocks/iam/seeding.ts';
import { startIamServer } from '../mocks/iam/server.ts';
import { seedStaleGroups, seedStaleUsers } from '../suites/awsiam/testing/stale.ts';
import { settingsFor, spawnNode } from './spawn-node.ts';
import { describeResult } from './statistics.ts';

/**
 * Measures a sweep that finds many leftovers: users without groups or policies, and a tenth as many groups, up to the
 * account's quota. Targets: at most 1.5 calls for each stale user, including those that list users, and hardly more memory
 * than the names of the removed entities need.
 */
const sizes = [100, 500, 1000, 5000];
const maxGroups = 300;
const maxCallsPerUser = 1.5;
/** Any process grows a little while it warms up. A sweep that keeps more than the names of 5,000 users exceeds this. */
const maxGrowthMb = 2;

interface Measured {
  readonly users: number;
  readonly groups: number;
  readonly callsPerUser: number;
  readonly wallMs: number;
  readonly heldMb: number;
  readonly rssMb: number;
}

async function measure(users: number): Promise<Measured> {
  const groups = Math.min(users / 10, maxGroups);
  const server = await startIamServer();
  try {
    seedStaleUsers(server.state, 'bench', users);
    seedStaleGroups(server.state, 'bench', groups);
    const command = ['--expose-gc', 'bench/sweeping-process.ts'];
    const { stdout } = await spawnNode(command, settingsFor(server.url));
    const left = Object.values(listEntities(server.state)).flat();
    if (left.length > 0) throw new Error(`the sweep left ${left.length} users and groups:\n${stdout}`);
    const { wallMs, heldBytes, rssBytes } = JSON.parse(stdout) as Record<'wallMs' | 'heldBytes' | 'rssBytes', number>;
    const userCalls = server.calls.filter(({ operation }) => !/Groups?$/.test(operation));
    return {
      users,
      groups,
      callsPerUser: userCalls.length / users,
      wallMs,
      heldMb: heldBytes / 1e6,
      rssMb: rssBytes / 1e6,
    };
  } finally {
    await server.close();
  }
}

const all: Measured[] = [];
for (const users of sizes) all.push(await measure(users));

const columns = ['users', 'groups', 'calls per user', 'wall time', 'heap in use', 'peak RSS'];
console.log('One sweep without pauses. Heap in use: the maximum, measured after garbage collections');
console.log(columns.map((title) => title.padStart(16)).join(''));
for (const { users, groups, callsPerUser, wallMs, heldMb, rssMb } of all) {
  const cells = [
    String(users),
    String(groups),
    callsPerUser.toFixed(2),
    `${(wallMs / 1000).toFixed(2)} s`,
    `${heldMb.toFixed(1)} MB`,
    `${rssMb.toFixed(0)} MB`,
  ];
  console.log(cells.map((cell) => cell.padStart(16)).join(''));
}

const callsPerUser = Math.max(...all.map((each) => each.callsPerUser));
const growthMb = (all.at(-1)?.heldMb ?? Number.NaN) - (all[0]?.heldMb ?? Number.NaN);
console.log(`calls per stale user              ${describeResult(callsPerUser, maxCallsPerUser, '')}`);
console.log(`heap growth from ${sizes[0]} to ${sizes.at(-1)}       ${describeResult(growthMb, maxGrowthMb, ' MB')}`);
process.exitCode = callsPerUser <= maxCallsPerUser && growthMb <= maxGrowthMb ? 0 : 1;
