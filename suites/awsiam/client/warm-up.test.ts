import net from 'node:net';
import { IAMClient, type IAMClientConfig } from '@aws-sdk/client-iam';
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { explainError } from '../errors/explain-error.ts';
import { startHttpServer, type TestServer } from '../testing/http-server.ts';
import { Transport } from './transport.ts';
import { prepareFirstCall, warmUp } from './warm-up.ts';

const { signal: quiet } = new AbortController();

describe('warmUp', () => {
  test('opens no connection and leaves nothing open', async () => {
    const connecting = vi.spyOn(net.Socket.prototype, 'connect');
    onTestFinished(() => connecting.mockRestore());
    const before = process.getActiveResourcesInfo().toSorted();
    await warmUp();
    expect(connecting).not.toHaveBeenCalled();
    await vi.waitFor(() => expect(process.getActiveResourcesInfo().toSorted()).toEqual(before));
  });
});

describe('prepareFirstCall', () => {
  afterEach(() => void vi.unstubAllEnvs());

  function connect({ url }: TestServer, config: IAMClientConfig = {}) {
    const transport = new Transport({
      connectionTimeoutMs: 5000,
      requestTimeoutMs: 5000,
      proxyEnvironment: {},
      elapsedMs: () => performance.now(),
    });
    const client = new IAMClient({ region: 'us-east-1', endpoint: url, requestHandler: transport.handler, ...config });
    onTestFinished(() => {
      client.destroy();
      transport.close();
    });
    return { client, transport };
  }

  test('finds the credentials and opens a connection, but sends nothing', async () => {
    const server = await startHttpServer((_request, response) => response.end());
    const credentials = { accessKeyId: 'TESTKEY', secretAccessKey: 'unused' };
    const { client, transport } = connect(server, { credentials });
    expect(await prepareFirstCall(client, transport, quiet)).toMatchObject(credentials);
    await vi.waitUntil(() => server.sockets.length === 1);
    expect(server.bytes()).toBe(0);
    expect(transport.takeConnectMs()).toBeUndefined();
  });

  test('rejects where there are no credentials, and opens no connection', async () => {
    for (const name of Object.keys(process.env).filter((each) => each.startsWith('AWS_'))) vi.stubEnv(name, undefined);
    vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
    vi.stubEnv('AWS_CONFIG_FILE', '/nowhere/config');
    vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/nowhere/credentials');
    const server = await startHttpServer((_request, response) => response.end());
    const { client, transport } = connect(server);
    const [result] = await Promise.allSettled([prepareFirstCall(client, transport, quiet)]);
    expect(result.status).toBe('rejected');
    const { reason } = result as PromiseRejectedResult;
    expect(explainError(reason, 'CreateUser')).toMatchObject({
      verdict: 'credentials',
      code: 'CredentialsProviderError',
    });
    expect(server.sockets).toHaveLength(0);
  });
});
