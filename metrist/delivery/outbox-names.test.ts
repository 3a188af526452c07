import { describe, expect, test } from 'vitest';
import { batchName, claimName, entryName, parseBatchName, parseEntryName } from './outbox-names.ts';

const at = new Date('2026-11-22T10:00:00.123Z');

describe('the name of a batch', () => {
  test('says when it was put there, and by whom it is held since when', () => {
    const name = batchName(at, '9f3a0c11');
    expect(name).toBe('20261122T100000123-9f3a0c11');
    expect(parseBatchName(name)).toEqual({ name, at });
    expect(parseBatchName(claimName(name, 1_795_341_600_123, 4711))).toEqual({
      name,
      at,
      claimedAtMs: 1_795_341_600_123,
    });
  });

  test('sorts by time', () => {
    const times = [
      '2026-11-22T10:00:00.123Z',
      '2026-11-22T10:00:00.124Z',
      '2026-11-22T10:00:01.000Z',
      '2027-01-01T00:00:00.000Z',
    ];
    const names = times.map((time) => batchName(new Date(time), 'ff'));
    expect(names.toSorted()).toEqual(names);
  });

  test.for([
    'corrupt',
    'README',
    '.DS_Store',
    '20261122T100000123',
    '20261122T100000123-9f3a.claim-',
    '20261399T100000123-9f3a',
    'x20261122T100000123-9f3a',
  ])('%s is none', (text) => {
    expect(parseBatchName(text)).toBeUndefined();
  });
});

describe('the name of an entry', () => {
  test.for([
    ['00-telemetry.json', { index: 0, kind: 'telemetry' }],
    ['09-error.json', { index: 9, kind: 'error' }],
    ['09-error.sent-1795341600123.json', { index: 9, kind: 'error', sentAtMs: 1_795_341_600_123 }],
    ['123-telemetry.json', { index: 123, kind: 'telemetry' }],
  ] as const)('%s says place, kind and whether it was sent', ([text, name]) => {
    expect(entryName(name)).toBe(text);
    expect(parseEntryName(text)).toEqual(name);
  });

  test.for(['9-error.json', '09-error.json.tmp', '09-warning.json', '09-error.sent-.json', 'error.json', '09-error'])(
    '%s is none',
    (text) => {
      expect(parseEntryName(text)).toBeUndefined();
    },
  );
});
