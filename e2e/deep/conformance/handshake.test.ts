import { expect } from 'vitest';
import { goodConfig, parseStep, runSteps, completeHandshake, stepNames, test } from '../../harness/conformance.ts';
import { frame, type Orchestrator } from '../../harness/orchestrator.ts';

const config = `Config ${JSON.stringify(goodConfig)}`;

/** How far the conversation has come, and what the monitor has said by then. */
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

test.concurrent.for(exits)('%s %s ends the process in order', async ([exit, , reach, said], { scenario }) => {
  const iam = await scenario.account();
  const monitor = await scenario.start(iam);
  await reach(monitor);
  monitor.send(exit);
  expect(await monitor.ended).toMatchObject({ code: 0 });
  expect(monitor.messages).toEqual(said);
  expect(iam.calls.filter(({ operation }) => !operation.startsWith('List'))).toEqual([]);
});

test.concurrent.for([
  ['Exit glued to Version', [frame('Version 1.1'), frame('Exit 0')]],
  ['Exit glued to Config', [frame('Version 1.1'), frame(config), frame('Exit 0')]],
  ['Exit 1 glued to Config', [frame('Version 1.1'), frame(config), frame('Exit 1')]],
  [
    'Exit glued to the first step',
    [frame('Version 1.1'), frame(config), frame('Run Step CreateUser'), frame('Exit 0')],
  ],
] as const)('%s ends the process in order, and nothing is left', async ([, messages], { scenario }) => {
  const monitor = await scenario.start(await scenario.account());
  await monitor.next(/^Started/);
  monitor.write(Buffer.concat(messages));
  expect(await monitor.ended).toMatchObject({ code: 0 });
});

/** What no Orchestrator of today says. */
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

test.concurrent('messages of no meaning are ignored at each point, and told on stderr until Config has come', async ({
  scenario,
}) => {
  const monitor = await scenario.start(await scenario.account());
  const sayAll = (): void => {
    for (const message of unknown) monitor.send(message);
  };
  await monitor.next(/^Started/);
  sayAll();
  monitor.send('Version 1.1');
  await monitor.next(/^Ready$/);
  sayAll();
  monitor.send(config);
  await monitor.next(/^Configured$/);
  expect(monitor.messages).toEqual(['Started 1.1', 'Ready', 'Configured']);
  sayAll();
  const answers = await runSteps(monitor, stepNames);
  expect(answers.map(({ kind }) => kind)).toEqual(stepNames.map(() => 'Time'));
  monitor.send('Exit 0');
  expect(await monitor.ended).toMatchObject({ code: 0 });
  expect(monitor.messages.filter((message) => message.startsWith('Log Warning'))).toHaveLength(unknown.length);
  expect(monitor.stderr.split('\n').length - 1).toBe(2 * unknown.length);
});

test.concurrent('a message that is nearly a Config is not quoted', async ({ scenario }) => {
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

test.concurrent.for(['Version 1.0', 'Version 1.7', 'Version 1.10'])(
  '%s is one that can be spoken with',
  async (version, { scenario }) => {
    const monitor = await scenario.start(await scenario.account());
    await monitor.next(/^Started/);
    monitor.send(version);
    await monitor.next(/^Ready$/);
    monitor.send(config);
    await monitor.next(/^Configured$/);
    expect(await runSteps(monitor, ['CreateUser'])).toMatchObject([{ kind: 'Time' }]);
    monitor.send('Exit 0');
    expect(await monitor.ended).toMatchObject({ code: 0 });
  },
);

test.concurrent('a step before Config is answered with why it did not run', async ({ scenario }) => {
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

test.concurrent('Config before Version works as well', async ({ scenario }) => {
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
