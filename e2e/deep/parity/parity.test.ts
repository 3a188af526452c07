import { test } from 'vitest';
import type { IamState } from '../../../mocks/iam/state.ts';
import { type StepName, steps } from '../../../suites/awsiam/steps.ts';
import { seedStaleGroups, seedStaleUsers } from '../../../suites/awsiam/testing/stale.ts';
import { compareWays } from './compare-ways.ts';
import { type ParityScenario, ways } from './ways.ts';
import { liveEnv, secrets } from '../../harness/run.ts';

/**
 * Runs the same scenario in all ways: `vitest run`, the packaged monitor under the Orchestrator, `awsiam run`, one beat of
 * `awsiam watch`, and offline with vitest and with `awsiam run`. All must report the same results, and those that are live
 * must report the same to Metrist.
 *
 * Every scenario runs in every way that can have it, because those without vitest cost little.
 */

/** The settings of {@link liveEnv} as the Orchestrator's Config. */
const config = {
  AWSAccessKeyId: liveEnv.METRIST_AWS_ACCESS_KEY_ID,
  AWSSecretAccessKey: liveEnv.METRIST_AWS_SECRET_ACCESS_KEY,
  AWSRegion: liveEnv.METRIST_AWS_REGION,
  Namespace: liveEnv.METRIST_NAMESPACE,
} as const;

/** Steps whose refusal leaves something behind, because teardown is refused as well. */
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
  `a refused ${name} is a failure of permissions${name in refusedForGood ? ', and what teardown may not remove is left' : ''}`,
  {
    faults: `${name.replace('AttachPolicy', 'AttachUserPolicy')}=AccessDenied:1`,
    fails: [name, 'permission', 'AccessDenied'],
    ...refusedForGood[name],
  },
]);

const offlineDefaults = 'offline every setting has a default';
const newAccount = 'offline every account is new';
const noConnection = 'offline there is no connection';

function seedLeftovers(state: IamState): void {
  seedStaleUsers(state, liveEnv.METRIST_NAMESPACE, 2);
  seedStaleGroups(state, liveEnv.METRIST_NAMESPACE, 1);
}

type TitledScenario = readonly [title: string, scenario: ParityScenario];

/** Runs that spend most of their time waiting. */
const waitingScenarios: readonly TitledScenario[] = [
  [
    'a deletion that is never answered leaves the group, and the run shows the command that removes it',
    {
      faults: 'DeleteGroup=hang',
      env: { METRIST_REQUEST_TIMEOUT_SECS: '3' },
      fails: ['DeleteGroup', 'timeout', 'ETIMEDOUT'],
      leaves: ['group'],
    },
  ],
  [
    'a connection that is reset before every deletion leaves the entity',
    {
      faults: 'DeleteGroup=reset-before',
      fails: ['DeleteGroup', 'network', 'ECONNRESET'],
      leaves: ['group'],
    },
  ],
  [
    'a request that is never answered times out three times',
    {
      faults: 'AddUserToGroup=hang',
      env: { METRIST_REQUEST_TIMEOUT_SECS: '3' },
      fails: ['AddUserToGroup', 'timeout', 'ETIMEDOUT'],
    },
  ],
  [
    'a step that takes too long times out',
    {
      faults: 'CreateGroup=hang',
      env: { METRIST_STEP_TIMEOUT_SECS: '3' },
      fails: ['CreateGroup', 'timeout', 'StepTimeout'],
      mayAppear: ['group'],
    },
  ],
  [
    'a connection that is reset before every creation is a failure of the network',
    {
      faults: 'CreateUser=reset-before',
      fails: ['CreateUser', 'network', 'ECONNRESET'],
      mayAppear: ['user'],
    },
  ],
  [
    'creations that IAM carries out after the last step, at their first or second attempt, leave nothing',
    {
      faults: 'CreateUser=late:12000:1,CreateGroup=Throttling:1,CreateGroup=late:12000:1',
      env: { METRIST_REQUEST_TIMEOUT_SECS: '3' },
    },
  ],
  [
    'creations that IAM has not carried out by the end of teardown are named, and change nothing else',
    {
      faults: 'CreateUser=late:600000:1,CreateGroup=Throttling:1,CreateGroup=late:600000:1',
      env: { METRIST_REQUEST_TIMEOUT_SECS: '3' },
      mayAppear: ['group', 'user'],
    },
  ],
  [
    'a creation that IAM carries out late at every attempt is removed each time it appears, and named',
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
    'a step that passes after retries passes, with its attempts',
    {
      faults:
        'CreateUser=ServiceFailure:1,CreateGroup=Throttling:1,AddUserToGroup=NoSuchEntity:2,DeleteGroup=DeleteConflict:1',
    },
  ],
  [
    'a lost answer fails no step, whether one answer or all answers are lost',
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
    'endless throttling has its own verdict',
    { faults: 'AttachUserPolicy=Throttling', fails: ['AttachPolicy', 'throttled', 'Throttling'] },
  ],
  [
    'a truncated answer is shown',
    { faults: 'AddUserToGroup=truncated:1', fails: ['AddUserToGroup', 'service', 'ForeignAnswer'] },
  ],
  ["a proxy's page is shown", { faults: 'CreateGroup=html', fails: ['CreateGroup', 'service', 'ForeignAnswer'] }],
  [
    "a proxy's error is shown",
    { faults: 'DetachUserPolicy=html-502:3', fails: ['DetachPolicy', 'service', 'ForeignAnswer'] },
  ],
  ['an empty answer is a failure', { faults: 'CreateUser=empty', fails: ['CreateUser', 'service', 'ForeignAnswer'] }],
  [
    "an expired session token is a failure of credentials, also if the settings come from the Orchestrator's Config",
    {
      faults: 'RemoveUserFromGroup=ExpiredToken:1',
      settings: { ...liveEnv, METRIST_AWS_SESSION_TOKEN: secrets.sessionToken },
      config: { ...config, AWSSessionToken: secrets.sessionToken },
      fails: ['RemoveUserFromGroup', 'credentials', 'ExpiredToken'],
    },
  ],
  [
    'an unknown access key fails the first step',
    { faults: 'CreateUser=InvalidClientTokenId', fails: ['CreateUser', 'credentials', 'InvalidClientTokenId'] },
  ],
  [
    'a wrong clock fails the first step',
    { faults: 'CreateUser=RequestExpired', fails: ['CreateUser', 'credentials', 'RequestExpired'] },
  ],
  [
    'an exhausted quota is not retried',
    { faults: 'CreateGroup=LimitExceeded', fails: ['CreateGroup', 'quota', 'LimitExceeded'] },
  ],
  [
    'a name that is already taken is a fault of the monitor',
    { faults: 'CreateGroup=EntityAlreadyExists:1', fails: ['CreateGroup', 'monitor', 'EntityAlreadyExists'] },
  ],
  [
    'an entity that cannot be modified yet is a failure of propagation',
    {
      faults: 'DeleteUser=EntityTemporarilyUnmodifiable:1',
      fails: ['DeleteUser', 'propagation', 'EntityTemporarilyUnmodifiable'],
    },
  ],
  [
    'a missing test policy is a configuration error',
    {
      env: { METRIST_POLICY_ARN: 'arn:aws:iam::123456789012:policy/nobody-made-it' },
      fails: ['AttachPolicy', 'configuration', 'NoSuchEntity'],
    },
  ],
  ['leftovers of earlier runs are removed', { seed: seedLeftovers, cleanup: true, notOffline: newAccount }],
  [
    'leftovers of earlier runs are removed even if they have exhausted the quota',
    {
      faults: 'CreateGroup=LimitExceeded',
      seed: seedLeftovers,
      cleanup: true,
      fails: ['CreateGroup', 'quota', 'LimitExceeded'],
      notOffline: newAccount,
    },
  ],
  ['a refused sweep is a warning', { faults: 'ListUsers=AccessDenied', cleanup: true, warnings: 1 }],
  [
    'missing settings are listed',
    { settings: {}, fails: ['CreateUser', 'configuration', 'ConfigError'], notOffline: offlineDefaults },
  ],
  [
    'wrong settings are listed under the names that the user gave them',
    {
      settings: { ...liveEnv, METRIST_AWS_REGION: 'the moon', METRIST_NAMESPACE: 'not/allowed' },
      config: { ...config, AWSRegion: 'the moon', Namespace: 'not/allowed' },
      fails: ['CreateUser', 'configuration', 'ConfigError'],
    },
  ],
  [
    'an access key without its secret is refused',
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
    'a secret that the Orchestrator could not find is reported as such',
    {
      settings: { ...liveEnv, METRIST_AWS_SECRET_ACCESS_KEY: '<<ERROR: secret /prod/iam not found>>' },
      fails: ['CreateUser', 'configuration', 'ConfigError'],
    },
  ],
  [
    'missing credentials fail the first step',
    {
      settings: { METRIST_AWS_REGION: 'us-east-1', METRIST_NAMESPACE: 'e2e' },
      fails: ['CreateUser', 'credentials', 'CredentialsProviderError'],
      notOffline: offlineDefaults,
    },
  ],
  [
    'an endpoint with a closed port is a failure of the network',
    { unreachable: true, fails: ['CreateUser', 'network', 'ECONNREFUSED'], notOffline: noConnection },
  ],
];

/** Among the busy scenarios, so that neither all wait nor all are busy at the same time. */
const scenarios = busyScenarios.flatMap((busy, index) => [
  ...waitingScenarios
    .slice(index, index + 1)
    .map(([title, scenario]) => [title, { ...scenario, waits: true }] as const),
  busy,
]);

test.concurrent.for(scenarios)('%s', async ([, scenario], context) => await compareWays(scenario, ways, context));
