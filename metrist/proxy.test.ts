import tls from 'node:tls';
import { describe, expect, onTestFinished, test } from 'vitest';
import { makeCertificate } from '../suites/awsiam/testing/certificate.ts';
import { createMetristApi, type PostResult } from './delivery/api.ts';
import { fetchThroughProxy } from './proxy.ts';
import { startConnectProxy } from './testing/connect-proxy.ts';
import { failure, token } from './testing/delivery.ts';
import { startMetristStandIn } from './testing/stand-in.ts';

const certificate = await makeCertificate();

/** A Metrist over https that this process trusts, or over http, and a proxy. */
async function setUp(protocol: 'https' | 'http' = 'https', refusal?: string) {
  if (protocol === 'https' && certificate !== undefined) tls.setDefaultCACertificates([certificate.cert]);
  const standIn = await startMetristStandIn({
    token,
    ...(protocol === 'https' && certificate && { tls: certificate }),
  });
  onTestFinished(() => standIn.close());
  const proxy = await startConnectProxy(refusal);
  const post = async (values: Record<string, string>): Promise<PostResult> => {
    const fetch = fetchThroughProxy(values, standIn.url);
    return await createMetristApi({ baseUrl: standIn.url, token, userAgent: 'awsiam/0.1.0', fetch }).post(failure('A'));
  };
  return { standIn, proxy, post, host: new URL(standIn.url).host };
}

describe.skipIf(certificate === undefined)('a request to Metrist', () => {
  test.for([
    ['HTTPS_PROXY', 'http://'],
    ['https_proxy', 'http://'],
    ['HTTP_PROXY', 'http://'],
    ['HTTPS_PROXY', ''],
  ] as const)('goes through the proxy that %s names with "%s" in front', async ([name, scheme]) => {
    const { standIn, proxy, post, host } = await setUp();
    expect(await post({ [name]: `${scheme}${proxy.address}` })).toEqual({ state: 'accepted' });
    expect(proxy.tunnels).toEqual([host]);
    expect(standIn.errors).toHaveLength(1);
  });

  test.for(['NO_PROXY', 'no_proxy'])('goes past it where %s excludes the host', async (name) => {
    const { standIn, proxy, post } = await setUp();
    const values = { HTTPS_PROXY: `http://${proxy.address}`, [name]: 'example.com,127.0.0.1' };
    expect(await post(values)).toEqual({ state: 'accepted' });
    expect(proxy.tunnels).toEqual([]);
    expect(standIn.errors).toHaveLength(1);
  });

  test('on this machine goes through no proxy: that would look for it on its own, and see the token', async () => {
    const { standIn, proxy, post } = await setUp('http');
    const values = { HTTPS_PROXY: `http://${proxy.address}`, HTTP_PROXY: `http://${proxy.address}` };
    expect(await post(values)).toEqual({ state: 'accepted' });
    expect(proxy.tunnels).toEqual([]);
    expect(standIn.errors).toHaveLength(1);
  });

  test.for(['http://', 'ftp//nonsense:x'])('is not sent where the proxy cannot be meant (%s)', async (HTTPS_PROXY) => {
    const { standIn, post } = await setUp();
    expect(await post({ HTTPS_PROXY })).toMatchObject({ state: 'not-taken' });
    expect(standIn.requests).toEqual([]);
  });

  test('was not sent where the proxy refuses the tunnel', async () => {
    const { standIn, proxy, post } = await setUp('https', '407 Proxy Authentication Required');
    expect(await post({ HTTPS_PROXY: `http://${proxy.address}` })).toEqual({
      state: 'not-taken',
      reason: expect.stringMatching(/^the proxy refused the way to .*407.*; check HTTPS_PROXY$/) as unknown,
    });
    expect(standIn.requests).toEqual([]);
  });

  test('was not sent where nobody listens at the proxy', async () => {
    const { standIn, post } = await setUp();
    expect(await post({ HTTPS_PROXY: 'http://127.0.0.1:9' })).toMatchObject({ state: 'not-taken' });
    expect(standIn.requests).toEqual([]);
  });
});
