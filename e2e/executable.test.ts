import { readdirSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'vitest';
import { goodConfig, parseStep, runSteps, completeHandshake, stepNames, test } from './harness/conformance.ts';
import { monitorCommand } from './harness/orchestrator.ts';
import { secrets } from './harness/run.ts';
import { metristEnv, startMetrist } from './harness/servers.ts';

test.concurrent('a good run sends eight Step Time and ends by itself with code 0', async ({ scenario }) => {
  const iam = await scenario.account();
  const monitor = await scenario.start(iam);
  await completeHandshake(monitor);
  const answers = await runSteps(monitor, stepNames);
  monitor.send('Exit 0');
  expect(await monitor.ended).toEqual({ code: 0, signal: null, killed: false });

  // The Orchestrator parses the first chunk as one message, and crashes if it contains more.
  expect(monitor.chunks[0]?.toString()).toBe('00011 Started 1.1');
  expect(monitor.answers).toEqual([
    'Started 1.1',
    'Ready',
    'Configured',
    ...stepNames.map(() => expect.stringMatching(/^Step Time \S+ \d+(\.\d+)?$/)),
  ]);
  for (const [index, { metadata, rest }] of answers.entries()) {
    expect(metadata).toMatchObject({ attempts: '1', httpStatus: '200' });
    expect(metadata['requestId']).toMatch(/^[\da-f]{8}-[\da-f-]{27}$/);
    // The step reports its own time, which is at least the time of the request.
    expect(Number(rest)).toBeGreaterThanOrEqual(Number(metadata['lastAttemptMs']));
    expect(Number(metadata['lastAttemptMs'])).toBeGreaterThan(0);
    expect(iam.calls[index]).toMatchObject({ carriedOut: true, status: 200 });
  }
  expect(iam.calls).toHaveLength(stepNames.length);
  expect(new Set(answers.map(({ metadata }) => metadata['requestId'])).size).toBe(stepNames.length);
  expect(monitor.stderr).toBe('');
});

test.concurrent('nothing is logged before Config, and the first step logs the version', async ({ scenario }) => {
  const monitor = await scenario.start(await scenario.account());
  await completeHandshake(monitor);
  expect(monitor.messages).toEqual(['Started 1.1', 'Ready', 'Configured']);
  await runSteps(monitor, ['CreateUser']);
  expect(monitor.messages[3]).toMatch(/^Log Info awsiam \d+\.\d+\.\d+.* \((from source|commit [\da-f]+.*)\)$/);
  monitor.send('Exit 0');
  expect(await monitor.ended).toMatchObject({ code: 0 });
});

test('with an API token in the environment nothing is posted, and no file is written', async ({ scenario }) => {
  const metrist = await startMetrist();
  const cwd = path.dirname(monitorCommand().at(-1) ?? '');
  const before = readdirSync(cwd, { recursive: true });
  const iam = await scenario.account();
  const monitor = await scenario.start(iam, { env: metristEnv(metrist) });
  await completeHandshake(monitor);
  const [answer] = await runSteps(monitor, ['CreateUser']);
  expect(answer?.kind).toBe('Time');
  await runSteps(monitor, stepNames.slice(1));
  expect(readdirSync(monitor.tmpDir, { recursive: true })).toEqual([]);
  expect(readdirSync(cwd, { recursive: true })).toEqual(before);
  monitor.send('Exit 0');
  expect(await monitor.ended).toMatchObject({ code: 0 });
  expect(metrist.requests).toEqual([]);
});

test('with an API token in the environment a failed step is not posted', async ({ scenario }) => {
  const metrist = await startMetrist();
  const monitor = await scenario.start(await scenario.account('CreateUser=AccessDenied'), { env: metristEnv(metrist) });
  await completeHandshake(monitor);
  const [answer] = await runSteps(monitor, ['CreateUser']);
  expect(answer).toMatchObject({ kind: 'Error', metadata: { verdict: 'permission' } });
  monitor.giveUp();
  await monitor.ended;
  expect(metrist.requests).toEqual([]);
});

test.concurrent.for([
  ['the environment', {}, 'env'],
  ['the Config', goodConfig, 'config'],
] as const)('a run with the settings from %s passes', async ([, config, from], { scenario }) => {
  const iam = await scenario.account();
  const monitor = await scenario.start(iam, {
    env:
      from === 'env'
        ? {
            METRIST_AWSIAM_A_W_S_ACCESS_KEY_ID: secrets.accessKeyId,
            METRIST_AWSIAM_A_W_S_SECRET_ACCESS_KEY: secrets.secretAccessKey,
            METRIST_AWSIAM_A_W_S_REGION: 'us-east-1',
            METRIST_AWSIAM_NAMESPACE: 'e2e',
          }
        : {},
  });
  await completeHandshake(monitor, config);
  const answers = await runSteps(monitor, stepNames);
  expect(answers.map(({ kind }) => kind)).toEqual(stepNames.map(() => 'Time'));
  monitor.send('Exit 0');
  expect(await monitor.ended).toMatchObject({ code: 0 });
  expect(iam.calls[0]?.params['UserName']).toMatch(/^testuser-e2e-/);
});

test.concurrent('the Orchestrator can parse each word of a Step Time', async ({ scenario }) => {
  const monitor = await scenario.start(await scenario.account('CreateUser=ServiceFailure:1'));
  await completeHandshake(monitor);
  const [answer] = await runSteps(monitor, ['CreateUser']);
  expect(answer).toMatchObject({ kind: 'Time', metadata: { attempts: '2', httpStatus: '200' } });
  const message = monitor.messages.at(-1) ?? '';
  expect(message.split(/\s/)).toHaveLength(4);
  expect(Object.values(parseStep(message).metadata ?? {})).not.toContain('not base16');
  monitor.send('Exit 0');
  expect(await monitor.ended).toMatchObject({ code: 0 });
});
