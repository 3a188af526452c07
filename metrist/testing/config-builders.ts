import { createMonitorConfig, type MonitorConfig, type RegistrationOptions } from '../registration/monitor-config.ts';
import type { StoredMonitorConfig } from '../registration/stored-monitor-config.ts';

/** A monitor of two steps. */
export const outline = {
  name: 'awsiam',
  steps: [
    { name: 'CreateUser', description: 'Creates a user.' },
    { name: 'DeleteUser', description: 'Deletes the user.' },
  ],
} as const;

/** What registers the monitor of two steps. */
export function monitorConfig(options: RegistrationOptions = {}): MonitorConfig {
  return createMonitorConfig(outline, { runGroups: ['prod'], ...options });
}

/** The same, as Metrist shows it: without what it keeps nowhere. */
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
