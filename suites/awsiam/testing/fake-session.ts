import type { IAM } from '@aws-sdk/client-iam';
import type { RetryHistory } from '../client/retry-history.ts';
import type { Session } from '../session.ts';
import type { Transport } from '../client/transport.ts';
import { testConfig } from './values.ts';

/** A session without client and connection, for code that uses neither. Fake timers move its clock, the global `performance`. */
export function fakeSession(overrides: Partial<Session> = {}): Session {
  return {
    config: testConfig(),
    names: { user: 'testuser-prod-mf3k2x1c-9a8b7c', group: 'testgroup-prod-mf3k2x1c-9a8b7c' },
    entities: { user: 'absent', group: 'absent', membership: 'absent', attachment: 'absent' },
    unanswered: { user: 0, group: 0, membership: 0, attachment: 0 },
    entityArn: 'arn:aws:iam::123456789012:user/AwsIamMonitorTestUsers/testuser-prod-mf3k2x1c-9a8b7c',
    iam: {} as IAM,
    history: { repeated: [], failed: [], attempts: 1, lastAttemptAtMs: 0, begin: () => {} } as unknown as RetryHistory,
    transport: { takeConnectMs: () => undefined } as Transport,
    elapsedMs: () => performance.now(),
    ...overrides,
  };
}
