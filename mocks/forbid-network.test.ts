import { once } from 'node:events';
import { get } from 'node:https';
import { connect } from 'node:net';
import { onTestFinished, expect, test } from 'vitest';
import { forbidNetwork } from './forbid-network.ts';
import { startIamServer } from './iam/server.ts';

function forbid(): void {
  onTestFinished(forbidNetwork());
}

test.each([
  ['an options object', () => connect({ host: '192.0.2.1', port: 443 }), '192.0.2.1:443'],
  ['a port', () => connect(8080), 'localhost:8080'],
  ['a port and a host', () => connect(8080, '127.0.0.1'), '127.0.0.1:8080'],
  ['a path', () => connect('/run/docker.sock'), '/run/docker.sock'],
  ['a request over TLS', () => get('https://iam.amazonaws.com/'), 'iam.amazonaws.com:443'],
])('a connection opened with %s fails and names its target', async (_how, open, target) => {
  forbid();
  const [error] = (await once(open(), 'error')) as [Error];
  expect(error).toMatchObject({
    message: `Offline mode opens no connection, but something tried to reach ${target}`,
    code: 'ERR_OFFLINE',
  });
});

test('fetch fails, even to this machine', async () => {
  const { url, close, calls } = await startIamServer();
  onTestFinished(close);
  forbid();
  await expect(fetch(url)).rejects.toMatchObject({ cause: { code: 'ERR_OFFLINE' } });
  expect(calls).toEqual([]);
});

test('connections are possible again afterwards', async () => {
  const { url, close } = await startIamServer();
  onTestFinished(close);
  forbidNetwork()();
  expect((await fetch(url)).status).toBe(403);
});
