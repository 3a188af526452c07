import { expect, test } from 'vitest';
import { EventQueue } from './monitor-process.ts';

test('gives events in their order, those that came before the reader and those after', async () => {
  const queue = new EventQueue<number>();
  queue.push(1);
  queue.push(2);
  expect([await queue.next(0), await queue.next(0)]).toEqual([1, 2]);
  const waiting = queue.next(Infinity);
  queue.push(3);
  expect(await waiting).toBe(3);
});

test('gives nothing where nothing comes in time, and what comes afterwards to the next reader', async () => {
  const queue = new EventQueue<number>();
  expect(await queue.next(1)).toBeUndefined();
  expect(await queue.next(-1)).toBeUndefined();
  queue.push(1);
  expect(await queue.next(0)).toBe(1);
});
