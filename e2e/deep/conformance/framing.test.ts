import { expect } from 'vitest';
import { goodConfig, parseStep, runSteps, completeHandshake, stepNames, test } from '../../harness/conformance.ts';
import { frame } from '../../harness/orchestrator.ts';

const config = `Config ${JSON.stringify(goodConfig)}`;
const runStep = (name: string): Buffer => frame(`Run Step ${name}`);
const passed = expect.stringMatching(/^Step Time /);

test.concurrent('every message may arrive one byte at a time', async ({ scenario }) => {
  const monitor = await scenario.start(await scenario.account());
  await monitor.next(/^Started/);
  await monitor.drip(frame('Version 1.1'));
  await monitor.next(/^Ready$/);
  await monitor.drip(frame(config));
  await monitor.next(/^Configured$/);
  for (const name of stepNames) {
    await monitor.drip(runStep(name));
    expect(parseStep(await monitor.next(/^Step /)).kind).toBe('Time');
  }
  await monitor.drip(frame('Exit 0'));
  expect(await monitor.ended).toMatchObject({ code: 0 });
});

/** Several messages in one write. The real Orchestrator writes one message and waits for its answer. */
const joined = [
  ['Version and Config', [[frame('Version 1.1'), frame(config)], ...stepNames.map((name) => [runStep(name)])]],
  [
    'Config and the first Run Step',
    [
      [frame('Version 1.1')],
      [frame(config), runStep('CreateUser')],
      ...stepNames.slice(1).map((name) => [runStep(name)]),
    ],
  ],
  ['all eight Run Step', [[frame('Version 1.1')], [frame(config)], stepNames.map(runStep)]],
  ['the whole conversation except Exit', [[frame('Version 1.1'), frame(config), ...stepNames.map(runStep)]]],
] as const;

test.concurrent.for(joined)('%s in one write are answered in order', async ([, writes], { scenario }) => {
  const monitor = await scenario.start(await scenario.account());
  await monitor.next(/^Started/);
  for (const messages of writes) {
    monitor.write(Buffer.concat(messages));
    const answers = { Version: /^Ready$/, Config: /^Configured$/, Run: /^Step / };
    for (const message of messages) {
      const keyword = /(Version|Config|Run)/.exec(message.toString())?.[0] as keyof typeof answers;
      await monitor.next(answers[keyword]);
    }
  }
  monitor.send('Exit 0');
  expect(await monitor.ended).toMatchObject({ code: 0 });
  expect(monitor.answers).toEqual(['Started 1.1', 'Ready', 'Configured', ...stepNames.map(() => passed)]);
});

/** In UTF-8 these characters have two, three and four bytes. */
const foreign = { ...goodConfig, 'Größe €': 'Straße 日本 🚀 é' };

test.concurrent('a frame may be split in the middle of a character', async ({ scenario }) => {
  const monitor = await scenario.start(await scenario.account());
  await monitor.next(/^Started/);
  monitor.send('Version 1.1');
  await monitor.next(/^Ready$/);
  const bytes = frame(`Config ${JSON.stringify(foreign)}`);
  await monitor.drip(bytes, 3);
  await monitor.next(/^Configured$/);
  expect(await monitor.next(/^Log Warning/)).toContain('"Größe €"');
  const [answer] = await runSteps(monitor, ['CreateUser']);
  expect(answer?.kind).toBe('Time');
  monitor.send('Exit 0');
  expect(await monitor.ended).toMatchObject({ code: 0 });
});

test.concurrent.for([1, 2, 3, 4, 5, 6, 7, 8])('a length of %i digits is read', async (digits, { scenario }) => {
  const monitor = await scenario.start(await scenario.account());
  await monitor.next(/^Started/);
  const framed = (message: string): string => {
    const length = String(Buffer.byteLength(message));
    return `${length.padStart(Math.max(digits, length.length), '0')} ${message}`;
  };
  monitor.write(framed('Version 1.1'));
  await monitor.next(/^Ready$/);
  monitor.write(framed(config));
  await monitor.next(/^Configured$/);
  monitor.write(framed('Run Step CreateUser'));
  expect(parseStep(await monitor.next(/^Step /)).kind).toBe('Time');
  monitor.write(framed('Exit 0'));
  expect(await monitor.ended).toMatchObject({ code: 0 });
});

test.concurrent('a Config of 200 kB, whose length has six digits, is read', async ({ scenario }) => {
  const monitor = await scenario.start(await scenario.account());
  await completeHandshake(monitor, { ...goodConfig, Remark: 'é'.repeat(100_000) });
  const warning = await monitor.next(/^Log Warning/);
  expect(warning).toContain('"Remark"');
  expect(warning.length).toBeLessThan(1000);
  const answers = await runSteps(monitor, stepNames);
  expect(answers.map(({ kind }) => kind)).toEqual(stepNames.map(() => 'Time'));
  monitor.send('Exit 0');
  expect(await monitor.ended).toMatchObject({ code: 0 });
});

test.concurrent('a setting of 200 kB is a configuration error that does not quote it', async ({ scenario }) => {
  const iam = await scenario.account();
  const monitor = await scenario.start(iam);
  await completeHandshake(monitor, { ...goodConfig, Namespace: 'n'.repeat(200_000) });
  const [answer] = await runSteps(monitor, ['CreateUser']);
  expect(answer).toMatchObject({ kind: 'Error', metadata: { verdict: 'configuration', code: 'ConfigError' } });
  expect(answer?.rest).toMatch(/^configuration: .*Namespace in the Config JSON/s);
  expect(monitor.stdout.length + monitor.stderr.length).toBeLessThan(10_000);
  monitor.giveUp();
  await monitor.ended;
  expect(iam.calls).toEqual([]);
});

/** Bytes that are not a frame. Nothing after them can be read, because the start of the next frame is unknown. */
const garbage = [
  ['text', 'hello, monitor\n', '0x68'],
  ['a line break after a message', '\n00011 Version 1.1', '0x0a'],
  ['a negative length', '-5 hello', '0x2d'],
  ['a length of 10^12', '1000000000000 x', '1000000000000 bytes'],
  ['an endless length', '1'.repeat(100), '16 digits'],
  ['a length with a colon', '00011:Version 1.1', '0x3a'],
  ['zeros', Buffer.alloc(64), '0x00'],
  ['bytes that are not UTF-8', Buffer.from([0xff, 0xfe, 0x00, 0xc3]), '0xff'],
] as const;

test.concurrent.for(garbage)(
  '%s before Config ends the process, with the reason on stderr',
  async ([, bytes, why], { scenario }) => {
    const iam = await scenario.account();
    const monitor = await scenario.start(iam);
    await monitor.next(/^Started/);
    monitor.write(bytes);
    expect(await monitor.ended).toMatchObject({ code: 0 });
    expect(monitor.messages).toEqual(['Started 1.1']);
    expect(monitor.stderr).toContain('the bytes on stdin are not a message of the protocol');
    expect(monitor.stderr).toContain(why);
    expect(iam.calls).toEqual([]);
  },
);

test.concurrent.for(garbage)(
  '%s between two steps ends the run, and nothing is left behind',
  async ([, bytes, why], { scenario }) => {
    const monitor = await scenario.start(await scenario.account());
    await completeHandshake(monitor);
    await runSteps(monitor, ['CreateUser', 'CreateGroup']);
    monitor.write(bytes);
    const log = await monitor.next(/^Log Error/);
    expect(log).toContain('the bytes on stdin are not a message of the protocol');
    expect(log).toContain(why);
    expect(await monitor.ended).toMatchObject({ code: 0 });
  },
);

test.concurrent('garbage in the middle of a step interrupts it', async ({ scenario }) => {
  const iam = await scenario.account('AddUserToGroup=hang-after:1');
  const monitor = await scenario.start(iam);
  await completeHandshake(monitor);
  await runSteps(monitor, ['CreateUser', 'CreateGroup']);
  iam.events.on('call', ({ operation }) => {
    if (operation === 'AddUserToGroup') monitor.write('garbage');
  });
  monitor.send('Run Step AddUserToGroup');
  expect(await monitor.ended).toMatchObject({ code: 0 });
  expect(monitor.answers.filter((message) => message.startsWith('Step'))).toHaveLength(2);
});
