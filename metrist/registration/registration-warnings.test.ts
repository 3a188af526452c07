import { describe, expect, test } from 'vitest';
import { findRegistrationWarnings } from './registration-warnings.ts';
import { monitorConfig } from '../testing/config-builders.ts';

describe('findRegistrationWarnings', () => {
  test.for([{}, { intervalSecs: 1200 }, { timeoutSecs: 901 }])('has nothing to say of %o', (options) => {
    expect(findRegistrationWarnings(monitorConfig(options), 900)).toEqual([]);
  });

  test.for([
    [{ runGroups: [] }, 'no run groups'],
    [{ intervalSecs: 1201 }, 'an interval of 1201 s'],
    [{ intervalSecs: 86_400 }, 'an interval of 86400 s'],
    [{ timeoutSecs: 899 }, 'a timeout of 899 s'],
  ] as const)('warns of %o', ([options, words]) => {
    expect(findRegistrationWarnings(monitorConfig(options), 900)).toEqual([expect.stringContaining(words)]);
  });
});
