import { IAMClient, type IAMClientConfig } from '@aws-sdk/client-iam';
import { STSClient, type STSClientConfig } from '@aws-sdk/client-sts';

const testConfig = {
  region: 'us-east-1',
  credentials: { accessKeyId: 'OFFLINEACCESSKEYID00', secretAccessKey: 'unused' },
} as const satisfies IAMClientConfig & STSClientConfig;

/** A client like the monitor's. With the mock installed it needs no endpoint. */
export function testClient(config: IAMClientConfig = {}): IAMClient {
  return new IAMClient({ ...testConfig, ...config });
}

/** A client for the caller's identity, with the same keys. */
export function testStsClient(config: STSClientConfig = {}): STSClient {
  return new STSClient({ ...testConfig, ...config });
}
