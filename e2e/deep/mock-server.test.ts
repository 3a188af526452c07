import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { CreateUserCommand } from '@aws-sdk/client-iam';
import { onTestFinished, describe, expect, test } from 'vitest';
import { startIamServer } from '../../mocks/iam/server.ts';
import { testClient } from '../../mocks/iam/testing/clients.ts';
import { makeAwsCommand } from '../harness/aws-cli.ts';
import { projectDir, runProgram } from '../harness/run.ts';

interface Server {
  readonly stdout: AsyncIterator<string>;
  readonly stderr: AsyncIterator<string>;
  stopReadingLog(): void;
  kill(signal: NodeJS.Signals): void;
  readonly exitCode: Promise<number | null>;
}

function serve(args: string[], env: Record<string, string> = {}): Server {
  const script = path.join(projectDir, 'mocks/serve.ts');
  const child = spawn(process.execPath, [script, ...args], { env });
  onTestFinished(() => void child.kill('SIGKILL'));
  return {
    stdout: createInterface(child.stdout)[Symbol.asyncIterator](),
    stderr: createInterface(child.stderr)[Symbol.asyncIterator](),
    stopReadingLog: () => void child.stderr.destroy(),
    kill: (signal) => void child.kill(signal),
    exitCode: once(child, 'exit').then(([code]) => code as number | null),
  };
}

function splitAssignment(text: string): [string, string] {
  const [name = '', value = ''] = text.split('=');
  return [name, value];
}

describe('npm run mock:server', () => {
  test.each(['SIGINT', 'SIGTERM'] as const)(
    'serves, logs a line per request and exits with 0 on %s',
    async (signal) => {
      const server = serve(['--port', '0'], {
        AWSIAM_MOCK_FAULTS: 'CreateUser=reset-before:1,CreateUser=Throttling:1',
      });
      const { value: line } = await server.stdout.next();
      const [, endpoint] = /^export AWS_ENDPOINT_URL=(http:\/\/127\.0\.0\.1:\d+)$/.exec(String(line)) ?? [];
      expect(endpoint).toBeDefined();
      await testClient({ endpoint: endpoint ?? '' })
        .send(new CreateUserCommand({ UserName: 'bob', Path: '/é/' }))
        .catch(() => {});
      expect((await server.stderr.next()).value).toMatch(
        /^CreateUser UserName=bob Path="\/é\/" reset \d+ ms fault reset-before$/,
      );
      expect((await server.stderr.next()).value).toMatch(/ 400 \d+ ms fault Throttling attempt 2$/);
      server.kill(signal);
      expect(await server.exitCode).toBe(0);
    },
  );

  // Each command of the AWS CLI takes a second, and on a busy machine many.
  test(
    'with --strict the AWS CLI makes policies, users and keys, as in a new account',
    { timeout: 300_000 },
    async (context) => {
      const [awsDir, server] = [await makeAwsCommand(context), serve(['--strict'])];
      const lines = [await server.stdout.next(), await server.stdout.next()].map(({ value }) => String(value));
      const given = Object.fromEntries(
        lines.flatMap((line) => line.replace('export ', '').split(' ')).map(splitAssignment),
      );
      const aws = async (line: string, env = {}): Promise<unknown> => {
        const { code, stdout, stderr } = await runProgram(path.join(awsDir, 'aws'), line.split(' '), {
          cwd: projectDir,
          env: { HOME: awsDir, ...given, ...env },
        });
        return code === 0 ? JSON.parse(stdout || '{}') : stderr.trim();
      };

      const arn = 'arn:aws:iam::123456789012:policy/AwsIamMonitorTestPolicies/prod-us-east-1-awsiam-testpolicy';
      expect(await aws(`iam get-policy --policy-arn ${arn}`)).toContain(`(NoSuchEntity) when calling the GetPolicy`);
      const created = await aws(
        'iam create-policy --path /AwsIamMonitorTestPolicies/ --policy-name prod-us-east-1-awsiam-testpolicy --policy-document file://deploy/iam/test-policy.json',
      );
      expect(created).toMatchObject({ Policy: { Arn: arn, DefaultVersionId: 'v1', AttachmentCount: 0 } });
      const version = await aws(`iam get-policy-version --policy-arn ${arn} --version-id v1`);
      expect(version).toMatchObject({
        PolicyVersion: { IsDefaultVersion: true, Document: { Statement: [{ Sid: 'HarmlessRead' }] } },
      });

      await aws('iam create-user --path /MonitoringUsers/ --user-name awsiam-monitor');
      const { AccessKey: key } = (await aws('iam create-access-key --user-name awsiam-monitor')) as {
        readonly AccessKey: { readonly AccessKeyId: string; readonly SecretAccessKey: string };
      };
      const asMonitor = { AWS_ACCESS_KEY_ID: key.AccessKeyId, AWS_SECRET_ACCESS_KEY: key.SecretAccessKey };
      const user = 'arn:aws:iam::123456789012:user/MonitoringUsers/awsiam-monitor';
      expect(await aws('sts get-caller-identity', asMonitor)).toMatchObject({ Account: '123456789012', Arn: user });
      expect(await aws('iam get-user', asMonitor)).toMatchObject({ User: { Arn: user } });
      expect(await aws('sts get-caller-identity', { AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE' })).toContain(
        '(InvalidClientTokenId) when calling the GetCallerIdentity',
      );
      server.kill('SIGTERM');
    },
  );

  test.each([
    [['--port', 'x'], {}, '--port "x" is not a port'],
    [['--port', '65536'], {}, '--port "65536" is not a port'],
    [['--verbose'], {}, "Unknown option '--verbose'. --help shows the options"],
    [['4566'], {}, "Unexpected argument '4566'. --help shows the options"],
    [[], { AWSIAM_MOCK_LATENCY: 'fast' }, "The mock's options are wrong:"],
  ])('%j with %j exits with 1 and says why', async (args, env, problem) => {
    const server = serve(args, env);
    expect((await server.stderr.next()).value).toContain(problem);
    expect(await server.exitCode).toBe(1);
  });

  test('--help shows the usage on stdout and starts nothing', async () => {
    const server = serve(['--help']);
    expect((await server.stdout.next()).value).toBe('Usage: npm run mock:server -- [--port <number>] [--strict]');
    expect(await server.exitCode).toBe(0);
  });

  test('keeps serving when nobody reads its log any more', async () => {
    const server = serve(['--port', '0']);
    const { value: line } = await server.stdout.next();
    server.stopReadingLog();
    const client = testClient({ endpoint: String(line).replace(/^.*=/, '') });
    for (const UserName of ['one', 'two', 'three']) {
      await expect(client.send(new CreateUserCommand({ UserName }))).resolves.toMatchObject({ User: { UserName } });
    }
    server.kill('SIGTERM');
    expect(await server.exitCode).toBe(0);
  });

  test('exits with 1 and says so when the port is in use', async () => {
    const { port, close } = await startIamServer();
    onTestFinished(close);
    const server = serve(['--port', String(port)]);
    expect((await server.stderr.next()).value).toContain('The port is in use');
    expect(await server.exitCode).toBe(1);
  });
});
