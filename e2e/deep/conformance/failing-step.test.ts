import { expect } from 'vitest';
import { listEntities } from '../../../mocks/iam/seeding.ts';
import { operationOf, parseStep, runSteps, completeHandshake, stepNames, test } from '../../harness/conformance.ts';
import { arrival } from '../../harness/servers.ts';

/** Faults at different steps, with their verdicts and codes. */
const faults = [
  ['CreateGroup', 'ServiceFailure:3', 'service', 'ServiceFailure'],
  ['AddUserToGroup', 'AccessDenied:1', 'permission', 'AccessDenied'],
  ['RemoveUserFromGroup', 'Throttling:3', 'throttled', 'Throttling'],
  ['DeleteGroup', 'hang:3', 'timeout', undefined],
  ['AddUserToGroup', 'hang-after:3', 'timeout', undefined],
  ['AttachPolicy', 'reset-before:3', 'network', 'ECONNRESET'],
  ['DetachPolicy', 'html:1', 'service', undefined],
  ['DeleteUser', 'truncated:1', 'service', undefined],
  ['CreateUser', 'LimitExceeded:1', 'quota', 'LimitExceeded'],
  ['CreateGroup', 'ExpiredToken:1', 'credentials', 'ExpiredToken'],
] as const;

test.concurrent.for(faults)(
  '%s with %s causes one Step Error (%s), and nothing is left behind when it arrives',
  async ([name, fault, verdict, code], { scenario }) => {
    const iam = await scenario.account(`${operationOf(name)}=${fault}`);
    const monitor = await scenario.start(iam, { env: { METRIST_REQUEST_TIMEOUT_SECS: '1' } });
    await completeHandshake(monitor);
    const earlier = stepNames.slice(0, stepNames.indexOf(name));
    await runSteps(monitor, earlier);
    let left: unknown;
    monitor.onMessage = (message) => {
      // The Orchestrator ends the run as soon as it has read this.
      if (!message.startsWith('Step')) return;
      left = listEntities(iam.state);
      monitor.giveUp();
    };
    monitor.send(`Run Step ${name}`);
    const answer = parseStep(await monitor.next(/^Step /));
    expect(await monitor.ended).toMatchObject({ killed: false });

    expect(left).toEqual({ users: [], groups: [] });
    expect(answer).toMatchObject({ kind: 'Error', metadata: { verdict, ...(code && { code }) } });
    expect(answer.metadata['attempts']).toBe(fault.split(':')[1]);
    expect(answer.rest.split('\n')[0]).toMatch(new RegExp(`^${verdict}: .* at ${name}: `));
    expect(answer.rest).toContain('\nWhat to do: ');
    expect(monitor.answers).toHaveLength(3 + earlier.length + 1);
    expect(monitor.messages.filter((message) => /^Log (Warning|Error)/.test(message))).toEqual([]);
  },
);

test.concurrent('leftovers are logged before Step Error, with the command that removes them', async ({ scenario }) => {
  const iam = await scenario.usedAccount('AddUserToGroup=ServiceFailure:3,DeleteUser=AccessDenied');
  const monitor = await scenario.start(iam);
  await completeHandshake(monitor);
  await runSteps(monitor, ['CreateUser', 'CreateGroup', 'AddUserToGroup']);
  monitor.giveUp();
  await monitor.ended;
  const { users, groups } = listEntities(iam.state);
  expect(groups).toEqual([]);
  const [warning = '', ...more] = monitor.messages.filter((message) => message.startsWith('Log Warning'));
  expect(more).toEqual([]);
  expect(warning).toMatch(/^Log Warning left behind: user testuser-e2e-\S+ \(.*AccessDenied/);
  expect(warning).toContain(`aws iam delete-user --user-name ${users[0]}`);
  expect(monitor.messages.indexOf(warning)).toBe(monitor.messages.length - 2);
});

test.concurrent('a step that exceeds its own time limit is a timeout', async ({ scenario }) => {
  const monitor = await scenario.start(await scenario.account('CreateGroup=hang-after:1'), {
    env: { METRIST_STEP_TIMEOUT_SECS: '1' },
  });
  await completeHandshake(monitor);
  const [, answer] = await runSteps(monitor, ['CreateUser', 'CreateGroup']);
  expect(answer).toMatchObject({ kind: 'Error', metadata: { verdict: 'timeout', code: 'StepTimeout' } });
  expect(answer?.rest).toContain('gave up after 1 s of waiting for the answer to CreateGroup');
  monitor.giveUp();
  await monitor.ended;
});

/** Steps that the Orchestrator gives up on after its own time limit, which the monitor does not know. */
const givenUp = stepNames.flatMap((name) => (['hang', 'hang-after'] as const).map((fault) => [name, fault] as const));

test.concurrent.for(givenUp)(
  'if the Orchestrator gives up on %s (%s), there is no result, and nothing is left behind',
  async ([name, fault], { scenario }) => {
    const iam = await scenario.account(`${operationOf(name)}=${fault}:1`);
    const monitor = await scenario.start(iam);
    await completeHandshake(monitor);
    const earlier = stepNames.slice(0, stepNames.indexOf(name));
    await runSteps(monitor, earlier);
    const running = arrival(iam, operationOf(name));
    monitor.send(`Run Step ${name}`);
    await running;
    monitor.giveUp();
    // The Orchestrator would kill the monitor five seconds after SIGTERM.
    expect(await monitor.ended).toMatchObject({ killed: false });
    expect(monitor.answers).toHaveLength(3 + earlier.length);
  },
);

test.concurrent('SIGTERM in the middle of the teardown of a failed step does not stop the teardown', async ({
  scenario,
}) => {
  const iam = await scenario.account('AddUserToGroup=AccessDenied:1,DeleteGroup=slow:300:1');
  const monitor = await scenario.start(iam);
  await completeHandshake(monitor);
  await runSteps(monitor, ['CreateUser', 'CreateGroup']);
  const tearingDown = arrival(iam, 'DeleteGroup');
  monitor.send('Run Step AddUserToGroup');
  await tearingDown;
  monitor.giveUp();
  expect(await monitor.ended).toMatchObject({ killed: false });
  expect(iam.calls.map(({ operation }) => operation)).toEqual([
    'CreateUser',
    'CreateGroup',
    'AddUserToGroup',
    'DeleteGroup',
    'DeleteUser',
  ]);
});

test.concurrent('the process ends although the service has stopped answering', async ({ scenario }) => {
  const iam = await scenario.usedAccount('CreateGroup=hang,DeleteUser=hang,DeleteGroup=hang');
  const monitor = await scenario.start(iam);
  await completeHandshake(monitor);
  await runSteps(monitor, ['CreateUser']);
  const running = arrival(iam, 'CreateGroup');
  monitor.send('Run Step CreateGroup');
  await running;
  monitor.giveUp();
  expect(await monitor.ended).toMatchObject({ killed: false });
  expect(monitor.stdout).toContain('left behind: user testuser-e2e-');
});
