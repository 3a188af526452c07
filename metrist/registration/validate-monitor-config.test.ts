import { describe, expect, test } from 'vitest';
import { monitorConfig } from '../testing/config-builders.ts';
import { validateMonitorConfig } from './validate-monitor-config.ts';

const good = monitorConfig();
const [step] = good.steps;
if (step === undefined) throw new Error('a monitor has steps');

describe('validateMonitorConfig', () => {
  test.for([
    {},
    { interval_secs: 1 },
    { interval_secs: 86_400 },
    { run_groups: [] },
    { run_groups: ['prod', 'Prod', 'a b'] },
    { steps: [{ ...step, timeout_secs: 1 }] },
    { steps: [{ ...step, timeout_secs: 65_535 }] },
  ])('finds nothing wrong with %o', (overrides) => {
    expect(validateMonitorConfig({ ...good, ...overrides })).toEqual([]);
  });

  test.for([
    [{ monitor_logical_name: 'aws iam' }, 'monitor_logical_name'],
    [{ monitor_logical_name: '' }, 'monitor_logical_name'],
    [{ run_spec: { name: '', run_type: 'exe' } }, 'run_spec.name'],
    [{ interval_secs: 0 }, 'interval_secs'],
    [{ interval_secs: -1 }, 'interval_secs'],
    [{ interval_secs: 1.5 }, 'interval_secs'],
    [{ interval_secs: 86_401 }, 'interval_secs'],
    [{ interval_secs: Number.NaN }, 'interval_secs'],
    [{ interval_secs: '120' as unknown as number }, 'interval_secs'],
    [{ run_groups: [''] }, 'run_groups'],
    [{ run_groups: [' prod'] }, 'run_groups'],
    [{ run_groups: ['a,b'] }, 'run_groups'],
    [{ run_groups: ['a\0b'] }, 'run_groups'],
    [{ run_groups: ['prod', 'eu', 'prod'] }, 'run_groups'],
    [{ steps: [] }, 'steps'],
    [{ steps: [step, { ...step, check_logical_name: 'Delete User' }] }, 'steps[1].check_logical_name'],
    [{ steps: [{ ...step, timeout_secs: 0 }] }, 'steps[0].timeout_secs'],
    [{ steps: [{ ...step, timeout_secs: 65_536 }] }, 'steps[0].timeout_secs'],
    [{ steps: [{ ...step, timeout_secs: '900' as unknown as number }] }, 'steps[0].timeout_secs'],
    [{ steps: [{ ...step, timeout_secs: undefined as unknown as number }] }, 'steps[0].timeout_secs'],
  ] as const)('names what is wrong with %o', ([overrides, field]) => {
    expect(validateMonitorConfig({ ...good, ...overrides })).toEqual([expect.stringMatching(startOf(field))]);
  });

  test('lists every problem at once', () => {
    expect(validateMonitorConfig({ ...good, interval_secs: 0, steps: [] })).toHaveLength(2);
  });
});

function startOf(field: string): RegExp {
  return new RegExp(`^${RegExp.escape(field)} must `);
}
