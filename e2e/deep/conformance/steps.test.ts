import { expect } from 'vitest';
import { parseStep, runSteps, completeHandshake, stepNames, test } from '../../harness/conformance.ts';
import { arrival } from '../../harness/servers.ts';
import { frame } from '../../harness/orchestrator.ts';

const refused = { kind: 'Error', metadata: { verdict: 'configuration', code: 'StepNotRun' } };
const unknownStep = { kind: 'Error', metadata: { verdict: 'configuration', code: 'UnknownStep' } };
const passed = { kind: 'Time' };

/** Steps that a registration may name, the answer to each `Run Step`, and the reason in the Step Error. */
const sequences = [
  ['a step out of order', ['CreateUser', 'DeleteGroup'], [passed, refused], 'CreateGroup did not run'],
  ['the last step alone', ['DeleteUser'], [refused], 'CreateUser did not run'],
  ['a step twice', ['CreateUser', 'CreateUser'], [passed, refused], 'CreateUser has already run'],
  ['a step that does not exist', ['CreateUser', 'CreateRole'], [passed, unknownStep], 'it has CreateUser, CreateGroup'],
  ['a step in lower case', ['createuser'], [unknownStep], 'createuser'],
  ['a name with a space after it', ['CreateUser '], [unknownStep], 'UnknownStep at CreateUser'],
  ['a name of several words', ['Create User'], [unknownStep], 'UnknownStep at Create User'],
  ['a name with an emoji', ['🚀 Create'], [unknownStep], '🚀 Create'],
  ['a name that looks like metadata', ['a=b,c=d'], [unknownStep], 'UnknownStep at a=b,c=d'],
  ['a name of several lines', ['Create\nUser'], [unknownStep], 'awsiam has no such step'],
  ['no name', [''], [unknownStep], 'awsiam has no such step'],
  ['a name of a built-in property', ['__proto__', 'constructor'], [unknownStep, refused], 'awsiam has no such step'],
  ['a name of 150,000 bytes', ['n'.repeat(150_000)], [unknownStep], 'awsiam has no such step'],
  ['a name that is cut in the middle of an emoji', [`${'n'.repeat(99)}🚀`], [unknownStep], 'awsiam has no such step'],
  ['a name with NUL', ['Create\0User'], [unknownStep], 'awsiam has no such step'],
] as const;

test.concurrent.for(sequences)('%s is answered with one Step Error', async ([, names, expected, why], { scenario }) => {
  const monitor = await scenario.start(await scenario.account());
  await completeHandshake(monitor);
  const answers = await runSteps(monitor, names);
  expect(answers).toMatchObject(expected);
  const failure = answers.find(({ kind }) => kind === 'Error');
  expect(failure?.rest).toMatch(/^configuration: /);
  expect(failure?.rest).toContain(why);
  expect(failure?.rest.length).toBeLessThan(1000);
  monitor.giveUp();
  await monitor.ended;
  expect(monitor.answers).toHaveLength(3 + names.length);
});

test.concurrent.for(stepNames.map((name, index) => [name, stepNames.slice(0, index + 1)] as const))(
  'a registration that ends with %s leaves nothing behind',
  async ([, names], { scenario }) => {
    const iam = await scenario.account();
    const monitor = await scenario.start(iam);
    await completeHandshake(monitor);
    expect(await runSteps(monitor, names)).toMatchObject(names.map(() => passed));
    monitor.send('Exit 0');
    expect(await monitor.ended).toEqual({ code: 0, signal: null, killed: false });
    expect(monitor.answers).toHaveLength(3 + names.length);
  },
);

test.concurrent('after a failed step every further step is answered, and does nothing', async ({ scenario }) => {
  const iam = await scenario.account('CreateGroup=AccessDenied:1');
  const monitor = await scenario.start(iam);
  await completeHandshake(monitor);
  expect(await runSteps(monitor, ['CreateUser', 'CreateGroup'])).toMatchObject([passed, { kind: 'Error' }]);
  const calls = iam.calls.length;
  const answers = await runSteps(monitor, ['CreateGroup', 'AddUserToGroup', 'CreateUser', 'Nonsense']);
  expect(answers).toMatchObject([refused, refused, refused, refused]);
  for (const { rest } of answers) expect(rest).toContain('the run ended when CreateGroup failed');
  expect(iam.calls).toHaveLength(calls);
  monitor.giveUp();
  await monitor.ended;
});

test.concurrent('steps requested while another one runs wait for their turn', async ({ scenario }) => {
  const iam = await scenario.account('CreateUser=slow:1000:1');
  const monitor = await scenario.start(iam);
  await completeHandshake(monitor);
  const running = arrival(iam, 'CreateUser');
  monitor.send('Run Step CreateUser');
  await running;
  monitor.send('Run Step CreateGroup');
  monitor.send('Run Step CreateGroup');
  expect(iam.calls).toHaveLength(1);
  const answers = [];
  for (let count = 0; count < 3; count++) answers.push(parseStep(await monitor.next(/^Step /)));
  expect(answers).toMatchObject([passed, passed, refused]);
  monitor.send('Exit 0');
  expect(await monitor.ended).toMatchObject({ code: 0 });
});

test.concurrent('Exit during a step interrupts it, and the waiting steps do not start', async ({ scenario }) => {
  const iam = await scenario.account('CreateGroup=hang-after:1');
  const monitor = await scenario.start(iam);
  await completeHandshake(monitor);
  await runSteps(monitor, ['CreateUser']);
  const running = arrival(iam, 'CreateGroup');
  monitor.write(Buffer.concat(stepNames.slice(1).map((name) => frame(`Run Step ${name}`))));
  await running;
  monitor.send('Exit 0');
  expect(await monitor.ended).toMatchObject({ code: 0 });
  expect(monitor.answers).toHaveLength(4);
  expect(iam.calls.map(({ operation }) => operation)).toEqual([
    'CreateUser',
    'CreateGroup',
    'DeleteGroup',
    'DeleteUser',
  ]);
});
