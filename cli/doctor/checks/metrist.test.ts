import { describe, expect, onTestFinished, test } from 'vitest';
import { startMetristStandIn } from '../../../metrist/testing/stand-in.ts';
import { deadPort, startHttpServer } from '../../../suites/awsiam/testing/http-server.ts';
import type { Values } from '../../../runner/monitor.ts';
import { examine } from '../testing/examine.ts';

const token = 'k3v0test0token';

async function startMetrist() {
  const metrist = await startMetristStandIn({ token });
  onTestFinished(() => metrist.close());
  const values = { METRIST_API_TOKEN: token, METRIST_INSTANCE_ID: 'us-east-1', METRIST_API_HOST: metrist.url };
  return { metrist, values };
}

async function check(values: Values, ...args: string[]) {
  const { found } = await examine(values, ['--only', 'metrist', ...args]);
  return found.metrist ?? [];
}

test('is skipped if nothing is posted', async () => {
  expect(await check({})).toEqual([
    { state: 'skipped', what: 'Metrist: not checked, because METRIST_API_TOKEN is not set, so nothing is posted' },
  ]);
});

test('asks Metrist whether it takes the token, and posts nothing', async () => {
  const { metrist, values } = await startMetrist();
  expect(await check(values)).toEqual([
    { state: 'ok', what: 'results are of the instance us-east-1' },
    { state: 'ok', what: `${new URL(metrist.url).host} accepts the token` },
  ]);
  expect(metrist.requests.map(({ method, path }) => `${method} ${path}`)).toEqual(['GET /api/v0/verify-auth']);
});

test('sends nothing with --offline, and says so', async () => {
  const { metrist, values } = await startMetrist();
  const findings = await check(values, '--offline');
  expect(findings.map(({ state }) => state)).toEqual(['ok', 'skipped']);
  expect(metrist.requests).toEqual([]);
});

describe('names the cause and the fix', () => {
  test('of a wrong token', async () => {
    const { metrist, values } = await startMetrist();
    const [, finding] = await check({ ...values, METRIST_API_TOKEN: 'another0token' });
    expect(finding).toEqual({
      state: 'failure',
      what: `HTTP 403 from ${new URL(metrist.url).host}: the token is wrong`,
      fix: "Set METRIST_API_TOKEN to the account's token.",
    });
  });

  test('of a host where nobody listens', async () => {
    const { values } = await startMetrist();
    const host = `127.0.0.1:${await deadPort()}`;
    const [, finding] = await check({ ...values, METRIST_API_HOST: `http://${host}` });
    expect(finding).toEqual({
      state: 'failure',
      what: `${host} refused the connection`,
      fix: 'Check the port in METRIST_API_HOST, and any proxy on the way.',
    });
  });

  test('of a host that is not Metrist', async () => {
    const server = await startHttpServer((_, response) => void response.writeHead(200).end('<p>Welcome</p>'));
    const { values } = await startMetrist();
    const [, finding] = await check({ ...values, METRIST_API_HOST: server.url });
    expect(finding).toEqual({
      state: 'failure',
      what: `HTTP 200 from 127.0.0.1:${server.port}: not what the Metrist API answers`,
      fix: 'Check METRIST_API_HOST and any proxy on the way.',
    });
  });

  test('of a host that does not answer', async () => {
    const server = await startHttpServer(() => {});
    const { values } = await startMetrist();
    const [, finding] = await check({ ...values, METRIST_API_HOST: server.url }, '--time-limit', '200ms');
    expect(finding).toEqual({
      state: 'failure',
      what: `127.0.0.1:${server.port}: no answer within 0.2 s`,
      fix: 'Check METRIST_API_HOST and the network.',
    });
  });

  test('of a proxy that cannot be used', async () => {
    const { values } = await startMetrist();
    const found = await check({ ...values, METRIST_API_HOST: 'metrist.test', HTTPS_PROXY: 'ftp://proxy' });
    expect(found.at(-1)).toMatchObject({
      state: 'failure',
      what: expect.stringContaining('HTTPS_PROXY is not the address of a proxy') as unknown,
    });
  });

  test.for([
    [{ METRIST_INSTANCE_ID: '' }, /^METRIST_INSTANCE_ID is not set, but METRIST_API_TOKEN is/],
    [{ METRIST_INSTANCE_ID: 'us east' }, /^METRIST_INSTANCE_ID is "us east": expected the place/],
    [{ METRIST_API_HOST: 'https://a' }, /^METRIST_API_HOST is "https:\/\/a": expected host/],
    [{ METRIST_API_TOKEN: '', METRIST_REQUIRE_DELIVERY: 'on' }, /^METRIST_API_TOKEN is not set/],
  ] as const)('of %o', async ([wrong, what]) => {
    const { metrist, values } = await startMetrist();
    expect(await check({ ...values, ...wrong })).toEqual([
      {
        state: 'failure',
        what: expect.stringMatching(what) as unknown,
        fix: expect.stringContaining('.env') as unknown,
      },
    ]);
    expect(metrist.requests).toEqual([]);
  });
});
