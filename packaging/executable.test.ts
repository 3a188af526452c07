import { expect, it } from 'vitest';
import { requireSeaSupport } from './executable.ts';

const machine = (platform: NodeJS.Platform, node: string): Parameters<typeof requireSeaSupport>[0] => ({
  platform,
  versions: { ...process.versions, node },
});

it.for(['25.5.0', '25.10.1', '26.10.0', '27.0.0-nightly20260904'])('makes executables with Node %s', (node) => {
  requireSeaSupport(machine('linux', node));
});

it.for(['25.4.9', '24.15.0', '20.20.2'])('says that Node %s is too old, and how to get a newer one', (node) => {
  expect(() => requireSeaSupport(machine('linux', node))).toThrow(/25\.5 or newer [^]*npm ci/);
});

it('says that Linux is needed', () => {
  expect(() => requireSeaSupport(machine('darwin', '26.10.0'))).toThrow('only be made on Linux, and this is darwin');
});
