import { expect, test } from 'vitest';
import { failedStep, monitorRun, passedStep, stepError } from '../runner/testing/builders.ts';
import { withRelativeStacks } from './relative-stacks.ts';

test('paths in stacks are shown relative to the project, and nothing else is touched', () => {
  const stack = 'Error: x\n    at a (/srv/awsiam/suites/steps.ts:1:2)\n    at file:///srv/awsiam/runner/run.ts:3:4';
  const relative = 'Error: x\n    at a (suites/steps.ts:1:2)\n    at runner/run.ts:3:4';
  const run = monitorRun({
    steps: [passedStep(), failedStep({ error: stepError({ stack, message: '/srv/awsiam/ stays' }) })],
    problems: [
      { kind: 'load', message: 'm', stack },
      { kind: 'empty', message: 'no stack' },
    ],
  });
  expect(withRelativeStacks(run, '/srv/awsiam')).toEqual({
    ...run,
    steps: [passedStep(), failedStep({ error: stepError({ stack: relative, message: '/srv/awsiam/ stays' }) })],
    problems: [
      { kind: 'load', message: 'm', stack: relative },
      { kind: 'empty', message: 'no stack' },
    ],
  });
});
