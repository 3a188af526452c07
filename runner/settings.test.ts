import { expect, test } from 'vitest';
import { ConfigError, requireConfig } from './settings.ts';

test.for([
  [[], [], '0 problems with the settings:'],
  [['one'], ['a hint'], '1 problem with the settings:\n- one\na hint'],
  [['one', 'two'], [], '2 problems with the settings:\n- one\n- two'],
] as const)('the problems %j with the hints %j are listed and counted', ([problems, hints, message]) => {
  expect(new ConfigError(problems, hints).message).toBe(message);
});

test('a config without problems is returned', () => {
  expect(requireConfig({ config: 'c', problems: [] })).toBe('c');
});

test.for([{ problems: ['one'] }, { config: 'c', problems: ['one'] }] as const)('%j is refused', (settings) => {
  expect(() => requireConfig(settings)).toThrow(new ConfigError(['one']));
});
