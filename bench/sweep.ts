import { listEntities } from '../mocks/iam/seeding.ts';
import { startIamServer } from '../mocks/iam/server.ts';
import { seedStaleGroups, seedStaleUsers } from '../suites/awsiam/testing/stale.ts';
import { spawnNode } from './spawn-node.ts';

/**
 * What a sweep costs that finds many leftovers: bare users, and a tenth as many groups as far as the account's quota
 * lets them be. Targets: at most 1.5 calls for a stale user, list pages included; memory for hardly more than the names
 * of what is to be removed.
 */
const sizes = [100, 500, 1000, 5000];
const mostGroups = 300;
const mostCallsPerUser = 1.5;
/** Memory that the process takes as it settles. Keeping more than the names of 5 000 users would exceed it. */
const mostGrowthMb = 2;

interface Measured {
  readonly users: number;
  readonly groups: number;
  readonly callsPerUser: number;
  readonly wallMs: number;
  readonly heldMb: number;
  readonly rssMb: number;
}

async function measure(users: number): Promise<Measured> {
  const groups = Math.min(users / 10, mostGroups);
  const server = await startIamServer();
  try {
    seedStaleUsers(server.state, 'bench', users);
    seedStaleGroups(server.state, 'bench', groups);
    const { stdout } = await spawnNode(['--expose-gc', 'bench/sweeping-process.ts'], {
      AWS_ENDPOINT_URL_IAM: server.url,
      METRIST_AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE',
      METRIST_AWS_SECRET_ACCESS_KEY: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
      METRIST_AWS_REGION: 'us-east-1',
      METRIST_NAMESPACE: 'bench',
    });
    const left = Object.values(listEntities(server.state)).flat();
    if (left.length > 0) throw new Error(`the sweep left ${left.length} of them:\n${stdout}`);
    const { wallMs, heldBytes, rssBytes } = JSON.parse(stdout) as Record<'wallMs' | 'heldBytes' | 'rssBytes', number>;
    const ofUsers = server.calls.filter(({ operation }) => !/Groups?$/.test(operation));
    return {
      users,
      groups,
      callsPerUser: ofUsers.length / users,
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
console.log('One sweep of bare leftovers, without pauses; heap in use is the most that was held after a collection');
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
const verdict = (value: number, target: number, unit: string): string =>
  `${value.toFixed(2)}${unit} (target: at most ${target}${unit}) ${value <= target ? 'met' : 'MISSED'}`;
console.log(`calls per stale user              ${verdict(callsPerUser, mostCallsPerUser, '')}`);
console.log(`heap growth from ${sizes[0]} to ${sizes.at(-1)}       ${verdict(growthMb, mostGrowthMb, ' MB')}`);
process.exitCode = callsPerUser <= mostCallsPerUser && growthMb <= mostGrowthMb ? 0 : 1;
