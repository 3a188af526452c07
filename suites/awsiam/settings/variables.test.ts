import { describe, expect, test } from 'vitest';
import { configJsonKey, readVariable, variables, type Variable } from './variables.ts';

describe.for(Object.entries<Variable>(variables))('the setting %s', ([, variable]) => {
  const { orchestrator, name, property, fallbacks = [] } = variable;
  const strongestFirst = [orchestrator, name, configJsonKey(property), ...fallbacks];

  test.for(strongestFirst.map((from, rank) => ({ from, rank })))(
    'is read from $from unless a stronger one is set',
    ({ rank }) => {
      const values = Object.fromEntries(strongestFirst.slice(rank).map((key) => [key, `value of ${key}`]));
      expect(readVariable(variable, values)).toEqual({
        from: strongestFirst[rank],
        value: `value of ${strongestFirst[rank]}`,
      });
    },
  );

  test.for(strongestFirst.slice(1).map((from, rank) => ({ from, rank })))(
    'is read from $from if the stronger ones are empty',
    ({ from, rank }) => {
      const empty = Object.fromEntries(
        strongestFirst.slice(0, rank + 1).map((key, index) => [key, ['', ' ', '\t\n'][index % 3]]),
      );
      expect(readVariable(variable, { ...empty, [from]: 'x' })).toEqual({ from, value: 'x' });
    },
  );

  test('is absent if every name is unset or has only blanks', () => {
    expect(readVariable(variable, {})).toBeUndefined();
    expect(readVariable(variable, { [orchestrator]: '', [name]: '  ' })).toBeUndefined();
  });

  test('has the name that the Orchestrator derives from its property', () => {
    const derived = property.replaceAll(/(?<!^)([A-Z])/g, '_$1').toUpperCase();
    expect(orchestrator).toBe(`METRIST_AWSIAM_${derived}`);
  });
});

test('blanks around a value are cut off', () => {
  expect(readVariable(variables.namespace, { METRIST_NAMESPACE: ' prod\n' })).toEqual({
    from: 'METRIST_NAMESPACE',
    value: 'prod',
  });
});

test('only the region has names from outside this product, those that the AWS SDKs and the AWS CLI read', () => {
  const all = Object.values<Variable>(variables).flatMap(({ fallbacks = [] }) => fallbacks);
  expect(all).toEqual(['AWS_REGION', 'AWS_DEFAULT_REGION']);
});

test('no environment variable can stand for a property of the Config JSON', () => {
  expect(configJsonKey('AWSRegion')).toMatch(/ /);
});
