import type { ErrorBody, TelemetryBody } from '../delivery/results.ts';
import { createMonitorConfig, type MonitorConfig, type RegistrationOptions } from '../registration/monitor-config.ts';
import type { StoredMonitorConfig } from '../registration/stored-monitor-config.ts';

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

/** A monitor of two steps. */
export const outline = {
  name: 'awsiam',
  steps: [
    { name: 'CreateUser', description: 'Creates a user.' },
    { name: 'DeleteUser', description: 'Deletes the user.' },
  ],
} as const;

/** The registration of the monitor of two steps. */
export function monitorConfig(options: RegistrationOptions = {}): MonitorConfig {
  return createMonitorConfig(outline, { runGroups: ['prod'], ...options });
}

/** The same registration as Metrist shows it: without the fields that it does not store. */
export function storedMonitorConfig(overrides: Partial<StoredMonitorConfig> = {}): StoredMonitorConfig {
  const config = monitorConfig();
  return {
    ...config,
    id: '11y9Ylr0001Xf39mRWIrhFt',
    steps: config.steps.map(({ check_logical_name: name, timeout_secs: secs }) => ({
      check_logical_name: name,
      timeout_secs: secs,
    })),
    extra_config: null,
    ...overrides,
  };
}
