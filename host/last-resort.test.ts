import { expect, test } from 'vitest';
import packageJson from '../package.json' with { type: 'json' };
import { describeUnsupportedNode } from './last-resort.js';

test.for(['v24.15.0', 'v24.99.1', 'v26.0.0', 'v26.10.0', 'v27.1.0', 'v100.0.0'])('%s is supported', (version) => {
  expect(describeUnsupportedNode(version)).toBeUndefined();
});

test.for(['v18.20.0', 'v20.20.2', 'v22.99.0', 'v24.14.9', 'v25.9.0'])('%s is refused in one line', (version) => {
  expect(describeUnsupportedNode(version)).toMatch(/^awsiam needs Node\.js 24\.15 .* this is v\d.* "npm ci" .*\.$/);
  expect(describeUnsupportedNode(version)).toContain(version);
});

test('package.json has the same rule', () => {
  expect(packageJson.engines.node).toBe('^24.15.0 || >=26.0.0');
});
