import os from 'node:os';
import { type TestContext, test, vi } from 'vitest';
import type { IamState } from '../../../mocks/iam/state.ts';
import { type StepName, steps } from '../../../suites/awsiam/steps.ts';
import { seedStaleGroups, seedStaleUsers } from '../../../suites/awsiam/testing/stale.ts';
import { mask } from './mask.ts';
import type { LiveParityRun, ParityRun } from './run.ts';
import { type ParityScenario, runLive, runOffline, runOrchestrated } from './ways.ts';
import { liveEnv, secrets } from '../../harness/run.ts';

/**
 * The same scenario in the three ways of running: `vitest run`, the packaged monitor under the Orchestrator, and
 * `vitest run --mode offline`. All of them tell the same results, and the first two tell Metrist the same.
 */

/** What {@link liveEnv} says, as the Orchestrator's Config says it. */
const config = {
  AWSAccessKeyId: liveEnv.METRIST_AWS_ACCESS_KEY_ID,
  AWSSecretAccessKey: liveEnv.METRIST_AWS_SECRET_ACCESS_KEY,
  AWSRegion: liveEnv.METRIST_AWS_REGION,
  Namespace: liveEnv.METRIST_NAMESPACE,
} as const;

/** Each step is refused; what stands here may not be done by teardown either. */
const refusedForGood: Partial<Record<StepName, Pick<ParityScenario, 'faults' | 'leaves'>>> = {
  AddUserToGroup: {
    faults: 'AddUserToGroup=AccessDenied,DeleteGroup=AccessDenied,DeleteUser=AccessDenied',
    leaves: ['group', 'user'],
  },
  DeleteGroup: { faults: 'DeleteGroup=AccessDenied', leaves: ['group'] },
  DetachPolicy: { faults: 'DetachUserPolicy=AccessDenied,DeleteUser=AccessDenied', leaves: ['user'] },
  DeleteUser: { faults: 'DeleteUser=AccessDenied', leaves: ['user'] },
};
const refusals = steps.map(({ name }): readonly [title: string, scenario: ParityScenario] => [
  `${name} that is refused fails for want of a permission${name in refusedForGood ? ', and what teardown may not remove either is left' : ''}`,
  {
    faults: `${name.replace('AttachPolicy', 'AttachUserPolicy')}=AccessDenied:1`,
    fails: [name, 'permission', 'AccessDenied'],
    ...refusedForGood[name],
  },
]);

const offlineDefaults = 'offline what is not set has a value';
const newAccount = 'offline every account is new';
const noConnection = 'offline there is no connection';

function seedLeftovers(state: IamState): void {
  seedStaleUsers(state, liveEnv.METRIST_NAMESPACE, 2);
  seedStaleGroups(state, liveEnv.METRIST_NAMESPACE, 1);
}

type TitledScenario = readonly [title: string, scenario: ParityScenario];

/** Runs that take seconds in which they do nothing. */
const waitingScenarios: readonly TitledScenario[] = [
  [
    'a deletion that never has an answer leaves the group, which is named with the command that removes it',
    {
      faults: 'DeleteGroup=hang',
      env: { METRIST_REQUEST_TIMEOUT_SECS: '1' },
      fails: ['DeleteGroup', 'timeout', 'ETIMEDOUT'],
      leaves: ['group'],
    },
  ],
  [
    'a connection that is always reset before a deletion leaves what was to be deleted',
    {
      faults: 'DeleteGroup=reset-before',
      fails: ['DeleteGroup', 'network', 'ECONNRESET'],
      leaves: ['group'],
    },
  ],
  [
    'a request that never has an answer is given up after its time, three times',
    {
      faults: 'AddUserToGroup=hang',
      env: { METRIST_REQUEST_TIMEOUT_SECS: '1' },
      fails: ['AddUserToGroup', 'timeout', 'ETIMEDOUT'],
    },
  ],
  [
    'a step that takes too long is given up',
    {
      faults: 'CreateGroup=hang',
      env: { METRIST_STEP_TIMEOUT_SECS: '1' },
      fails: ['CreateGroup', 'timeout', 'StepTimeout'],
      mayAppear: ['group'],
    },
  ],
  [
    'a connection that is always reset before the creation is a failure of the network',
    {
      faults: 'CreateUser=reset-before',
      fails: ['CreateUser', 'network', 'ECONNRESET'],
      mayAppear: ['user'],
    },
  ],
  [
    'creations whose first or second attempt is carried out after the last step leave nothing',
    {
      faults: 'CreateUser=late:12000:1,CreateGroup=Throttling:1,CreateGroup=late:12000:1',
      env: { METRIST_REQUEST_TIMEOUT_SECS: '3' },
    },
  ],
  [
    'creations that IAM has not carried out when teardown ends are named, and change nothing else',
    {
      faults: 'CreateUser=late:600000:1,CreateGroup=Throttling:1,CreateGroup=late:600000:1',
      env: { METRIST_REQUEST_TIMEOUT_SECS: '3' },
      mayAppear: ['group', 'user'],
    },
  ],
  [
    'a creation of which every attempt is carried out late is removed as often as it appears, and named',
    {
      faults: 'CreateGroup=late:5000:3',
      env: { METRIST_REQUEST_TIMEOUT_SECS: '3' },
      fails: ['CreateGroup', 'timeout', 'ETIMEDOUT'],
      mayAppear: ['group'],
    },
  ],
];

const busyScenarios: readonly TitledScenario[] = [
  ['all eight steps pass', {}],
  [
    'what passes at a repetition passes, with what it took',
    {
      faults:
        'CreateUser=ServiceFailure:1,CreateGroup=Throttling:1,AddUserToGroup=NoSuchEntity:2,DeleteGroup=DeleteConflict:1',
    },
  ],
  [
    'answers that are lost, once or always, are resolved',
    {
      faults:
        'CreateGroup=reset-after,AddUserToGroup=reset-before:1,RemoveUserFromGroup=reset-before:1,DeleteGroup=reset-after,DeleteUser=reset-after:1',
    },
  ],
  ...refusals,
  [
    'a failure of the service at the first step blocks all others',
    { faults: 'CreateUser=ServiceFailure', fails: ['CreateUser', 'service', 'ServiceFailure'] },
  ],
  [
    'a failure of the service in the middle blocks what comes after it',
    { faults: 'RemoveUserFromGroup=ServiceFailure:3', fails: ['RemoveUserFromGroup', 'service', 'ServiceFailure'] },
  ],
  [
    'a failure of the service at the last step blocks nothing',
    { faults: 'DeleteUser=ServiceFailure:3', fails: ['DeleteUser', 'service', 'ServiceFailure'] },
  ],
  [
    'throttling that does not end is a verdict of its own',
    { faults: 'AttachUserPolicy=Throttling', fails: ['AttachPolicy', 'throttled', 'Throttling'] },
  ],
  [
    'an answer that breaks off is shown',
    { faults: 'AddUserToGroup=truncated:1', fails: ['AddUserToGroup', 'service', 'ForeignAnswer'] },
  ],
  ["a proxy's page is shown", { faults: 'CreateGroup=html', fails: ['CreateGroup', 'service', 'ForeignAnswer'] }],
  [
    "a proxy's error is shown",
    { faults: 'DetachUserPolicy=html-502:3', fails: ['DetachPolicy', 'service', 'ForeignAnswer'] },
  ],
  ['an empty answer is none', { faults: 'CreateUser=empty', fails: ['CreateUser', 'service', 'ForeignAnswer'] }],
  [
    "a session token that has expired is no lack of permission, also where the settings come from the Orchestrator's Config",
    {
      faults: 'RemoveUserFromGroup=ExpiredToken:1',
      settings: { ...liveEnv, METRIST_AWS_SESSION_TOKEN: secrets.sessionToken },
      config: { ...config, AWSSessionToken: secrets.sessionToken },
      fails: ['RemoveUserFromGroup', 'credentials', 'ExpiredToken'],
    },
  ],
  [
    'a key that AWS does not know fails the first step',
    { faults: 'CreateUser=InvalidClientTokenId', fails: ['CreateUser', 'credentials', 'InvalidClientTokenId'] },
  ],
  [
    'a clock that is wrong fails the first step',
    { faults: 'CreateUser=RequestExpired', fails: ['CreateUser', 'credentials', 'RequestExpired'] },
  ],
  [
    'a quota that is used up is not repeated',
    { faults: 'CreateGroup=LimitExceeded', fails: ['CreateGroup', 'quota', 'LimitExceeded'] },
  ],
  [
    'a name that is taken is a fault of the monitor',
    { faults: 'CreateGroup=EntityAlreadyExists:1', fails: ['CreateGroup', 'monitor', 'EntityAlreadyExists'] },
  ],
  [
    'an entity that IAM has not settled yet is a matter of propagation',
    {
      faults: 'DeleteUser=EntityTemporarilyUnmodifiable:1',
      fails: ['DeleteUser', 'propagation', 'EntityTemporarilyUnmodifiable'],
    },
  ],
  [
    'a test policy that does not exist is a matter of configuration',
    {
      env: { METRIST_POLICY_ARN: 'arn:aws:iam::123456789012:policy/nobody-made-it' },
      fails: ['AttachPolicy', 'configuration', 'NoSuchEntity'],
    },
  ],
  ['what earlier runs left is removed', { seed: seedLeftovers, cleanup: true, notOffline: newAccount }],
  [
    'what earlier runs left is removed also where it has used up the quota',
    {
      faults: 'CreateGroup=LimitExceeded',
      seed: seedLeftovers,
      cleanup: true,
      fails: ['CreateGroup', 'quota', 'LimitExceeded'],
      notOffline: newAccount,
    },
  ],
  ['a sweep that is refused is a warning', { faults: 'ListUsers=AccessDenied', cleanup: true, warnings: 1 }],
  [
    'settings that are missing are listed',
    { settings: {}, fails: ['CreateUser', 'configuration', 'ConfigError'], notOffline: offlineDefaults },
  ],
  [
    'settings that are wrong are listed, by the names that they were given under',
    {
      settings: { ...liveEnv, METRIST_AWS_REGION: 'the moon', METRIST_NAMESPACE: 'not/allowed' },
      config: { ...config, AWSRegion: 'the moon', Namespace: 'not/allowed' },
      fails: ['CreateUser', 'configuration', 'ConfigError'],
    },
  ],
  [
    'one key of two is refused',
    {
      settings: {
        METRIST_AWS_ACCESS_KEY_ID: secrets.accessKeyId,
        METRIST_AWS_REGION: 'us-east-1',
        METRIST_NAMESPACE: 'e2e',
      },
      fails: ['CreateUser', 'configuration', 'ConfigError'],
    },
  ],
  [
    'a secret that the Orchestrator could not find is said to be that',
    {
      settings: { ...liveEnv, METRIST_AWS_SECRET_ACCESS_KEY: '<<ERROR: secret /prod/iam not found>>' },
      fails: ['CreateUser', 'configuration', 'ConfigError'],
    },
  ],
  [
    'no credentials anywhere fail the first step',
    {
      settings: { METRIST_AWS_REGION: 'us-east-1', METRIST_NAMESPACE: 'e2e' },
      fails: ['CreateUser', 'credentials', 'CredentialsProviderError'],
      notOffline: offlineDefaults,
    },
  ],
  [
    'an endpoint where nobody listens is a failure of the network',
    { unreachable: true, fails: ['CreateUser', 'network', 'ECONNREFUSED'], notOffline: noConnection },
  ],
];

const stepNames = steps.map(({ name }) => name);

// The waiting runs begin first and leave the processor to the others.
vi.setConfig({ maxConcurrency: waitingScenarios.length + os.availableParallelism() * 3 });

test.concurrent.for(waitingScenarios)('%s', async ([, scenario], context) => {
  const runs = [runLive(scenario, context), runOrchestrated(scenario, context), runOffline(scenario, context)] as const;
  // No run may go on when the test is over, even if another one failed.
  await Promise.allSettled(runs);
  const [live, orchestrated, offline] = await Promise.all(runs);
  expectParity(scenario, { live, orchestrated, offline }, context);
});

test.concurrent.for(busyScenarios)('%s', async ([, scenario], context) => {
  const live = await runLive(scenario, context);
  const orchestrated = await runOrchestrated(scenario, context);
  const offline = scenario.notOffline === undefined ? await runOffline(scenario, context) : undefined;
  expectParity(scenario, { live, orchestrated, offline }, context);
});

interface Runs {
  readonly live: LiveParityRun;
  readonly orchestrated: LiveParityRun;
  readonly offline: ParityRun | undefined;
}

function expectParity(
  { fails, leaves = [], mayAppear = [], warnings = 0 }: ParityScenario,
  { live, orchestrated, offline }: Runs,
  { expect }: Pick<TestContext, 'expect'>,
): void {
  // Under the Orchestrator it is the same as by hand: what is told, what Metrist hears and what is left in the account.
  expect(mask(orchestrated)).toEqual(mask(live));
  // Offline it is the same as far as there is anything to compare.
  if (offline !== undefined) {
    const { account: _account, reported: _reported, ...told } = live;
    expect(mask(offline, { offline: true })).toEqual(mask(told, { offline: true }));
  }

  // And it is what the scenario is about.
  const failedAt = fails === undefined ? stepNames.length : stepNames.indexOf(fails[0]);
  expect(live.isGood).toBe(fails === undefined);
  expect(live.steps.map(({ name, state }) => [name, state])).toEqual(
    stepNames.map((name, index) => [name, index < failedAt ? 'passed' : index === failedAt ? 'failed' : 'blocked']),
  );
  if (fails !== undefined) {
    const [, verdict, code] = fails;
    expect(live.steps[failedAt]).toMatchObject({ error: { verdict, code } });
  }
  expect(live.leftovers.map((leftover) => leftover.split(' ')[0])).toEqual(
    (['group', 'user'] as const).filter((kind) => leaves.includes(kind) || mayAppear.includes(kind)),
  );
  expect(live.leftovers.filter((leftover) => leftover.includes('(may still appear)'))).toHaveLength(mayAppear.length);
  expect(live.warnings).toHaveLength(warnings);
  expect(live.problems).toEqual([]);
  const { users, groups } = live.account;
  expect([users.length, groups.length]).toEqual(
    (['user', 'group'] as const).map((kind) => Number(leaves.includes(kind))),
  );
  const passed = stepNames.slice(0, failedAt).map((name) => ['telemetry', name, undefined]);
  expect(
    live.reported.map((result) => [
      result.kind,
      result.body.check_logical_name,
      result.kind === 'error' ? result.body.blocked_steps : undefined,
    ]),
  ).toEqual([...passed, ...(fails === undefined ? [] : [['error', fails[0], stepNames.slice(failedAt + 1)]])]);
}
