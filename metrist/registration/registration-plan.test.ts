import { describe, expect, test } from 'vitest';
import { planRegistration } from './registration-plan.ts';
import { monitorConfig, storedMonitorConfig } from '../testing/builders.ts';

const wanted = monitorConfig();
const extra = [{ name: 'Namespace', value: '<redacted>' }];

describe('planRegistration', () => {
  test('creates what does not exist', () => {
    expect(planRegistration(wanted, [])).toEqual({ wanted, before: [], obsolete: [] });
  });

  test('keeps an equal registration', () => {
    const before = [storedMonitorConfig({ id: 'a' })];
    expect(planRegistration(wanted, before)).toEqual({ wanted, before, keptId: 'a', obsolete: [] });
  });

  test('replaces what differs, and says why', () => {
    const before = [storedMonitorConfig({ id: 'a', interval_secs: 300 }), storedMonitorConfig({ id: 'b', steps: [] })];
    const { keptId, obsolete } = planRegistration(wanted, before);
    expect(keptId).toBeUndefined();
    expect(obsolete).toEqual([
      { id: 'a', why: 'interval_secs 300 instead of 120' },
      { id: 'b', why: 'other steps or timeouts' },
    ]);
  });

  test('keeps the same one of several that are equal, in whatever order they come', () => {
    const before = [
      storedMonitorConfig({ id: 'b' }),
      storedMonitorConfig({ id: 'a' }),
      storedMonitorConfig({ id: 'c' }),
    ];
    for (const order of [before, before.toReversed()]) {
      const { keptId, obsolete } = planRegistration(wanted, order);
      expect(keptId).toBe('a');
      expect(obsolete.map(({ id }) => id).toSorted()).toEqual(['b', 'c']);
      expect(new Set(obsolete.map(({ why }) => why))).toEqual(new Set(['a duplicate']));
    }
  });

  test('keeps the one with extra configuration, which cannot be created again', () => {
    const before = [storedMonitorConfig({ id: 'a' }), storedMonitorConfig({ id: 'b', extra_config: extra })];
    expect(planRegistration(wanted, before)).toMatchObject({ keptId: 'b', obsolete: [{ id: 'a' }] });
  });

  test('does not lose extra configuration: the error names the registration, its extra configuration and what to do', () => {
    const before = [storedMonitorConfig({ id: 'a', interval_secs: 300, extra_config: extra })];
    expect(() => planRegistration(wanted, before)).toThrow(
      /^the registration a .* \(Namespace\).* Nothing was changed.*awsiam unregister a$/,
    );
  });
});
