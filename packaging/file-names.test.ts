import { expect, it } from 'vitest';
import { isZipFile, latestFile, zipFile } from './file-names.ts';

it('names the archive as the Orchestrator asks for it', () => {
  expect(zipFile('0.1.0-20261122213005-ae58712', { platform: 'linux', arch: 'x64' })).toBe(
    'awsiam-0.1.0-20261122213005-ae58712-linux-x64.zip',
  );
});

it.for([
  ['awsiam-0.1.0-20261122213005-ae58712-linux-x64.zip', true],
  [latestFile, false],
  ['awsiam', false],
  ['other-1.0-linux-x64.zip', false],
  ['.awsiam-0.1.0-linux-x64.zip.4711', false],
] as const)('knows whether %s is an archive of some version: %s', ([name, expected]) => {
  expect(isZipFile(name)).toBe(expected);
});
