import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { startIamServer } from '../../mocks/iam/server.ts';
import { createIamState } from '../../mocks/iam/state.ts';
import { listEntities } from '../../mocks/iam/seeding.ts';
import { runStep } from '../../runner/run-step.ts';
import { systemClock } from '../../runner/clock.ts';
import { explainError } from './errors/explain-error.ts';
import { closeSession, factsOf, openSession, policyArnOf, type Session, UnknownAccountError } from './session.ts';
import { steps } from './steps.ts';
import { fakeSession } from './testing/fake-session.ts';
import { accessKeyId, secretAccessKey, testConfig } from './testing/values.ts';

const { signal: quiet } = new AbortController();

describe('a live session', () => {
  test('finds its endpoint in the environment, calls nothing while it opens, and runs the eight steps', async () => {
    const server = await startIamServer({ state: createIamState({ partition: 'aws-us-gov' }) });
    const permissionsBoundaryArn = 'arn:aws-us-gov:iam::aws:policy/AWSDenyAll';
    vi.stubEnv('AWS_ENDPOINT_URL_IAM', server.url);
    const session = await openSession(testConfig({ region: 'us-gov-west-1', permissionsBoundaryArn }), {
      mode: 'live',
      signal: quiet,
    });
    onTestFinished(async () => {
      vi.unstubAllEnvs();
      closeSession(session);
      await server.close();
    });
    expect(server.calls).toEqual([]);
    expect(session.credentials).toMatchObject({ accessKeyId, secretAccessKey });

    for (const step of steps) {
      const result = await runStep(step, session, {
        clock: systemClock,
        timeoutMs: 5000,
        signal: quiet,
        explain: explainError,
      });
      expect(result).toMatchObject({ state: 'passed', evidence: { attempts: 1, httpStatus: 200 } });
      expect(result.evidence).not.toHaveProperty('connectMs');
    }
    expect(server.calls.map(({ operation }) => operation)).toEqual([
      'CreateUser',
      'CreateGroup',
      'AddUserToGroup',
      'RemoveUserFromGroup',
      'DeleteGroup',
      'AttachUserPolicy',
      'DetachUserPolicy',
      'DeleteUser',
    ]);
    expect(server.calls[0]?.params).toEqual({
      UserName: session.names.user,
      Path: '/AwsIamMonitorTestUsers/',
      PermissionsBoundary: permissionsBoundaryArn,
    });
    expect(server.calls[5]?.params['PolicyArn']).toBe(
      'arn:aws-us-gov:iam::123456789012:policy/AwsIamMonitorTestPolicies/prod-us-gov-west-1-awsiam-testpolicy',
    );
    expect(server.calls[0]?.userAgent).toContain('awsiam/');
    expect(listEntities(server.state)).toEqual({ users: [], groups: [] });
  });
});

describe('the policy of a run', () => {
  test('is the one that the user chose', () => {
    const policyArn = 'arn:aws:iam::aws:policy/ReadOnlyAccess';
    expect(policyArnOf(fakeSession({ config: testConfig({ policyArn }) }))).toBe(policyArn);
  });

  test('is otherwise the test policy of the account', () => {
    expect(policyArnOf(fakeSession())).toBe(
      'arn:aws:iam::123456789012:policy/AwsIamMonitorTestPolicies/prod-us-east-1-awsiam-testpolicy',
    );
  });

  test('is unknown if no answer named the account', () => {
    const { entityArn: _, ...session } = fakeSession();
    expect(() => policyArnOf(session)).toThrow(UnknownAccountError);
  });
});

describe('where a run works', () => {
  test('is its namespace and region, the endpoint, the account of what it made, and its user', () => {
    const known = { namespace: 'prod', region: 'us-east-1' };
    expect(factsOf(testConfig())).toEqual(known);
    const session = fakeSession();
    const withUser = { ...known, testUser: session.names.user };
    expect(factsOf(testConfig(), session)).toEqual({ ...withUser, account: '123456789012' });
    for (const entityArn of ['', 'nonsense', 'arn:aws:iam::aws:user/x']) {
      expect(factsOf(testConfig(), { ...session, entityArn })).toEqual(withUser);
    }
    expect(factsOf(testConfig(), { names: session.names, transport: session.transport })).toEqual(withUser);
    const transport = { host: 'iam.amazonaws.com' } as Session['transport'];
    expect(factsOf(testConfig(), { ...session, transport })).toMatchObject({ endpoint: 'iam.amazonaws.com' });
  });
});
