import type { ErrorBody, TelemetryBody } from '../delivery/results.ts';

/** Builders for tests: one per type, every field overridable. */

export function telemetryBody(overrides: Partial<TelemetryBody> = {}): TelemetryBody {
  return {
    monitor_logical_name: 'awsiam',
    instance_name: 'us-east-1',
    check_logical_name: 'CreateUser',
    value: 84.25,
    metadata: { requestId: '6b7f9f3e-0000-4000-8000-000000000001', attempts: 1, 'metrist.source': 'monitor' },
    ...overrides,
  };
}

export function errorBody(overrides: Partial<ErrorBody> = {}): ErrorBody {
  return {
    monitor_logical_name: 'awsiam',
    instance_name: 'us-east-1',
    check_logical_name: 'CreateGroup',
    message: 'service: CreateGroup failed: ServiceFailure (HTTP 500)\nWhat to do: Check the AWS Health Dashboard.',
    time: '2026-11-22T10:00:01.312000',
    metadata: { verdict: 'service', code: 'ServiceFailure', 'metrist.source': 'monitor' },
    blocked_steps: ['AddUserToGroup', 'DeleteUser'],
    ...overrides,
  };
}
