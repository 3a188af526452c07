import { once } from 'node:events';
import { connect } from 'node:net';
import { CreateUserCommand, GetAccountSummaryCommand, GetUserCommand, paginateListUsers } from '@aws-sdk/client-iam';
import { GetCallerIdentityCommand } from '@aws-sdk/client-sts';
import { onTestFinished, describe, expect, test } from 'vitest';
import { createFaultPlan } from './fault-plan.ts';
import { seedKeyHolder, seedUser } from './seeding.ts';
import { type IamServer, type IamServerOptions, startIamServer } from './server.ts';
import { createIamState } from './state.ts';
import { testClient, testStsClient } from './testing/clients.ts';

async function startServer(options: IamServerOptions = {}): Promise<IamServer> {
  const server = await startIamServer(options);
  onTestFinished(() => server.close());
  return server;
}

const form = 'Action=CreateUser&Version=2010-05-08&UserName=bob';
const signed = { authorization: 'AWS4-HMAC-SHA256 unchecked' };

describe('the protocol', () => {
  test('a signed form is carried out and answered as XML with a request id', async () => {
    const { url } = await startServer();
    const response = await fetch(url, { method: 'POST', headers: signed, body: form });
    const body = await response.text();
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/xml');
    expect(body).toContain('<UserName>bob</UserName>');
    expect(body).toContain(`<RequestId>${response.headers.get('x-amzn-requestid')}</RequestId>`);
  });

  test('a query string works as well', async () => {
    const { url, state } = await startServer();
    const response = await fetch(`${url}/?${form}&X-Amz-Signature=unchecked`);
    expect(response.status).toBe(200);
    expect(state.users.size).toBe(1);
  });

  test.each([
    ['an unsigned request', {}, form, 403, '<Code>MissingAuthenticationToken</Code>'],
    ['an unknown action', signed, 'Action=Nope&Version=2010-05-08', 400, '<Code>InvalidAction</Code>'],
    ['another version', signed, 'Action=CreateUser&Version=1', 400, '<Code>InvalidAction</Code>'],
    ["STS's version for IAM", signed, 'Action=CreateUser&Version=2011-06-15', 400, 'https://sts.amazonaws.com/doc/'],
    ['JSON', signed, '{"UserName":"bob"}', 400, '<Code>MissingAction</Code>'],
    ['a broken escape', signed, `${form}%zz`, 404, '<Code>MalformedQueryString</Code>'],
  ])('%s is refused and changes nothing', async (_what, headers, body, status, code) => {
    const { url, state, calls } = await startServer();
    const response = await fetch(url, { method: 'POST', headers, body });
    expect(response.status).toBe(status);
    expect(await response.text()).toContain(code);
    expect(state.users.size).toBe(0);
    expect(calls).toMatchObject([{ status, carriedOut: false }]);
  });

  test('a body that is too long is refused', async () => {
    const { url, calls } = await startServer();
    const body = `${form}&Path=${'x'.repeat(1024 * 1024)}`;
    const response = await fetch(url, { method: 'POST', headers: signed, body });
    expect(response.status).toBe(413);
    expect(calls).toEqual([]);
  });

  test('hostile values come back as they were sent', async () => {
    const { url } = await startServer();
    const body = new URLSearchParams({ Action: 'GetUser', Version: '2010-05-08', UserName: '<&]]>\u0000'.repeat(20) });
    const response = await fetch(url, { method: 'POST', headers: signed, body });
    expect(await response.text()).toContain('&lt;&amp;]]&gt;\uFFFD');
  });
});

describe('with the real SDK', () => {
  test('outputs arrive with their types', async () => {
    const { url, state } = await startServer();
    const client = testClient({ endpoint: url });
    const { User, $metadata } = await client.send(
      new CreateUserCommand({ UserName: 'bob', Path: '/team/', Tags: [{ Key: 'a&b', Value: '<c>' }] }),
    );
    expect(User).toMatchObject({ Path: '/team/', UserName: 'bob', CreateDate: expect.any(Date) as Date });
    expect($metadata).toMatchObject({ httpStatusCode: 200, attempts: 1, requestId: expect.any(String) as string });
    const { SummaryMap } = await client.send(new GetAccountSummaryCommand({}));
    expect(SummaryMap).toMatchObject({ Users: state.users.size, UsersQuota: 5000 });
  });

  test('the server is STS, too: it says to whom the access key belongs', async () => {
    const { url, state } = await startServer();
    const { AccessKeyId: accessKeyId = '', SecretAccessKey: secretAccessKey = '' } = seedKeyHolder(state, 'bob');
    const client = testStsClient({ endpoint: url, credentials: { accessKeyId, secretAccessKey } });
    const { Account, Arn, $metadata } = await client.send(new GetCallerIdentityCommand({}));
    expect({ Account, Arn }).toEqual({ Account: '123456789012', Arn: 'arn:aws:iam::123456789012:user/bob' });
    expect($metadata.requestId).toMatch(/^[0-9a-f-]{36}$/);
  });

  test('a strict account refuses the keys that it does not know, at IAM and at STS', async () => {
    const { url, state, calls } = await startServer({ state: createIamState({ isStrict: true }) });
    const refusal = { name: 'InvalidClientTokenId', $metadata: { httpStatusCode: 403, attempts: 1 } };
    await expect(testStsClient({ endpoint: url }).send(new GetCallerIdentityCommand({}))).rejects.toMatchObject(
      refusal,
    );
    await expect(testClient({ endpoint: url }).send(new CreateUserCommand({ UserName: 'bob' }))).rejects.toMatchObject(
      refusal,
    );
    expect(state.users.size).toBe(0);
    expect(calls.map(({ carriedOut }) => carriedOut)).toEqual([false, false]);
  });

  test("the SDK's paginator walks through a long list while it is being emptied", async () => {
    const { url, state } = await startServer();
    for (let index = 0; index < 2500; index += 1) seedUser(state, { name: `u${index}`, path: '/many/' });
    const seen: (string | undefined)[] = [];
    const pages = paginateListUsers(
      { client: testClient({ endpoint: url }), pageSize: 1000 },
      { PathPrefix: '/many/' },
    );
    for await (const page of pages) {
      for (const { UserName: name = '' } of page.Users ?? []) {
        seen.push(name);
        state.users.delete(name);
      }
    }
    expect(new Set(seen).size).toBe(2500);
    expect(state.users.size).toBe(0);
  });

  test('calls record the request, its time, attempt and fault, and how long the answer took', async () => {
    const { url, calls } = await startServer({ faults: createFaultPlan('CreateUser=ServiceFailure:1') });
    await testClient({ endpoint: url }).send(new CreateUserCommand({ UserName: 'bob' }));
    const common = {
      operation: 'CreateUser',
      params: { UserName: 'bob' },
      userAgent: expect.stringContaining('aws-sdk-js') as string,
      atMs: expect.any(Number) as number,
      serviceMs: expect.any(Number) as number,
    };
    expect(calls).toEqual([
      { ...common, attempt: 1, fault: 'ServiceFailure', carriedOut: false, status: 500 },
      { ...common, attempt: 2, carriedOut: true, status: 200 },
    ]);
  });

  test('the time of an answer includes the latency', async () => {
    const { url, calls } = await startServer({ latency: () => 30 });
    await testClient({ endpoint: url }).send(new CreateUserCommand({ UserName: 'bob' }));
    expect(calls[0]?.serviceMs).toBeGreaterThanOrEqual(29);
  });

  test('a test can see a request in flight and abort it', async () => {
    const { url, events, state } = await startServer({ faults: createFaultPlan('CreateUser=hang-after') });
    const abort = new AbortController();
    const sending = testClient({ endpoint: url }).send(new CreateUserCommand({ UserName: 'bob' }), {
      abortSignal: abort.signal,
    });
    await once(events, 'call');
    abort.abort();
    await expect(sending).rejects.toMatchObject({ name: 'AbortError' });
    expect(state.users.size).toBe(1);
  });

  test('a late request is carried out after its client has gone', async () => {
    const { url, events, state, calls } = await startServer({ faults: createFaultPlan('CreateUser=late:200') });
    const abort = new AbortController();
    const sending = testClient({ endpoint: url }).send(new CreateUserCommand({ UserName: 'bob' }), {
      abortSignal: abort.signal,
    });
    const carriedOut = once(events, 'late');
    await once(events, 'call');
    expect([state.users.size, calls[0]?.carriedOut]).toEqual([0, false]);
    abort.abort();
    await expect(sending).rejects.toMatchObject({ name: 'AbortError' });
    await carriedOut;
    expect([state.users.size, calls[0]?.carriedOut]).toEqual([1, true]);
  });

  test('a late request is answered after it has been carried out, on the account as it is by then', async () => {
    const { url, state } = await startServer({ faults: createFaultPlan('CreateUser=late:50') });
    const creating = [1, 2].map(() => testClient({ endpoint: url }).send(new CreateUserCommand({ UserName: 'bob' })));
    expect(state.users.size).toBe(0);
    const outcomes = await Promise.allSettled(creating);
    expect(outcomes.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    expect(outcomes.find(({ status }) => status === 'rejected')).toMatchObject({
      reason: { name: 'EntityAlreadyExistsException' },
    });
  });

  test('records no request with keepCalls: false', async () => {
    const { url, calls, events } = await startServer({ keepCalls: false });
    const seen: unknown[] = [];
    events.on('call', ({ operation }) => seen.push(operation));
    await testClient({ endpoint: url }).send(new CreateUserCommand({ UserName: 'bob' }));
    expect([seen, calls]).toEqual([['CreateUser'], []]);
  });

  test('an answer keeps the connection open for the next request', async () => {
    const { url } = await startServer();
    const connectionHeaders = new Set<string>();
    const client = testClient({ endpoint: url });
    client.middlewareStack.add(
      (next) => async (args) => {
        const result = await next(args);
        const { headers } = result.response as { headers: Record<string, string> };
        connectionHeaders.add(headers['connection'] ?? '');
        return result;
      },
      { step: 'deserialize', priority: 'low' },
    );
    await client.send(new CreateUserCommand({ UserName: 'bob' }));
    await client.send(new GetUserCommand({ UserName: 'bob' }));
    expect([...connectionHeaders]).toEqual(['keep-alive']);
  });
});

describe('the server itself', () => {
  test('serves only this machine', async () => {
    const { url, port } = await startServer();
    expect(url).toBe(`http://127.0.0.1:${port}`);
  });

  test('fails with EADDRINUSE when its port is in use', async () => {
    const { port } = await startServer();
    await expect(startIamServer({ port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });

  test('closes in the middle of an answer', async () => {
    const server = await startIamServer({ latency: () => 60_000 });
    const socket = connect(server.port, '127.0.0.1');
    const closed = once(socket, 'close');
    socket.on('error', () => {});
    socket.write(`POST / HTTP/1.1\r\nhost: x\r\nauthorization: x\r\ncontent-length: ${form.length}\r\n\r\n${form}`);
    await once(server.events, 'call');
    await server.close();
    await closed;
    expect(server.calls[0]).not.toHaveProperty('status');
  });
});
