import { IAMClient, type IAMClientConfig } from '@aws-sdk/client-iam';

const testConfig = {
  region: 'us-east-1',
  credentials: { accessKeyId: 'OFFLINEACCESSKEYID00', secretAccessKey: 'unused' },
} as const satisfies IAMClientConfig;

/** A client like the monitor's. With the mock installed it needs no endpoint. */
export function testClient(config: IAMClientConfig = {}): IAMClient {
  return new IAMClient({ ...testConfig, ...config });
}
