import tls from 'node:tls';
import { describe, expect, onTestFinished, test } from 'vitest';
import { makeCertificate } from '../suites/awsiam/testing/certificate.ts';
import { createMetristClient, fetchThroughProxy, MetristError } from './request.ts';
import { startConnectProxy } from './testing/connect-proxy.ts';
import { startMetristStandIn } from './testing/stand-in.ts';

const token = 'k3v0test0token';
const userAgent = 'awsiam/0.1.0';

/** The error that a request ends with. */
async function errorOf(promise: Promise<unknown>): Promise<MetristError> {
  const error = await promise.catch((reason: unknown) => reason);
  if (!(error instanceof MetristError)) throw new Error('expected a MetristError', { cause: error });
  return error;
}

const certificate = await makeCertificate();

/** A Metrist over https that this process trusts, or over http, and a proxy. */
async function setUpProxy(protocol: 'https' | 'http' = 'https', refusal?: string) {
  if (protocol === 'https' && certificate !== undefined) tls.setDefaultCACertificates([certificate.cert]);
  const standIn = await startMetristStandIn({
    token,
    ...(protocol === 'https' && certificate && { tls: certificate }),
  });
  onTestFinished(() => standIn.close());
  const proxy = await startConnectProxy(refusal);
  const ask = async (values: Record<string, string>): Promise<number> => {
    const fetch = fetchThroughProxy(values, standIn.url);
    const send = createMetristClient({ baseUrl: standIn.url, token, userAgent, fetch });
    return (await send({ path: '/api/v0/verify-auth' })).status;
  };
  return { standIn, proxy, ask, host: new URL(standIn.url).host };
}

describe.skipIf(certificate === undefined)('a request with the settings of a proxy', () => {
  test.for([
    ['HTTPS_PROXY', 'http://'],
    ['https_proxy', 'http://'],
    ['HTTP_PROXY', 'http://'],
    ['HTTPS_PROXY', ''],
  ] as const)('goes through the proxy of %s, written with "%s" in front', async ([name, scheme]) => {
    const { standIn, proxy, ask, host } = await setUpProxy();
    expect(await ask({ [name]: `${scheme}${proxy.address}` })).toBe(200);
    expect(proxy.tunnels).toEqual([host]);
    expect(standIn.requests).toHaveLength(1);
  });

  test.for(['NO_PROXY', 'no_proxy'])('goes around the proxy if %s excludes the host', async (name) => {
    const { standIn, proxy, ask } = await setUpProxy();
    const values = { HTTPS_PROXY: `http://${proxy.address}`, [name]: 'example.com,127.0.0.1' };
    expect(await ask(values)).toBe(200);
    expect(proxy.tunnels).toEqual([]);
    expect(standIn.requests).toHaveLength(1);
  });

  test('to this machine goes through no proxy: the proxy would connect to its own machine, and see the token', async () => {
    const { standIn, proxy, ask } = await setUpProxy('http');
    const values = { HTTPS_PROXY: `http://${proxy.address}`, HTTP_PROXY: `http://${proxy.address}` };
    expect(await ask(values)).toBe(200);
    expect(proxy.tunnels).toEqual([]);
    expect(standIn.requests).toHaveLength(1);
  });

  test.for(['http://', 'ftp//nonsense:x'])(
    'is not sent if the proxy’s address is no address (%s)',
    async (HTTPS_PROXY) => {
      const { standIn, ask } = await setUpProxy();
      expect(await errorOf(ask({ HTTPS_PROXY }))).toMatchObject({ isNeverSent: true });
      expect(standIn.requests).toEqual([]);
    },
  );

  test('is not sent if the proxy refuses the tunnel', async () => {
    const { standIn, proxy, ask } = await setUpProxy('https', '407 Proxy Authentication Required');
    const error = await errorOf(ask({ HTTPS_PROXY: `http://${proxy.address}` }));
    expect(error.message).toMatch(/^the proxy refused the way to .*407.*; check HTTPS_PROXY$/);
    expect(error.isNeverSent).toBe(true);
    expect(standIn.requests).toEqual([]);
  });

  test('is not sent if nobody listens at the proxy', async () => {
    const { standIn, ask } = await setUpProxy();
    expect((await errorOf(ask({ HTTPS_PROXY: 'http://127.0.0.1:9' }))).isNeverSent).toBe(true);
    expect(standIn.requests).toEqual([]);
  });
});
