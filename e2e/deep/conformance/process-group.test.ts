import { expect } from 'vitest';
import { listEntities } from '../../../mocks/iam/seeding.ts';
import { runSteps, completeHandshake, stepNames, test } from '../../harness/conformance.ts';
import { arrival } from '../../harness/servers.ts';

/**
 * The Orchestrator starts `$SHELL -c <path>`. Some shells exec the command, others stay and lead the process group. The last
 * two fields are the exit code and the signal after SIGTERM, if they are known.
 */
const shells = [
  ['a shell that execs it', (command: string) => `exec ${command}`, 143, null],
  ['a shell as the Orchestrator starts it', (command: string) => command, undefined, undefined],
  ['a shell that stays', (command: string) => `${command}; :`, null, 'SIGTERM'],
] as const;

test.concurrent.for(shells)('under %s a good run ends by itself', async ([, script], { scenario }) => {
  const monitor = await scenario.start(await scenario.account(), { script });
  await completeHandshake(monitor);
  await runSteps(monitor, stepNames);
  monitor.send('Exit 0');
  expect(await monitor.ended).toEqual({ code: 0, signal: null, killed: false });
});

test.concurrent.for(shells)(
  'under %s SIGTERM to the group in the middle of a step leaves nothing behind',
  async ([, script, code, signal], { scenario }) => {
    const iam = await scenario.account('AddUserToGroup=hang-after:1');
    const monitor = await scenario.start(iam, { script });
    await completeHandshake(monitor);
    await runSteps(monitor, ['CreateUser', 'CreateGroup']);
    const running = arrival(iam, 'AddUserToGroup');
    monitor.send('Run Step AddUserToGroup');
    await running;
    monitor.signal('SIGTERM');
    // A shell that stays ends at once. The monitor must still end by itself, because nobody will kill it.
    expect(await monitor.ended).toMatchObject({ ...(code !== undefined && { code, signal }), killed: false });
  },
);

test.concurrent.for(shells)(
  'under %s a failed step is torn down before the shell is gone',
  async ([, script], { scenario }) => {
    const iam = await scenario.account('AddUserToGroup=AccessDenied:1');
    const monitor = await scenario.start(iam, { script });
    await completeHandshake(monitor);
    await runSteps(monitor, ['CreateUser', 'CreateGroup']);
    let left: unknown;
    monitor.onMessage = (message) => {
      if (!message.startsWith('Step')) return;
      left = listEntities(iam.state);
      monitor.giveUp();
    };
    const [answer] = await runSteps(monitor, ['AddUserToGroup']);
    expect(answer).toMatchObject({ kind: 'Error', metadata: { verdict: 'permission' } });
    expect(left).toEqual({ users: [], groups: [] });
    expect(await monitor.ended).toMatchObject({ killed: false });
  },
);
