import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { listEntities } from '../../../mocks/iam/seeding.ts';
import { goodConfig, runSteps, completeHandshake, stepNames, test } from '../../harness/conformance.ts';
import { arrival } from '../../harness/servers.ts';
import { frame, type Orchestrator } from '../../harness/orchestrator.ts';

test.concurrent.for([
  ['between two steps', 'AddUserToGroup'],
  ['before the first step', 'CreateUser'],
] as const)('a reader that goes away %s ends the run, and nothing is left behind', async ([, name], { scenario }) => {
  const monitor = await scenario.start(await scenario.account());
  await completeHandshake(monitor);
  await runSteps(monitor, stepNames.slice(0, stepNames.indexOf(name)));
  monitor.closeOutput();
  monitor.send(`Run Step ${name}`);
  monitor.closeInput();
  expect(await monitor.ended).toMatchObject({ code: 0 });
});

test.concurrent('a reader that goes away in the middle of a step ends the run, although stdin stays open', async ({
  scenario,
}) => {
  const iam = await scenario.account('CreateGroup=slow:200:1');
  const monitor = await scenario.start(iam);
  await completeHandshake(monitor);
  await runSteps(monitor, ['CreateUser']);
  const running = arrival(iam, 'CreateGroup');
  monitor.send('Run Step CreateGroup');
  await running;
  monitor.closeOutput();
  monitor.expectEnd();
  expect(await monitor.ended).toMatchObject({ killed: false });
});

test.concurrent('messages are answered although stderr is closed', async ({ scenario }) => {
  const monitor = await scenario.start(await scenario.account());
  await monitor.next(/^Started/);
  monitor.closeErrorOutput();
  monitor.expectEnd();
  // The monitor warns about this message on stderr.
  monitor.send('Nonsense');
  monitor.send('Version 1.1');
  await monitor.next(/^Ready$/);
  monitor.send(`Config ${JSON.stringify(goodConfig)}`);
  await monitor.next(/^Configured$/);
  expect(await runSteps(monitor, ['CreateUser'])).toMatchObject([{ kind: 'Time' }]);
  monitor.send('Exit 0');
  expect(await monitor.ended).toMatchObject({ code: 0, killed: false });
});

test.concurrent('a run whose three pipes are closed at once ends, and nothing is left behind', async ({ scenario }) => {
  const iam = await scenario.account('CreateGroup=hang-after:1');
  const monitor = await scenario.start(iam);
  await completeHandshake(monitor);
  await runSteps(monitor, ['CreateUser']);
  const running = arrival(iam, 'CreateGroup');
  monitor.send('Run Step CreateGroup');
  await running;
  monitor.write('00099 Run St');
  monitor.closeOutput();
  monitor.closeErrorOutput();
  monitor.closeInput();
  expect(await monitor.ended).toMatchObject({ code: 0, killed: false });
});

test.concurrent.for([
  ['a write', (monitor: Orchestrator) => monitor.send('Run Step CreateGroup')],
  ['SIGTERM', (monitor: Orchestrator) => monitor.signal('SIGTERM')],
  ['the end of stdin', (monitor: Orchestrator) => monitor.closeInput()],
] as const)(
  'leftovers are named on stderr if the reader is gone when %s ends the run',
  async ([, end], { scenario }) => {
    const iam = await scenario.usedAccount('DeleteUser=AccessDenied');
    const monitor = await scenario.start(iam);
    await completeHandshake(monitor);
    await runSteps(monitor, ['CreateUser']);
    monitor.closeOutput();
    end(monitor);
    monitor.expectEnd();
    expect(await monitor.ended).toMatchObject({ killed: false });
    const [name = 'no user'] = listEntities(iam.state).users;
    expect(monitor.stderr).toContain(`warning: left behind: user ${name} (AccessDenied (HTTP 403) at teardown: `);
    expect(monitor.stderr).toContain(`remove it with: aws iam delete-user --user-name ${name}\n`);
  },
);

test.concurrent('a slow reader gets everything, even more than a pipe can hold', async ({ scenario }) => {
  const iam = await scenario.account();
  const monitor = await scenario.start(iam, {
    script: (command) => `${command} | { until test -e "$TMPDIR/go"; do sleep 0.05; done; cat; }`,
  });
  const noise = Array.from({ length: 1500 }, () => 'an unknown message');
  const steps = stepNames.map((name) => `Run Step ${name}`);
  const last = arrival(iam, 'DeleteUser');
  monitor.write(Buffer.concat(['Version 1.1', `Config ${JSON.stringify(goodConfig)}`, ...noise, ...steps].map(frame)));
  await last;
  monitor.send('Exit 0');
  await sleep(300);
  writeFileSync(path.join(monitor.tmpDir, 'go'), '');
  expect(await monitor.ended).toMatchObject({ code: 0, killed: false });
  expect(monitor.messages.filter((message) => message.startsWith('Log Warning'))).toHaveLength(noise.length);
  // Exit may have interrupted the last step.
  expect(monitor.answers.filter((message) => message.startsWith('Step Time')).length).toBeGreaterThanOrEqual(7);
});
