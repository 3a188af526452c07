import { describe, expect, test } from 'vitest';
import { describeValue } from '../../host/setting-text.ts';
import { parseRunGroups } from './run-groups.ts';

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

  test('takes blanks off, and says that an Orchestrator does not', () => {
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

  test('says that the Orchestrator could not resolve it', () => {
    expect(parseRunGroups('<<ERROR: secret groups not found>>')).toEqual({
      runGroups: [],
      problems: [
        expect.stringMatching(/^METRIST_RUN_GROUPS could not be resolved .*<<ERROR: secret groups not found>>$/),
      ],
      warnings: [],
    });
  });
});
