import path from 'node:path';
import { expect, test } from 'vitest';
import packageJson from '../package.json' with { type: 'json' };
import { chooseBaseDir, describeUnsupportedNode } from './last-resort.js';

test.for(['v24.15.0', 'v24.99.1', 'v26.0.0', 'v26.10.0', 'v27.1.0', 'v100.0.0'])('%s is supported', (version) => {
  expect(describeUnsupportedNode(version)).toBeUndefined();
});

test.for(['v18.20.0', 'v20.20.2', 'v22.99.0', 'v24.14.9', 'v25.9.0'])('%s is refused in one line', (version) => {
  expect(describeUnsupportedNode(version)).toMatch(/^awsiam needs Node\.js 24\.15 .* this is v\d.* "npm ci" .*\.$/);
  expect(describeUnsupportedNode(version)).toContain(version);
});

test('who has no clone, and so no Node.js from "npm ci", is told how to install one', () => {
  expect(describeUnsupportedNode('v20.20.2', false)).toMatch(
    / this is v20\.20\.2\. "npm install node@26" installs one /,
  );
});

test('package.json has the same rule', () => {
  expect(packageJson.engines.node).toBe('^24.15.0 || >=26.0.0');
});

const clone = path.dirname(import.meta.dirname);

test('in a clone the base directory is the directory of vitest.config.ts, wherever the run was started', () => {
  expect(chooseBaseDir(clone, '/somewhere/else')).toBe(clone);
});

test('for an installed package the base directory is the working directory', () => {
  expect(chooseBaseDir('/srv/app/node_modules/awsiam', '/srv/app')).toBe('/srv/app');
});

test('without vitest.config.ts, which only a clone has, the base directory is the working directory', () => {
  expect(chooseBaseDir('/', '/srv/app')).toBe('/srv/app');
});
