import { expect, test } from 'vitest';
import { mergeEnvFile } from './env-file.ts';

test('adds what the environment does not have', () => {
  expect(mergeEnvFile({ A: 'a' }, { B: 'b', C: 'c' })).toEqual({ B: 'b', C: 'c' });
});

test('leaves what is set in the environment', () => {
  expect(mergeEnvFile({ A: 'a', B: '0' }, { A: 'other', B: '1' })).toEqual({});
});

test.for(['', ' ', '\t', undefined])('takes a variable with %j for one that is not set', (empty) => {
  expect(mergeEnvFile({ METRIST_NAMESPACE: empty }, { METRIST_NAMESPACE: 'prod' })).toEqual({
    METRIST_NAMESPACE: 'prod',
  });
});

test('adds nothing that is empty in the file', () => {
  expect(mergeEnvFile({ B: '' }, { A: '', B: ' ' })).toEqual({});
});
