import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'vitest';
import type { IamServer } from '../../../mocks/iam/server.ts';
import { goodConfig, operationOf, runSteps, completeHandshake, stepNames, test } from '../../harness/conformance.ts';
import { arrival } from '../../harness/servers.ts';
import { frame, type Orchestrator } from '../../harness/orchestrator.ts';

/** What ends a run from outside, and the possible exit codes. For a signal it is the code that a shell would report. */
const endings = [
  ['the end of stdin', (monitor: Orchestrator) => monitor.closeInput(), [0]],
  ['SIGTERM', (monitor: Orchestrator) => monitor.signal('SIGTERM'), [143]],
  ['SIGINT', (monitor: Orchestrator) => monitor.signal('SIGINT'), [130]],
  ['SIGHUP', (monitor: Orchestrator) => monitor.signal('SIGHUP'), [129]],
  [
    'SIGTERM and the end of stdin together',
    (monitor: Orchestrator) => {
      monitor.closeInput();
      monitor.signal('SIGTERM');
    },
    // The one that is noticed first may end the run before the other is noticed.
    [0, 143],
  ],
  [
    'SIGTERM twice',
    (monitor: Orchestrator) => {
      monitor.signal('SIGTERM');
      monitor.signal('SIGTERM');
    },
    [143],
  ],
  [
    'SIGINT and SIGTERM',
    (monitor: Orchestrator) => {
      monitor.signal('SIGINT');
      monitor.signal('SIGTERM');
    },
    // Pending signals are delivered in any order.
    [130, 143],
  ],
] as const;

/** How far a run has come when it ends, and how many answers were due by then. */
const points = [
  ['before Version', async (monitor: Orchestrator) => void (await monitor.next(/^Started/)), 1],
  [
    'before Config',
    async (monitor: Orchestrator) => {
      await monitor.next(/^Started/);
      monitor.send('Version 1.1');
      await monitor.next(/^Ready$/);
    },
    2,
  ],
  ['after Configured', async (monitor: Orchestrator) => await completeHandshake(monitor), 3],
  [
    'between two steps',
    async (monitor: Orchestrator) => {
      await completeHandshake(monitor);
      await runSteps(monitor, stepNames.slice(0, 3));
    },
    6,
  ],
  [
    'after the last step',
    async (monitor: Orchestrator) => {
      await completeHandshake(monitor);
      await runSteps(monitor, stepNames);
    },
    11,
  ],
  [
    'in the middle of a message',
    async (monitor: Orchestrator) => {
      await completeHandshake(monitor);
      await runSteps(monitor, stepNames.slice(0, 2));
      await monitor.drip(frame('Run Step AddUserToGroup').subarray(0, 17), 17);
    },
    5,
  ],
] as const;

const cells = points.flatMap((point) => endings.map((ending) => [ending[0], point[0], point, ending] as const));

test.concurrent.for(cells)(
  '%s %s ends the process cleanly',
  async ([, , [place, reach, answers], [, end, codes]], { scenario }) => {
    const monitor = await scenario.start(await scenario.account());
    await reach(monitor);
    end(monitor);
    const { code, signal } = await monitor.ended;
    // Right after its first message, the monitor may not handle signals yet. There is nothing to tear down then.
    if (place === 'before Version' && signal !== null) expect(['SIGTERM', 'SIGINT', 'SIGHUP']).toContain(signal);
    else expect(codes).toContain(code);
    expect(monitor.answers).toHaveLength(answers);
  },
);

/** Each step, with a request that IAM does not answer: `hang-after` carries it out, `hang` does not. */
const inFlight = stepNames.flatMap((name) =>
  (['hang', 'hang-after'] as const).flatMap((fault) =>
    endings.slice(0, 2).map((ending) => [ending[0], name, fault, ending] as const),
  ),
);

test.concurrent.for(inFlight)(
  '%s during %s (%s) leaves nothing behind',
  async ([, name, fault, [, end, [code]]], { scenario }) => {
    const iam = await scenario.account(`${operationOf(name)}=${fault}:1`);
    const monitor = await scenario.start(iam);
    await endDuring(monitor, iam, name, end);
    expect(await monitor.ended).toEqual({ code, signal: null, killed: false });
  },
);

test.concurrent.for(endings)('%s during a step: the step gets no result', async ([, end, codes], { scenario }) => {
  const iam = await scenario.account('AddUserToGroup=hang-after:1');
  const monitor = await scenario.start(iam);
  await endDuring(monitor, iam, 'AddUserToGroup', end);
  expect(codes).toContain((await monitor.ended).code);
  expect(monitor.answers).toHaveLength(5);
});

async function endDuring(
  monitor: Orchestrator,
  iam: IamServer,
  name: (typeof stepNames)[number],
  end: (monitor: Orchestrator) => void,
): Promise<void> {
  await completeHandshake(monitor);
  await runSteps(monitor, stepNames.slice(0, stepNames.indexOf(name)));
  const running = arrival(iam, operationOf(name));
  monitor.send(`Run Step ${name}`);
  await running;
  end(monitor);
}

test.concurrent.for(endings)(
  '%s during the search for credentials ends the process',
  async ([, end, codes], { scenario, onTestFinished }) => {
    // A container's credentials endpoint that never answers.
    const silent = createServer(() => {}).listen(0, '127.0.0.1');
    onTestFinished(() => silent.closeAllConnections());
    onTestFinished(() => void silent.close());
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    const monitor = await scenario.start(await scenario.account(), {
      env: { AWS_CONTAINER_CREDENTIALS_FULL_URI: `http://127.0.0.1:${port}/credentials` },
    });
    await monitor.next(/^Started/);
    monitor.send('Version 1.1');
    await monitor.next(/^Ready$/);
    const asked = once(silent, 'request');
    monitor.send(`Config ${JSON.stringify({ AWSRegion: goodConfig.AWSRegion, Namespace: goodConfig.Namespace })}`);
    await asked;
    end(monitor);
    expect(codes).toContain((await monitor.ended).code);
    expect(monitor.messages).toEqual(['Started 1.1', 'Ready']);
  },
);

test.concurrent('the end of stdin in the middle of a message is logged', async ({ scenario }) => {
  const monitor = await scenario.start(await scenario.account());
  await completeHandshake(monitor);
  await runSteps(monitor, ['CreateUser']);
  monitor.write('00099 Run St');
  monitor.closeInput();
  expect(await monitor.ended).toMatchObject({ code: 0 });
  expect(monitor.messages.at(-1)).toBe('Log Error stdin ended 12 bytes into a message');
});

test.concurrent('more signals in the middle of teardown do not stop it', async ({ scenario }) => {
  const iam = await scenario.account('AddUserToGroup=hang-after:1,DeleteGroup=slow:300');
  const monitor = await scenario.start(iam);
  iam.events.on('call', ({ operation }) => {
    if (operation !== 'DeleteGroup') return;
    monitor.signal('SIGTERM');
    monitor.signal('SIGINT');
    monitor.closeInput();
  });
  await endDuring(monitor, iam, 'AddUserToGroup', () => monitor.signal('SIGINT'));
  expect(await monitor.ended).toMatchObject({ code: 130 });
});
