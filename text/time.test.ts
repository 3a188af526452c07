import { expect, test } from 'vitest';
import { formatUtc } from './time.ts';

test('a moment is shown to the minute, in UTC', () => {
  expect(formatUtc(Date.UTC(2026, 10, 2, 3, 4, 59, 999))).toBe('2026-11-02 03:04 UTC');
});
