import path from 'node:path';
import { expect, test } from 'vitest';
import { chooseBaseDir, shortenPath } from './base-dir.ts';

const clone = path.dirname(import.meta.dirname);

test('in a clone it is the directory of vitest.config.ts, wherever the run was started', () => {
  expect(chooseBaseDir(clone, '/somewhere/else')).toBe(clone);
});

test('an installed package belongs to the working directory', () => {
  expect(chooseBaseDir('/srv/app/node_modules/awsiam', '/srv/app')).toBe('/srv/app');
});

test('a directory without vitest.config.ts is no clone', () => {
  expect(chooseBaseDir('/', '/srv/app')).toBe('/srv/app');
});

test.for([
  ['/srv/awsiam/results/junit.xml', '/srv/awsiam', 'results/junit.xml'],
  ['/srv/awsiam/results/junit.xml', '/home/me', '/srv/awsiam/results/junit.xml'],
  ['/srv/awsiam', '/srv/awsiam', '/srv/awsiam'],
  ['/srv/awsiam-2/junit.xml', '/srv/awsiam', '/srv/awsiam-2/junit.xml'],
  ['/results/junit.xml', '/', '/results/junit.xml'],
] as const)('%s read in %s is %s', ([file, workingDir, shown]) => {
  expect(shortenPath(file, workingDir)).toBe(shown);
});
