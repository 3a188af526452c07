import { expect, test } from 'vitest';
import { createMonitorConfig } from './monitor-config.ts';
import { outline } from '../testing/config-builders.ts';

test('a registration has the shape that Metrist documents, with its defaults', () => {
  expect(createMonitorConfig(outline)).toEqual({
    monitor_logical_name: 'awsiam',
    interval_secs: 120,
    run_groups: [],
    run_spec: { name: 'awsiam', run_type: 'exe' },
    steps: [
      { check_logical_name: 'CreateUser', description: 'Creates a user.', required: true, timeout_secs: 900 },
      { check_logical_name: 'DeleteUser', description: 'Deletes the user.', required: true, timeout_secs: 900 },
    ],
  });
});

test('a registration takes what the user decides', () => {
  const config = createMonitorConfig(outline, { intervalSecs: 300, runGroups: ['prod', 'eu'], timeoutSecs: 60 });
  expect(config).toMatchObject({ interval_secs: 300, run_groups: ['prod', 'eu'] });
  expect(config.steps.map((step) => step.timeout_secs)).toEqual([60, 60]);
});
