import { describe, expect, test } from 'vitest';
import { findDifferences, parseStoredMonitorConfigs } from './stored-monitor-config.ts';
import { monitorConfig, storedMonitorConfig } from '../testing/builders.ts';

describe('findDifferences', () => {
  test('finds none if Metrist stored what was sent', () => {
    expect(findDifferences(monitorConfig(), storedMonitorConfig())).toEqual([]);
  });

  test('ignores the order of run groups and any extra configuration', () => {
    const stored = storedMonitorConfig({
      run_groups: ['prod', 'eu'],
      extra_config: [{ name: 'Namespace', value: '<redacted>' }],
    });
    expect(findDifferences(monitorConfig({ runGroups: ['eu', 'prod'] }), stored)).toEqual([]);
  });

  const { steps } = storedMonitorConfig();
  test.for([
    [{ interval_secs: 300 }, 'interval_secs 300 instead of 120'],
    [{ run_groups: [] }, 'run_groups [] instead of ["prod"]'],
    [{ run_spec: { name: null, run_type: 'exe' } }, 'run_spec [null,"exe"] instead of ["awsiam","exe"]'],
    [{ run_spec: { name: 'awsiam', run_type: 'dll' } }, 'run_spec ["awsiam","dll"] instead of ["awsiam","exe"]'],
    [{ steps: steps.toReversed() }, 'other steps or timeouts'],
    [{ steps: steps.slice(1) }, 'other steps or timeouts'],
    [{ steps: steps.map((step) => ({ ...step, timeout_secs: 60 })) }, 'other steps or timeouts'],
  ] as const)('finds %o', ([overrides, difference]) => {
    expect(findDifferences(monitorConfig(), storedMonitorConfig(overrides))).toEqual([difference]);
  });

  test('lists all of them', () => {
    const stored = storedMonitorConfig({ interval_secs: 1, steps: [] });
    expect(findDifferences(monitorConfig(), stored)).toHaveLength(2);
  });
});

describe('parseStoredMonitorConfigs', () => {
  test('accepts what Metrist sends', () => {
    const { extra_config: _, ...older } = storedMonitorConfig();
    const answer = [storedMonitorConfig(), storedMonitorConfig({ extra_config: [{ name: 'a', value: 'b' }] }), older];
    expect(parseStoredMonitorConfigs(answer)).toEqual(answer);
    expect(parseStoredMonitorConfigs([])).toEqual([]);
  });

  test.for<unknown>([
    undefined,
    null,
    {},
    'ok',
    [null],
    [{}],
    [{ ...storedMonitorConfig(), id: '../other' }],
    [{ ...storedMonitorConfig(), run_groups: [1] }],
    [{ ...storedMonitorConfig(), run_spec: null }],
    [{ ...storedMonitorConfig(), steps: ['CreateUser'] }],
    [{ ...storedMonitorConfig(), extra_config: {} }],
  ])('refuses %o', (answer) => {
    expect(parseStoredMonitorConfigs(answer)).toBeUndefined();
  });
});
