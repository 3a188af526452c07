import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { startHttpServer } from '../../../suites/awsiam/testing/http-server.ts';
import { examine, goodSettings } from '../testing/examine.ts';

/** A server whose clock is wrong. It answers like STS's and IAM's front door, with a redirect. */
async function startServer(offsetMs: number | undefined): Promise<string> {
  const { url } = await startHttpServer((_, response) => {
    response.sendDate = false;
    if (offsetMs !== undefined) response.setHeader('date', new Date(Date.now() + offsetMs).toUTCString());
    response.writeHead(302, { location: 'https://aws.amazon.com/iam' }).end();
  });
  return url;
}

describe('the clock', () => {
  test.for<[offsetMs: number | undefined, line: string | RegExp, code: number]>([
    [0, "✓ this host's clock agrees with IAM's", 0],
    [-30_000, /^✓ this host's clock is (29|3\d) s ahead of IAM's$/, 0],
    [180_000, "! this host's clock is 3 min behind IAM's", 0],
    [-290_000, "! this host's clock is 5 min ahead of IAM's", 0],
    [600_000, "✗ this host's clock is 10 min behind IAM's", 1],
    [-10_800_000, "✗ this host's clock is 3 h ahead of IAM's", 1],
    [undefined, "- this host's clock: not checked, because the answer has no date", 0],
  ])('that differs by %d ms from that of the service: %s', async ([offsetMs, line, expectedCode]) => {
    const url = await startServer(offsetMs);
    const { code, lines } = await examine({ ...goodSettings, AWS_ENDPOINT_URL_IAM: url }, ['--only', 'network']);
    expect(lines).toContainEqual(typeof line === 'string' ? line : expect.stringMatching(line));
    expect(code).toBe(expectedCode);
  });
});

test("AWS's own STS is not asked if the endpoint of IAM leads elsewhere", async () => {
  const url = await startServer(0);
  const values = { ...goodSettings, AWS_ENDPOINT_URL_IAM: url };
  vi.stubEnv('AWS_ENDPOINT_URL', '');
  onTestFinished(() => void vi.unstubAllEnvs());
  const { found } = await examine(values, ['--only', 'network']);
  expect(found.network?.at(-1)).toEqual({
    state: 'skipped',
    what: `STS: not checked, because IAM's endpoint is ${new URL(url).host}, so AWS's own STS is not asked`,
    fix: 'Set AWS_ENDPOINT_URL_STS, too: to the same address for a mock or an emulator.',
  });
});
