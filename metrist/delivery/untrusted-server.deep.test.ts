import { expect, test } from 'vitest';
import { need } from '../../runner/testing/needs.ts';
import { makeCertificate } from '../../suites/awsiam/testing/certificate.ts';
import { failedRun, failure, report, setUpDelivery } from '../testing/delivery.ts';

test('a server with an untrusted certificate gets nothing, and the error waits', async (context) => {
  const tls = need(context, await makeCertificate(), 'the openssl command');
  const { standIn, api, files, deliver: run } = await setUpDelivery({ tls });
  expect(await api.post(failure('CreateUser'))).toEqual({
    state: 'not-taken',
    reason: expect.stringContaining('NODE_EXTRA_CA_CERTS') as unknown,
  });
  expect(await run(failedRun)).toMatchObject(report({ own: 3, waiting: 1, missing: 3 }));
  expect(standIn.requests).toEqual([]);
  // The outcome is known: the error was not sent.
  expect((await files()).join(' ')).not.toContain('sent');
});
