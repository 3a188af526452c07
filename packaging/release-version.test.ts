import { describe, expect, it } from 'vitest';
import { nameRelease, type ReleaseFacts } from './release-version.ts';

const commit = {
  hash: 'ae58712d0c0ffee0c0ffee0c0ffee0c0ffee0c0f',
  shortHash: 'ae58712',
  committedAt: new Date('2026-11-22T23:30:05+02:00'),
};

function nameOf(facts: Partial<ReleaseFacts> = {}): ReturnType<typeof nameRelease> {
  const now = new Date('2026-12-24T18:00:01.999Z');
  return nameRelease({ packageVersion: '0.1.0', commit, isModified: false, fingerprint: '1f0c22aa', now, ...facts });
}

describe('the name of a package', () => {
  it('is the version, the time of the commit in UTC, and the commit', () => {
    expect(nameOf()).toEqual({
      version: '0.1.0-20261122213005-ae58712',
      commit: commit.hash,
      date: new Date('2026-11-22T21:30:05Z'),
    });
  });

  it('does not depend on when the package is made', () => {
    expect(nameOf({ now: new Date(0) })).toEqual(nameOf());
  });

  it('says that there are changes, and which', () => {
    expect(nameOf({ isModified: true })).toMatchObject({
      version: '0.1.0-20261122213005-ae58712-modified-1f0c22aa',
      commit: `${commit.hash}-modified`,
    });
  });

  it('differs for two sets of changes to one commit', () => {
    const [one, other] = ['11111111', '22222222'].map(
      (fingerprint) => nameOf({ isModified: true, fingerprint }).version,
    );
    expect(one).not.toBe(other);
  });

  it('has the time of its making where there is no git', () => {
    expect(nameOf({ commit: undefined })).toEqual({
      version: '0.1.0-20261224180001-nogit-1f0c22aa',
      commit: 'unknown',
      date: new Date('2026-12-24T18:00:01.999Z'),
    });
  });
});
