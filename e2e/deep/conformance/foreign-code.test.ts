import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect } from 'vitest';
import { goodConfig, parseStep, runSteps, completeHandshake, stepNames, test } from '../../harness/conformance.ts';
import { arrival } from '../../harness/servers.ts';
import { fromSource, monitorCommand, type OrchestratorOptions } from '../../harness/orchestrator.ts';
import { projectDir, secrets } from '../../harness/run.ts';

/** Makes a monitor run this code at SIGUSR2. It runs from source, because the packaged one ignores NODE_OPTIONS. */
function withForeignCode(code: string): Pick<Required<OrchestratorOptions>, 'command' | 'env'> {
  const module = `process.on('SIGUSR2', () => { ${code} });`;
  return {
    command: fromSource,
    env: { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(module)}` },
  };
}

const secret = JSON.stringify(secrets.secretAccessKey);

/** Code that causes an uncaught error, with the code and a part of the text in the Step Error. */
const crashes = [
  [
    'a timer that throws',
    `setTimeout(() => { throw new TypeError('stray ' + ${secret}); })`,
    'TypeError',
    'stray [redacted]',
  ],
  [
    'a rejected promise that nobody awaits',
    `void Promise.reject(new Error('stray ' + ${secret}))`,
    'Error',
    'stray [redacted]',
  ],
  [
    'a thrown value that is not an error',
    `setTimeout(() => { throw 'stray ' + ${secret}; })`,
    'Error',
    'stray [redacted]',
  ],
  ['a thrown null', 'setTimeout(() => { throw null; })', 'Error', 'null'],
  [
    'an error with a secret where its message is cut',
    `setTimeout(() => { throw new Error('x'.repeat(1945) + ${secret}); })`,
    'Error',
    'xxx',
  ],
] as const;

test.concurrent.for(crashes)(
  '%s in the middle of a step causes its only Step Error, after teardown',
  async ([, code, name, text], { scenario }) => {
    const iam = await scenario.account('CreateGroup=hang-after:1');
    const monitor = await scenario.start(iam, withForeignCode(code));
    await completeHandshake(monitor);
    await runSteps(monitor, ['CreateUser']);
    const running = arrival(iam, 'CreateGroup');
    monitor.send('Run Step CreateGroup');
    await running;
    let left: number | undefined;
    monitor.onMessage = (message) => {
      if (message.startsWith('Step')) left = iam.state.users.size + iam.state.groups.size;
    };
    monitor.signal('SIGUSR2');
    const answer = parseStep(await monitor.next(/^Step /));
    expect(answer).toMatchObject({ kind: 'Error', metadata: { verdict: 'monitor', code: name } });
    expect(answer.rest).toMatch(new RegExp(`^monitor: ${name} at CreateGroup: `));
    expect(answer.rest).toContain(text);
    expect(left).toBe(0);
    monitor.giveUp();
    await monitor.ended;
    expect(monitor.answers).toHaveLength(5);
  },
);

test.concurrent('an uncaught error before the first step fails that step, and is written to stderr at once', async ({
  scenario,
}) => {
  const iam = await scenario.account();
  const monitor = await scenario.start(iam, withForeignCode("setTimeout(() => { throw new Error('early'); })"));
  await monitor.next(/^Started/);
  monitor.signal('SIGUSR2');
  monitor.send('Version 1.1');
  await monitor.next(/^Ready$/);
  monitor.send(`Config ${JSON.stringify(goodConfig)}`);
  await monitor.next(/^Configured$/);
  const [answer] = await runSteps(monitor, ['CreateUser']);
  expect(answer).toMatchObject({ kind: 'Error', metadata: { verdict: 'monitor' } });
  expect(answer?.rest).toMatch(/^monitor: Error at CreateUser: early\n/);
  monitor.giveUp();
  await monitor.ended;
  expect(monitor.stderr).toContain('early');
  expect(iam.calls).toEqual([]);
});

test.concurrent('an uncaught error before Config shows no secret of the environment', async ({ scenario }) => {
  const monitorFile = JSON.stringify(pathToFileURL(path.join(projectDir, 'suites/awsiam/monitor.ts')).href);
  const leak = `setTimeout(() => { throw new Error('early ' + ${secret}); }, 50)`;
  const end = "setTimeout(() => process.kill(process.pid, 'SIGTERM'), 100)";
  const { env, command } = withForeignCode(`import(${monitorFile}).then(() => { ${leak}; ${end}; })`);
  const monitor = await scenario.start(await scenario.account(), {
    command,
    env: { ...env, METRIST_AWS_SECRET_ACCESS_KEY: secrets.secretAccessKey },
  });
  await monitor.next(/^Started/);
  monitor.signal('SIGUSR2');
  expect(await monitor.ended).toMatchObject({ code: 143 });
  expect(monitor.stderr).toContain('early [redacted]');
});

test.concurrent('output of foreign code to stdout goes to stderr', async ({ scenario }) => {
  const noise =
    "console.log('3 tests passed'); console.info('\\n'); process.stdout.write('2024-01-01 '); console.error('done');";
  const monitor = await scenario.start(await scenario.account(), withForeignCode(noise));
  for (const [index, name] of stepNames.entries()) {
    if (index === 0) await completeHandshake(monitor);
    monitor.signal('SIGUSR2');
    const [answer] = await runSteps(monitor, [name]);
    expect(answer?.kind).toBe('Time');
  }
  monitor.send('Exit 0');
  expect(await monitor.ended).toMatchObject({ code: 0 });
  expect(monitor.stderr).toContain('3 tests passed');
  expect(monitor.stderr).toContain('2024-01-01');
  expect(monitor.answers).toHaveLength(3 + stepNames.length);
});

test.concurrent('output of foreign code is lost if nobody reads stderr, and fails no step', async ({ scenario }) => {
  const monitor = await scenario.start(
    await scenario.account(),
    withForeignCode("process.stdout.write('noise'); process.stderr.write('noise');"),
  );
  await completeHandshake(monitor);
  monitor.closeErrorOutput();
  monitor.signal('SIGUSR2');
  expect(await runSteps(monitor, stepNames)).toMatchObject(stepNames.map(() => ({ kind: 'Time' })));
  monitor.send('Exit 0');
  expect(await monitor.ended).toMatchObject({ code: 0 });
});

test.skipIf(monitorCommand() === fromSource)('the packaged monitor ignores NODE_OPTIONS', async ({ scenario }) => {
  const noise = encodeURIComponent("process.stdout.write('1 noise'); process.exitCode = 9;");
  const options = { NODE_OPTIONS: `--import=data:text/javascript,${noise} --trace-uncaught --title=x` };
  const monitor = await scenario.start(await scenario.account(), { env: options });
  await completeHandshake(monitor);
  expect(await runSteps(monitor, ['CreateUser'])).toMatchObject([{ kind: 'Time' }]);
  monitor.send('Exit 0');
  expect(await monitor.ended).toMatchObject({ code: 0 });
  expect(monitor.chunks[0]?.toString()).toBe('00011 Started 1.1');
});
