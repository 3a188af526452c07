import { expect } from 'vitest';
import { goodConfig, parseStep, runSteps, completeHandshake, stepNames, test } from '../../harness/conformance.ts';
import { frame, type Orchestrator } from '../../harness/orchestrator.ts';

const config = `Config ${JSON.stringify(goodConfig)}`;

/** How far the conversation has come, and what the monitor has sent by then. */
const points = [
  ['before Version', async (monitor: Orchestrator) => void (await monitor.next(/^Started/)), ['Started 1.1']],
  [
    'before Config',
    async (monitor: Orchestrator) => {
      await monitor.next(/^Started/);
      monitor.send('Version 1.1');
      await monitor.next(/^Ready$/);
    },
    ['Started 1.1', 'Ready'],
  ],
  [
    'right after Configured',
    async (monitor: Orchestrator) => await completeHandshake(monitor),
    ['Started 1.1', 'Ready', 'Configured'],
  ],
] as const;

const exits = points.flatMap((point) =>
  (['Exit 0', 'Exit 1', 'Exit'] as const).map((exit) => [exit, ...point] as const),
);

test.concurrent.for(exits)('%s %s ends the process cleanly', async ([exit, , reach, sent], { scenario }) => {
  const iam = await scenario.account();
  const monitor = await scenario.start(iam);
  await reach(monitor);
  monitor.send(exit);
  expect(await monitor.ended).toMatchObject({ code: 0 });
  expect(monitor.messages).toEqual(sent);
  expect(iam.calls.filter(({ operation }) => !operation.startsWith('List'))).toEqual([]);
});

test.concurrent.for([
  ['Exit in one write with Version', [frame('Version 1.1'), frame('Exit 0')]],
  ['Exit in one write with Config', [frame('Version 1.1'), frame(config), frame('Exit 0')]],
  ['Exit 1 in one write with Config', [frame('Version 1.1'), frame(config), frame('Exit 1')]],
  [
    'Exit in one write with the first step',
    [frame('Version 1.1'), frame(config), frame('Run Step CreateUser'), frame('Exit 0')],
  ],
] as const)('%s ends the process cleanly, and nothing is left behind', async ([, messages], { scenario }) => {
  const monitor = await scenario.start(await scenario.account());
  await monitor.next(/^Started/);
  monitor.write(Buffer.concat(messages));
  expect(await monitor.ended).toMatchObject({ code: 0 });
});

/** Messages that no current Orchestrator sends. */
const unknown = [
  'Webhook Wait Response {}',
  'version 1.1',
  'Configure {}',
  'config {"a":1}',
  '',
  'Run StepCreateUser',
  'Exit0',
  ' Exit 0',
];

test.concurrent('unknown messages are ignored at each point, with a warning on stderr until Config arrives', async ({
  scenario,
}) => {
  const monitor = await scenario.start(await scenario.account());
  const sendAll = (): void => {
    for (const message of unknown) monitor.send(message);
  };
  await monitor.next(/^Started/);
  sendAll();
  monitor.send('Version 1.1');
  await monitor.next(/^Ready$/);
  sendAll();
  monitor.send(config);
  await monitor.next(/^Configured$/);
  expect(monitor.messages).toEqual(['Started 1.1', 'Ready', 'Configured']);
  sendAll();
  const answers = await runSteps(monitor, stepNames);
  expect(answers.map(({ kind }) => kind)).toEqual(stepNames.map(() => 'Time'));
  monitor.send('Exit 0');
  expect(await monitor.ended).toMatchObject({ code: 0 });
  expect(monitor.messages.filter((message) => message.startsWith('Log Warning'))).toHaveLength(unknown.length);
  expect(monitor.stderr.split('\n').length - 1).toBe(2 * unknown.length);
});

test.concurrent('a message that resembles a Config is not quoted', async ({ scenario }) => {
  const monitor = await scenario.start(await scenario.account());
  await monitor.next(/^Started/);
  monitor.send(config.toLowerCase());
  monitor.send(`Konfig ${JSON.stringify(goodConfig)}`);
  monitor.send('Version 1.1');
  await monitor.next(/^Ready$/);
  monitor.send(`Configuration ${JSON.stringify(goodConfig)}`);
  monitor.send('Exit 0');
  expect(await monitor.ended).toMatchObject({ code: 0 });
  expect(monitor.stderr).not.toContain('AWSSecretAccessKey');
});

test.concurrent('a second Version and a second Config are not answered, and change nothing', async ({ scenario }) => {
  const iam = await scenario.account();
  const monitor = await scenario.start(iam);
  await monitor.next(/^Started/);
  monitor.write(Buffer.concat([frame('Version 1.1'), frame('Version 1.1'), frame(config), frame(config)]));
  await monitor.next(/^Configured$/);
  monitor.send(`Config ${JSON.stringify({ ...goodConfig, Namespace: 'other' })}`);
  monitor.send('Version 2.0');
  const answers = await runSteps(monitor, stepNames);
  expect(answers.map(({ kind }) => kind)).toEqual(stepNames.map(() => 'Time'));
  monitor.send('Exit 0');
  expect(await monitor.ended).toMatchObject({ code: 0 });
  expect(monitor.answers.slice(0, 4)).toEqual([
    'Started 1.1',
    'Ready',
    'Configured',
    expect.stringMatching(/^Step Time/),
  ]);
  expect(iam.calls[0]?.params['UserName']).toMatch(/^testuser-e2e-/);
});

test.concurrent.for([
  'Version 2.0',
  'Version 0.9',
  'Version',
  'Version one',
  `Version ${'1'.repeat(5000)}`,
  'Version 1.1 🚀',
])('%s is answered, and fails the first step', async (version, { scenario }) => {
  const iam = await scenario.account();
  const monitor = await scenario.start(iam);
  await monitor.next(/^Started/);
  monitor.send(version);
  await monitor.next(/^Ready$/);
  monitor.send(config);
  await monitor.next(/^Configured$/);
  const [answer] = await runSteps(monitor, ['CreateUser']);
  expect(answer).toMatchObject({ kind: 'Error', metadata: { verdict: 'configuration' } });
  expect(answer?.rest).toMatch(/^configuration: .*version .* of the monitor protocol: expected 1\.1/s);
  expect(answer?.rest.length).toBeLessThan(1000);
  monitor.giveUp();
  await monitor.ended;
  expect(iam.calls).toEqual([]);
});

test.concurrent.for(['Version 1.0', 'Version 1.7', 'Version 1.10'])('%s is accepted', async (version, { scenario }) => {
  const monitor = await scenario.start(await scenario.account());
  await monitor.next(/^Started/);
  monitor.send(version);
  await monitor.next(/^Ready$/);
  monitor.send(config);
  await monitor.next(/^Configured$/);
  expect(await runSteps(monitor, ['CreateUser'])).toMatchObject([{ kind: 'Time' }]);
  monitor.send('Exit 0');
  expect(await monitor.ended).toMatchObject({ code: 0 });
});

test.concurrent('a step before Config is answered with the reason why it did not run', async ({ scenario }) => {
  const iam = await scenario.account();
  const monitor = await scenario.start(iam);
  await monitor.next(/^Started/);
  const [answer] = await runSteps(monitor, ['CreateUser']);
  expect(answer).toMatchObject({ kind: 'Error', metadata: { verdict: 'configuration', code: 'NoConfig' } });
  expect(answer?.rest).toContain('before it sent its Config');
  monitor.giveUp();
  await monitor.ended;
  expect(monitor.messages).toHaveLength(2);
  expect(iam.calls).toEqual([]);
});

test.concurrent('Config before Version works too', async ({ scenario }) => {
  const monitor = await scenario.start(await scenario.account());
  await monitor.next(/^Started/);
  monitor.send(config);
  await monitor.next(/^Configured$/);
  monitor.send('Version 1.1');
  await monitor.next(/^Ready$/);
  expect(await runSteps(monitor, ['CreateUser'])).toMatchObject([{ kind: 'Time' }]);
  monitor.send('Exit 0');
  expect(await monitor.ended).toMatchObject({ code: 0 });
});

test.concurrent('the spelling of the documentation, "Run step", is understood', async ({ scenario }) => {
  const monitor = await scenario.start(await scenario.account());
  await completeHandshake(monitor);
  for (const name of stepNames) {
    monitor.send(`Run step ${name}`);
    expect(parseStep(await monitor.next(/^Step /)).kind).toBe('Time');
  }
  monitor.send('Exit 0');
  expect(await monitor.ended).toMatchObject({ code: 0 });
});
