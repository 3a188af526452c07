import { expect } from 'vitest';
import { listEntities } from '../../../mocks/iam/seeding.ts';
import { seedStaleUsers } from '../../../suites/awsiam/testing/stale.ts';
import {
  goodConfig,
  parseStep,
  runSteps,
  completeHandshake,
  stepNames,
  test,
  type StepAnswer,
} from '../../harness/conformance.ts';
import { frame, type Orchestrator } from '../../harness/orchestrator.ts';
import { secrets } from '../../harness/run.ts';

/** Sends these bytes as a Config, and waits for the answer. */
async function configure(monitor: Orchestrator, config: Uint8Array): Promise<void> {
  await monitor.next(/^Started/);
  monitor.send('Version 1.1');
  await monitor.next(/^Ready$/);
  const head = Buffer.from('Config ');
  const length = head.length + config.length;
  monitor.write(Buffer.concat([Buffer.from(`${String(length).padStart(5, '0')} `), head, config]));
  await monitor.next(/^Configured$/);
}

/** Expects a Step Error about the configuration that lists every problem. */
function expectConfigurationError(answer: StepAnswer | undefined, problems: readonly string[]): void {
  expect(answer).toMatchObject({ kind: 'Error', metadata: { verdict: 'configuration', code: 'ConfigError' } });
  expect(answer?.rest).toMatch(/^configuration: /);
  for (const problem of problems) expect(answer?.rest).toContain(problem);
}

const half = secrets.secretAccessKey.slice(0, 25);
const start = `{"AWSAccessKeyId":"${secrets.accessKeyId}","AWSSecretAccessKey":`;
const whole = JSON.stringify(goodConfig);

/** Configs that are not an object of strings, and the problem that is reported. */
const broken = [
  ['that ends in the middle of the secret', Buffer.from(`${start}"${half}`), 'is not valid JSON'],
  ['with an error after the secret', Buffer.from(`${start}"${secrets.secretAccessKey}",,}`), 'is not valid JSON'],
  ['with a secret without quotes', Buffer.from(`${start}${secrets.secretAccessKey}}`), 'is not valid JSON'],
  ['that is empty', Buffer.from(''), 'is not valid JSON'],
  [
    'that is not UTF-8',
    Buffer.concat([Buffer.from(whole.slice(0, -2)), Buffer.from([0xc3, 0x28, 0x22, 0x7d])]),
    'is not valid UTF-8',
  ],
  ['that is an array', Buffer.from(`[${whole}]`), 'is not a JSON object'],
  ['that is a string', Buffer.from(JSON.stringify(secrets.secretAccessKey)), 'is not a JSON object'],
  ['that is null', Buffer.from('null'), 'is not a JSON object'],
] as const;

test.concurrent.for(broken)(
  'a Config %s is answered, and fails the first step without being quoted',
  async ([, config, problem], { scenario }) => {
    const iam = await scenario.account();
    const monitor = await scenario.start(iam);
    await configure(monitor, config);
    const [answer] = await runSteps(monitor, ['CreateUser']);
    expectConfigurationError(answer, [problem, 'METRIST_AWS_REGION is not set', 'METRIST_NAMESPACE is not set']);
    monitor.giveUp();
    await monitor.ended;
    expect(iam.calls).toEqual([]);
    expect(monitor.answers).toHaveLength(4);
  },
);

/** Values that a registration can contain, and every problem to be reported. */
const wrong = [
  [
    'numbers',
    { Namespace: 7, AWSRegion: 1.5 },
    ['Namespace in the Config JSON is of type number', 'AWSRegion in the Config JSON is of type number'],
  ],
  [
    'booleans',
    { AWSRegion: true, AWSSecretAccessKey: false },
    ['AWSRegion in the Config JSON is of type boolean', 'AWSSecretAccessKey in the Config JSON is of type boolean'],
  ],
  [
    'objects',
    { Namespace: { a: 1 }, AWSRegion: [] },
    ['Namespace in the Config JSON is of type object', 'AWSRegion in the Config JSON is of type object'],
  ],
  ['null', { Namespace: null, AWSRegion: null }, ['METRIST_AWS_REGION is not set', 'METRIST_NAMESPACE is not set']],
  [
    'empty strings',
    { Namespace: '', AWSRegion: ' ' },
    ['METRIST_AWS_REGION is not set', 'METRIST_NAMESPACE is not set'],
  ],
  [
    'an empty secret',
    { AWSSecretAccessKey: '' },
    ['METRIST_AWS_SECRET_ACCESS_KEY is not set, but AWSAccessKeyId in the Config JSON is'],
  ],
  [
    'references that the Orchestrator could not resolve',
    {
      Namespace: '<<ERROR: secret x not found>>',
      AWSRegion: '<<ERROR: could not expand "${X}", environment variable not found>>',
    },
    [
      'Namespace in the Config JSON could not be resolved',
      '<<ERROR: secret x not found>>',
      'AWSRegion in the Config JSON could not be resolved',
      '"${X}"',
    ],
  ],
  [
    'secrets that the Orchestrator could not find',
    { AWSSecretAccessKey: '<<ERROR: secret /prod/keys not found>>' },
    ['AWSSecretAccessKey in the Config JSON could not be resolved', '<<ERROR: secret /prod/keys not found>>'],
  ],
  [
    'an ambiguous switch and ambiguous numbers',
    { CleanupEnabled: 'disabled', StepTimeoutSecs: '1e2', MaxTestEntities: '0x10' },
    [
      'CleanupEnabled in the Config JSON is "disabled": expected 1, true, yes or on, or else 0, false, no or off',
      'StepTimeoutSecs in the Config JSON is "1e2"',
      'MaxTestEntities in the Config JSON is "0x10"',
    ],
  ],
  [
    'values out of range',
    { AWSRegion: 'Frankfurt', Namespace: 'a b', StepTimeoutSecs: '901', RequestTimeoutSecs: 'x' },
    [
      '"Frankfurt"',
      '"a b"',
      'StepTimeoutSecs in the Config JSON is "901"',
      'RequestTimeoutSecs in the Config JSON is "x"',
    ],
  ],
] as const;

test.concurrent.for(wrong)(
  '%s in the Config cause one Step Error that lists every problem',
  async ([, values, problems], { scenario }) => {
    const iam = await scenario.account();
    const monitor = await scenario.start(iam);
    await completeHandshake(monitor, { ...goodConfig, ...values });
    const [answer] = await runSteps(monitor, ['CreateUser']);
    expectConfigurationError(answer, problems);
    monitor.giveUp();
    await monitor.ended;
    expect(iam.calls).toEqual([]);
  },
);

test.concurrent('unknown properties cause warnings after Configured, and the run goes on', async ({ scenario }) => {
  const iam = await scenario.account();
  const monitor = await scenario.start(iam);
  await completeHandshake(monitor, {
    ...goodConfig,
    AwsRegion: 'eu-west-1',
    __proto__x: '1',
    'a\nb': secrets.apiToken,
  });
  const answers = await runSteps(monitor, stepNames);
  expect(answers.map(({ kind }) => kind)).toEqual(stepNames.map(() => 'Time'));
  monitor.send('Exit 0');
  expect(await monitor.ended).toMatchObject({ code: 0 });
  const warnings = monitor.messages.filter((message) => message.startsWith('Log Warning'));
  expect(warnings.map((warning) => /Config's ("\S+")/.exec(warning)?.[1])).toEqual([
    '"AwsRegion"',
    '"__proto__x"',
    '"a\\nb"',
  ]);
  expect(monitor.messages.indexOf(warnings[0] ?? '')).toBeGreaterThan(monitor.messages.indexOf('Configured'));
});

test.concurrent('misspelt variables cause warnings after Configured, without their values', async ({ scenario }) => {
  const monitor = await scenario.start(await scenario.account(), {
    env: { METRIST_AWSIAM_STEP_TIMEOUT: 'hunter2', METRIST_ORCHESTRATOR_NAME: 'x', METRIST_AWSECS_NAMESPACE: 'y' },
  });
  await completeHandshake(monitor);
  await runSteps(monitor, ['CreateUser']);
  monitor.send('Exit 0');
  expect(await monitor.ended).toMatchObject({ code: 0 });
  const warnings = monitor.messages.filter((message) => message.startsWith('Log Warning'));
  expect(warnings).toEqual([
    'Log Warning METRIST_AWSIAM_STEP_TIMEOUT has no effect: there is no such setting; did you mean METRIST_AWSIAM_STEP_TIMEOUT_SECS?',
  ]);
  expect(monitor.messages.indexOf(warnings[0] ?? '')).toBeGreaterThan(monitor.messages.indexOf('Configured'));
});

/** The Orchestrator requests a cleanup if METRIST_CLEANUP_ENABLED is set, whatever its value. */
const switchedOff = [
  ['METRIST_CLEANUP_ENABLED=off', { METRIST_CLEANUP_ENABLED: 'off' }, {}, 'Time'],
  ['CleanupEnabled=No in the Config', {}, { CleanupEnabled: 'No' }, 'Time'],
  ['METRIST_CLEANUP_ENABLED=disabled, which is refused,', { METRIST_CLEANUP_ENABLED: 'disabled' }, {}, 'Error'],
] as const;

test.concurrent.for(switchedOff)(
  'with %s nothing of earlier runs is deleted',
  async ([, env, config, kind], { scenario }) => {
    const iam = await scenario.usedAccount();
    const users = seedStaleUsers(iam.state, 'e2e', 1);
    const monitor = await scenario.start(iam, { env });
    await completeHandshake(monitor, { ...goodConfig, ...config });
    const [answer] = await runSteps(monitor, ['CreateUser']);
    expect(answer?.kind).toBe(kind);
    monitor.send('Exit 1');
    expect(await monitor.ended).toMatchObject({ code: 0 });
    expect(listEntities(iam.state).users).toEqual(users);
  },
);

const region = { orchestrator: 'METRIST_AWSIAM_A_W_S_REGION', own: 'METRIST_AWS_REGION' } as const;

/** The value with the highest precedence is wrong, so that the problem names its source. */
const precedence = [
  ['the environment beats the Config', { [region.own]: 'wrong' }, { AWSRegion: 'us-east-1' }, region.own],
  [
    'METRIST_AWSIAM_A_W_S_REGION beats METRIST_AWS_REGION',
    { [region.orchestrator]: 'wrong', [region.own]: 'us-east-1' },
    {},
    region.orchestrator,
  ],
  ['the Config beats AWS_REGION', { AWS_REGION: 'us-east-1' }, { AWSRegion: 'wrong' }, 'AWSRegion in the Config JSON'],
  [
    'an empty variable does not hide the Config',
    { [region.orchestrator]: '', [region.own]: '' },
    { AWSRegion: 'wrong' },
    'AWSRegion in the Config JSON',
  ],
  [
    'AWS_REGION is read if the Config sets no region',
    { AWS_REGION: 'wrong', AWS_DEFAULT_REGION: 'us-east-1' },
    {},
    'AWS_REGION',
  ],
  ['AWS_DEFAULT_REGION is read last', { AWS_REGION: '', AWS_DEFAULT_REGION: 'wrong' }, {}, 'AWS_DEFAULT_REGION'],
] as const;

test.concurrent.for(precedence)('%s', async ([, env, values, from], { scenario }) => {
  const monitor = await scenario.start(await scenario.account(), { env });
  await completeHandshake(monitor, { ...goodConfig, AWSRegion: '', ...values });
  const [answer] = await runSteps(monitor, ['CreateUser']);
  expectConfigurationError(answer, [`- ${from} is "wrong"`]);
  expect(answer?.rest).toContain('1 problem with');
  expect(JSON.stringify(answer)).toContain("in the Config of the monitor's registration");
  expect(JSON.stringify(answer)).not.toMatch(/\.env|vitest/);
  monitor.giveUp();
  await monitor.ended;
});

test.concurrent('after a refused Config every step is answered', async ({ scenario }) => {
  const monitor = await scenario.start(await scenario.account());
  await configure(monitor, Buffer.from('{'));
  monitor.write(Buffer.concat([frame('Run Step CreateUser'), frame('Run Step CreateGroup')]));
  expect(parseStep(await monitor.next(/^Step /)).metadata['code']).toBe('ConfigError');
  expect(parseStep(await monitor.next(/^Step /)).metadata['code']).toBe('StepNotRun');
  monitor.send('Exit 0');
  expect(await monitor.ended).toMatchObject({ code: 0 });
});
