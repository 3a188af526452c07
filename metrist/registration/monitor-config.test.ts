import { expect, test, describe } from 'vitest';
import { createMonitorConfig, isRunGroup, parseRunGroups, findRegistrationWarnings } from './monitor-config.ts';
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

test('a registration contains what the user chose', () => {
  const config = createMonitorConfig(outline, { intervalSecs: 300, runGroups: ['prod', 'eu'], timeoutSecs: 60 });
  expect(config).toMatchObject({ interval_secs: 300, run_groups: ['prod', 'eu'] });
  expect(config.steps.map((step) => step.timeout_secs)).toEqual([60, 60]);
});

describe('isRunGroup', () => {
  test.for(['prod', 'Prod', 'a b', 'x'.repeat(255)])('takes %o', (name) => {
    expect(isRunGroup(name)).toBe(true);
  });

  test.for(['', ' prod', 'prod ', 'a,b', 'a\0b', '\uD800', 'x'.repeat(256)])('refuses %o', (name) => {
    expect(isRunGroup(name)).toBe(false);
  });
});

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
