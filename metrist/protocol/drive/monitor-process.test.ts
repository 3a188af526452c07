import { expect, test } from 'vitest';
import { EventQueue } from './monitor-process.ts';

test('returns events in order, whether they come before or while the reader waits', async () => {
  const queue = new EventQueue<number>();
  queue.push(1);
  queue.push(2);
  expect([await queue.next(0), await queue.next(0)]).toEqual([1, 2]);
  const waiting = queue.next(60_000);
  queue.push(3);
  expect(await waiting).toBe(3);
});

test('returns nothing if no event comes in time; the next reader gets the later event', async () => {
  const queue = new EventQueue<number>();
  expect(await queue.next(1)).toBeUndefined();
  expect(await queue.next(-1)).toBeUndefined();
  queue.push(1);
  expect(await queue.next(0)).toBe(1);
});
