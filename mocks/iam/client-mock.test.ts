import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { CreateRoleCommand, CreateUserCommand, ListUsersCommand } from '@aws-sdk/client-iam';
import { HttpResponse } from '@smithy/core/protocols';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { onTestFinished, describe, expect, test } from 'vitest';
import { type IamMock, installIamMock } from './client-mock.ts';
import type { IamEndpointOptions } from './endpoint.ts';
import { createFaultPlan } from './fault-plan.ts';
import { testClient } from './testing/clients.ts';

function install(options: IamEndpointOptions = {}): IamMock {
  const mock = installIamMock(options);
  onTestFinished(() => mock.restore());
  return mock;
}

const createBob = (): CreateUserCommand => new CreateUserCommand({ UserName: 'bob' });

describe('the client mock', () => {
  test('all clients share one account, including those made before it', async () => {
    const before = testClient();
    const { state } = install();
    await before.send(createBob());
    const { Users } = await testClient({ region: 'eu-west-1' }).send(new ListUsersCommand({}));
    expect(Users?.map((user) => user.UserName)).toEqual(['bob']);
    expect(state.users.size).toBe(1);
  });

  test('the error about an unknown command says where to add it', async () => {
    install();
    const command = new CreateRoleCommand({ RoleName: 'r', AssumeRolePolicyDocument: '{}' });
    await expect(testClient().send(command)).rejects.toThrow(
      /does not know CreateRole\. Add it to the file of its resource in mocks\/iam\/operations\//,
    );
  });

  test("the SDK's own retries appear in the metadata", async () => {
    const { calls } = install({ faults: createFaultPlan('CreateUser=ServiceFailure:1') });
    const { $metadata } = await testClient().send(createBob());
    expect($metadata).toMatchObject({ httpStatusCode: 200, attempts: 2, requestId: expect.any(String) as string });
    expect($metadata.totalRetryDelay).toBeGreaterThanOrEqual(0);
    expect(calls.map((call) => call.attempt)).toEqual([1, 2]);
  });

  test("the client's own number of attempts applies", async () => {
    const { calls } = install({ faults: createFaultPlan('CreateUser=ServiceFailure') });
    await expect(testClient({ maxAttempts: 1 }).send(createBob())).rejects.toMatchObject({
      $metadata: { attempts: 1 },
    });
    expect(calls).toHaveLength(1);
  });

  test('the middleware of the client and of the command run', async () => {
    install();
    const steps: string[] = [];
    const client = testClient();
    client.middlewareStack.add((next) => (args) => (steps.push('client'), next(args)), { step: 'build' });
    const command = createBob();
    command.middlewareStack.add((next) => (args) => (steps.push('command'), next(args)), { step: 'deserialize' });
    await client.send(command);
    expect(steps).toEqual(['client', 'command']);
  });

  test('an abort ends a request in flight', async () => {
    const { events } = install({ faults: createFaultPlan('CreateUser=hang') });
    const abort = new AbortController();
    const sending = testClient().send(createBob(), { abortSignal: abort.signal });
    await once(events, 'call');
    abort.abort();
    await expect(sending).rejects.toMatchObject({ name: 'AbortError' });
  });

  test('an aborted request is not sent', async () => {
    const { calls } = install();
    const sending = testClient().send(createBob(), { abortSignal: AbortSignal.abort() });
    await expect(sending).rejects.toMatchObject({ name: 'AbortError' });
    expect(calls).toEqual([]);
  });

  test('overlapping requests keep their own options', async () => {
    const { events } = install({ faults: createFaultPlan('CreateUser=hang:1') });
    const abort = new AbortController();
    const client = testClient();
    const hanging = client.send(createBob(), { abortSignal: abort.signal });
    await once(events, 'call');
    const answered = await client.send(createBob());
    abort.abort();
    await expect(hanging).rejects.toMatchObject({ name: 'AbortError' });
    expect(answered.User?.UserName).toBe('bob');
  });

  test('a client with its own request handler is not affected', async () => {
    const { calls } = install();
    const requestHandler = { handle: () => Promise.reject(new Error('mine')) };
    await expect(testClient({ requestHandler, maxAttempts: 1 }).send(createBob())).rejects.toThrow('mine');
    expect(calls).toEqual([]);
  });

  test('a second installation replaces the account', async () => {
    const first = install();
    const second = install();
    await testClient().send(createBob());
    expect([first.state.users.size, second.state.users.size]).toEqual([0, 1]);
  });

  test("a handler that extends the SDK's still processes the answer", async () => {
    install({ faults: createFaultPlan('CreateUser=xhtml') });
    const bodies: string[] = [];
    class Reading extends NodeHttpHandler {
      override async handle(...args: Parameters<NodeHttpHandler['handle']>): ReturnType<NodeHttpHandler['handle']> {
        const { response } = await super.handle(...args);
        bodies.push(await text(response.body as Readable));
        return { response: new HttpResponse({ statusCode: response.statusCode, body: Buffer.from('') }) };
      }
    }
    await testClient({ requestHandler: new Reading() }).send(createBob());
    expect(bodies).toEqual([expect.stringContaining('Please sign in')]);
  });

  test('a test can give another answer to one command', async () => {
    const { client } = install();
    client.on(CreateUserCommand, { UserName: 'bob' }).rejects(new Error('not this one'));
    await expect(testClient().send(createBob())).rejects.toThrow('not this one');
    await testClient().send(new CreateUserCommand({ UserName: 'eve' }));
  });

  test('after restoring, the SDK opens connections again', async () => {
    const { calls, restore } = installIamMock();
    restore();
    await expect(testClient({ endpoint: 'http://127.0.0.1:1', maxAttempts: 1 }).send(createBob())).rejects.toThrow(
      'ECONNREFUSED',
    );
    expect(calls).toEqual([]);
  });
});
