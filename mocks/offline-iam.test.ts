import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { CreateRoleCommand, CreateUserCommand, type IAMClient, ListUsersCommand } from '@aws-sdk/client-iam';
import { GetCallerIdentityCommand, GetSessionTokenCommand } from '@aws-sdk/client-sts';
import { describe, expect, onTestFinished, test } from 'vitest';
import packageLock from '../package-lock.json' with { type: 'json' };
import { startIamServer } from './iam/server.ts';
import { testClient, testStsClient } from './iam/testing/clients.ts';
import { openOfflineIam } from './offline-iam.ts';

/** The packages that `npm ci --omit=dev` does not install, and vitest. */
const developmentPackages = [
  'vitest',
  ...Object.entries(packageLock.packages)
    .filter(([, facts]) => 'dev' in facts)
    .map(([dir]) => dir.replace(/^.*node_modules\//, '')),
];

const createBob = async (client: IAMClient): Promise<unknown> =>
  await client.send(new CreateUserCommand({ UserName: 'bob' }));

function open(values: Parameters<typeof openOfflineIam>[0]): void {
  const iam = openOfflineIam(values);
  onTestFinished(() => iam[Symbol.dispose]());
}

describe('an offline IAM', () => {
  test('answers clients of this process, also those that exist already', async () => {
    const before = testClient();
    open({});
    await createBob(before);
    const { Users } = await testClient({ region: 'eu-west-1' }).send(new ListUsersCommand({}));
    expect(Users?.map((user) => user.UserName)).toEqual(['bob']);
  });

  test("answers for STS who the caller is, and leaves STS's other operations to the network, which is closed", async () => {
    open({});
    const { Arn } = await testStsClient().send(new GetCallerIdentityCommand({}));
    expect(Arn).toBe('arn:aws:iam::123456789012:user/awsiam-monitor');
    await expect(testStsClient({ maxAttempts: 1 }).send(new GetSessionTokenCommand({}))).rejects.toMatchObject({
      code: 'ERR_OFFLINE',
    });
  });

  test('opens no connection, and lets nothing else open one', async () => {
    const server = await startIamServer();
    onTestFinished(server.close);
    const client = testClient({ endpoint: server.url });
    open({});
    await createBob(client);
    await expect(fetch(server.url)).rejects.toMatchObject({ cause: { code: 'ERR_OFFLINE' } });
    expect(server.calls).toEqual([]);
  });

  test('is gone when it is disposed: requests go over the network again', async () => {
    const server = await startIamServer();
    onTestFinished(server.close);
    const client = testClient({ endpoint: server.url });
    openOfflineIam({})[Symbol.dispose]();
    await createBob(client);
    expect(server.calls).toMatchObject([{ operation: 'CreateUser', carriedOut: true }]);
  });

  test('is a new account each time', async () => {
    for (let run = 1; run <= 2; run++) {
      const iam = openOfflineIam({});
      await createBob(testClient());
      iam[Symbol.dispose]();
    }
  });

  test("follows the mock's variables", async () => {
    open({ AWSIAM_MOCK_FAULTS: 'CreateUser=AccessDenied' });
    await expect(createBob(testClient())).rejects.toMatchObject({ name: 'AccessDenied' });
  });

  test('refuses wrong variables, and then leaves the network as it is', async () => {
    const server = await startIamServer();
    onTestFinished(server.close);
    expect(() => openOfflineIam({ AWSIAM_MOCK_SEED: '1.5' })).toThrow(expect.objectContaining({ code: 'ConfigError' }));
    await createBob(testClient({ endpoint: server.url }));
    expect(server.calls).toHaveLength(1);
  });

  test('refuses a command that the mock does not know by name, at once, and says where to add it', async () => {
    open({});
    const command = new CreateRoleCommand({ RoleName: 'r', AssumeRolePolicyDocument: '{}' });
    await expect(testClient().send(command)).rejects.toMatchObject({
      message: expect.stringMatching(
        /does not know CreateRole\. Add it to the file of its resource in mocks\/iam\/operations\//,
      ) as string,
      $metadata: { attempts: 1 },
    });
  });

  test('serves all steps in a process that can load no development package', async () => {
    const code = `
      import { registerHooks } from 'node:module';
      const forbidden = ${JSON.stringify(developmentPackages)};
      registerHooks({
        resolve(name, context, next) {
          if (forbidden.some((each) => name === each || name.startsWith(each + '/'))) throw new Error('loads ' + name);
          return next(name, context);
        },
      });
      const { openOfflineIam } = await import('./mocks/offline-iam.ts');
      const { offlineDefaults } = await import('./mocks/offline-defaults.ts');
      const { MonitorRunner } = await import('./runner/run-monitor.ts');
      const { awsiam } = await import('./suites/awsiam/monitor.ts');
      const values = offlineDefaults({});
      const { signal } = new AbortController();
      using _iam = openOfflineIam(values);
      const runner = new MonitorRunner(awsiam, { mode: 'offline', settings: awsiam.parseConfig(values), values });
      await runner.open(signal);
      for (const { name } of awsiam.steps) await runner.step(name, signal);
      const { leftovers } = await runner.teardown();
      console.log(JSON.stringify({ states: runner.results.map(({ state }) => state), leftovers }));
      runner.close();`;
    expect(developmentPackages).toEqual(expect.arrayContaining(['aws-sdk-client-mock', 'sinon']));
    const { stdout, stderr } = await promisify(execFile)(
      process.execPath,
      ['--input-type=module', '--eval', code],
      // A live run would fail: there is nothing at this address.
      { cwd: path.dirname(import.meta.dirname), env: { AWS_ENDPOINT_URL: 'http://127.0.0.1:9' } },
    );
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toEqual({ states: Array.from({ length: 8 }, () => 'passed'), leftovers: [] });
  });
});
