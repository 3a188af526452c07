import { expect, test, describe } from 'vitest';
import {
  createMonitorConfig,
  validateMonitorConfig,
  parseRunGroups,
  findRegistrationWarnings,
} from './monitor-config.ts';
import { outline, monitorConfig } from '../testing/builders.ts';
import { describeValue } from '../../host/setting-text.ts';

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

test('a registration has what the user decides', () => {
  const config = createMonitorConfig(outline, { intervalSecs: 300, runGroups: ['prod', 'eu'], timeoutSecs: 60 });
  expect(config).toMatchObject({ interval_secs: 300, run_groups: ['prod', 'eu'] });
  expect(config.steps.map((step) => step.timeout_secs)).toEqual([60, 60]);
});

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

describe('parseRunGroups', () => {
  test.for([
    [undefined, []],
    ['', []],
    [' ', []],
    ['prod', ['prod']],
    ['prod,eu-west', ['prod', 'eu-west']],
    ['two words,Prod,prod', ['two words', 'Prod', 'prod']],
  ] as const)('reads %o', ([value, runGroups]) => {
    expect(parseRunGroups(value)).toEqual({ runGroups, problems: [], warnings: [] });
  });

  test('removes blanks, and says that an Orchestrator does not', () => {
    expect(parseRunGroups('a, b,c ')).toEqual({
      runGroups: ['a', 'b', 'c'],
      problems: [],
      warnings: [
        expect.stringContaining('" b", which is taken as "b"') as unknown,
        expect.stringContaining('"c ", which is taken as "c"') as unknown,
      ],
    });
  });

  test.for(['a,,b', 'a,', ',', 'a,a', 'a, a'])('refuses %o', (value) => {
    expect(parseRunGroups(value)).toEqual({
      runGroups: [],
      problems: [`METRIST_RUN_GROUPS is ${describeValue(value)}: expected different names, separated by commas`],
      warnings: [],
    });
  });

  test('reports a value that the Orchestrator could not resolve', () => {
    expect(parseRunGroups('<<ERROR: secret groups not found>>')).toEqual({
      runGroups: [],
      problems: [
        expect.stringMatching(/^METRIST_RUN_GROUPS could not be resolved .*<<ERROR: secret groups not found>>$/),
      ],
      warnings: [],
    });
  });
});

describe('findRegistrationWarnings', () => {
  test.for([{}, { intervalSecs: 1200 }, { timeoutSecs: 901 }])('has no warning for %o', (options) => {
    expect(findRegistrationWarnings(monitorConfig(options), 900)).toEqual([]);
  });

  test.for([
    [{ runGroups: [] }, 'no run groups'],
    [{ intervalSecs: 1201 }, 'an interval of 1201 s'],
    [{ intervalSecs: 86_400 }, 'an interval of 86400 s'],
    [{ timeoutSecs: 899 }, 'a timeout of 899 s'],
  ] as const)('warns about %o', ([options, words]) => {
    expect(findRegistrationWarnings(monitorConfig(options), 900)).toEqual([expect.stringContaining(words)]);
  });
});
